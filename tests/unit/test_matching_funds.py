"""Matching funds that are promised in another currency: exact sums, and whoever reads the ranking sees how."""

from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kcity_flow.domain.messages import MatchingFund
from kcity_flow.interfaces import files, tables
from tests.unit.case import HASH, Case, rules

TUGRIK = {"krw": 19_570_000, "sha256": HASH, "amount": "50000000.5", "currency": "MNT", "rate": "0.3914",
          "rate_on": date(2021, 2, 19)}  # fmt: skip
EXACT = Context(prec=60)


def decimals(digits: int, places: int) -> st.SearchStrategy[str]:
    whole = st.integers(0, 10**digits - 1).map(str)
    return whole | st.tuples(whole, st.text("0123456789", min_size=1, max_size=places)).map(".".join)


@given(decimals(15, 4), decimals(9, 9))
def test_the_sum_is_the_exact_product_in_whole_won_a_half_rounded_up(amount, rate):
    product = EXACT.multiply(Decimal(amount), Decimal(rate))

    assert MatchingFund(krw=0, sha256=HASH, amount=amount, rate=rate).converted == int(
        product.quantize(Decimal(1), ROUND_HALF_UP, EXACT)
    )


@pytest.mark.parametrize("amount", [1.5, "1,5", "1e9", "-1", "1.23456", "1" * 16])
def test_a_sum_that_is_no_exact_decimal_is_refused(amount):
    with pytest.raises(ValidationError, match="amount"):
        MatchingFund(krw=1, sha256=HASH, amount=amount)


def test_an_application_shows_what_was_promised_and_at_which_rate():
    case = Case()
    case.now = case.window.opens_at.replace(month=3)
    case.receive(matching=TUGRIK)

    view = case.file.view()
    assert view.matching is not None
    assert (view.matching_krw, tables.matching(view.matching)) == (
        19_570_000, "19,570,000 KRW: 50000000.5 MNT at 0.3914 KRW, the rate of 2021-02-19",
    )  # fmt: skip


COLUMNS = "programme,title,city,country,kind,organisation,contact,address,received_at,channel"
ROW = "planning,A plan,Darkhan,MN,local_government,City of Darkhan,Bat,bat@example.org,2021-03-02T10:00,post"


def read(tmp_path: Path, *cells: str) -> files.Row:
    file = tmp_path / "one.csv"
    header = f"{COLUMNS},matching_krw,matching_sha256,matching_amount,matching_currency,matching_rate,matching_rate_on"
    file.write_text(f"{header}\n{ROW},{','.join(cells)}\n", encoding="utf-8")
    edition: Any = rules("2021")
    [row] = files.rows(files.read(file), edition, edition.windows[0].closes_at, lambda _: HASH)
    return row


def test_a_file_may_bring_them_and_each_fault_is_told(tmp_path):
    sound = read(tmp_path, "19570000", HASH, "50000000.5", "MNT", "0.3914", "2021-02-19")
    unknown = read(tmp_path, "19570000", HASH, "50000000.5", "MNX", "0.3914", "2021-02-19")
    wrong = read(tmp_path, "19570001", HASH, "50000000.5", "MNT", "0.3914", "2021-02-19")
    half = read(tmp_path, "19570000", HASH, "50000000.5", "MNT")

    assert (sound.faults, sound.data["matching"]["currency"]) == ((), "MNT")
    assert unknown.faults == ("no currency has the code 'MNX'; write an ISO 4217 code like MNT",)
    assert wrong.faults == ("it lacks 19,570,000 KRW, which is what 50000000.5 MNT comes to",)
    assert half.faults == ("it lacks rate, rate_on of the matching funds",)
