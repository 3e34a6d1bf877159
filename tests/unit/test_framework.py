"""The cooperation framework: its text, who signs it, who will not, and what becomes of it."""

from datetime import date, timedelta
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from kcity_flow.domain.errors import GuardFailed, IllegalMove
from kcity_flow.domain.stages import Role, Stage
from kcity_flow.interfaces import tables
from kcity_flow.rehearsal.report import Frameworks, Ledgers
from tests.unit.case import HASH, REASON, Case, seoul

SECOND_TEXT = "c" * 64
KINDS = {"MOLIT": "korean_government", "CITY": "host_government", "FIRM": "company"}


@pytest.fixture
def tabled() -> Case:
    """At the framework: a text is tabled, both governments and a company are listed, nobody has signed."""
    case = Case().to(Stage.FRAMEWORK)
    case.do("table_text", text=HASH)
    for party, kind in KINDS.items():
        case.two("list_party", party=party, kind=kind, signatory=f"P-{party}")
    return case


def signatures(case: Case) -> dict[str, tuple[bool, int | None, date | None]]:
    return {name: (p.signed, p.version, p.signed_on) for name, p in case.facts.parties.items()}


def waits(case: Case) -> dict[str, tuple[str, ...]]:
    return {w.what: w.to for w in case.file.view().waiting if not w.proposal}


def told(case: Case, trigger: str) -> list[tuple[str, str]]:
    """The letters that the last entry of this move called for: which, and to whom."""
    number = next(e.number for e in reversed(case.entries) if e.command == trigger and e.outcome == "made")
    return [(letter.template, letter.to) for letter in case.letters if letter.about == number]


def shown(case: Case) -> str:
    console = Console(width=160, file=StringIO())
    console.print(tables.framework(case.facts))
    return console.file.getvalue()


# --- the text ---------------------------------------------------------------------------------------------------------


def test_a_new_text_ends_the_signatures_to_the_old_one_which_the_ledger_keeps(tabled):
    tabled.put_signature("MOLIT")
    assert signatures(tabled)["MOLIT"] == (True, 1, tabled.today)

    tabled.wait(days=3).do("table_text", text=SECOND_TEXT)

    assert signatures(tabled) == dict.fromkeys(KINDS, (False, None, None))
    assert [e.data["text"] for e in tabled.entries if e.command == "sign"] == [HASH]
    tabled.put_signature("MOLIT")
    assert signatures(tabled)["MOLIT"] == (True, 2, tabled.today)


def test_there_is_no_new_text_once_the_framework_is_complete():
    case = Case().to(Stage.PROCUREMENT)

    with pytest.raises(IllegalMove):
        case.do("table_text", Role.DESK, text=SECOND_TEXT)


def test_everybody_who_is_to_sign_is_told_of_a_new_text(tabled):
    tabled.do("table_text", text=SECOND_TEXT)

    assert told(tabled, "table_text") == [("framework_text", f"P-{party}") for party in KINDS]


def test_rounds_of_negotiation_are_counted_and_change_no_text(tabled):
    tabled.put_signature("MOLIT")
    for day in range(2):
        took_part = ["MOLIT", "CITY"]
        tabled.wait(days=day)
        tabled.do(
            "negotiate_text", person="P-CITY", party="CITY", took_part=took_part, held_on=tabled.today, minutes=HASH
        )

    assert [(r.asked_by, r.took_part) for r in tabled.facts.framework.rounds] == [("CITY", ("MOLIT", "CITY"))] * 2
    assert (len(tabled.facts.framework.texts), signatures(tabled)["MOLIT"][0]) == (1, True)


# --- parties ----------------------------------------------------------------------------------------------------------


def test_a_party_that_was_struck_may_be_listed_again_and_its_signatory_is_told(tabled):
    tabled.two("strike_party", party="FIRM", reason=REASON)

    assert list(tabled.facts.parties) == ["MOLIT", "CITY"]
    assert told(tabled, "strike_party") == [("signature_not_asked", "P-FIRM")]
    tabled.two("list_party", party="FIRM", kind="company", signatory="P-OTHER")
    assert tabled.facts.parties["FIRM"].signatory == "P-OTHER"


def test_both_are_told_where_another_person_is_to_sign(tabled):
    tabled.two("replace_signatory", party="CITY", signatory="P-NEW", evidence=[HASH])

    assert told(tabled, "replace_signatory") == [("signatory_named", "P-NEW"), ("signature_not_asked", "P-CITY")]
    with pytest.raises(GuardFailed, match="signs_for_itself"):
        tabled.put_signature("CITY", person="P-CITY")
    tabled.put_signature("CITY")


def test_another_person_does_not_take_the_partys_refusal_back(tabled):
    tabled.do("refuse_signature", Role.DESK, party="CITY", evidence=[HASH])
    tabled.two("replace_signatory", party="CITY", signatory="P-NEW", evidence=[HASH])

    assert tabled.facts.parties["CITY"].refused


def test_both_governments_are_enough_to_complete_and_everybody_is_needed_for_the_contract(tabled):
    for party in ("MOLIT", "CITY"):
        tabled.put_signature(party)
    tabled.do("complete_framework")
    tabled.two("list_party", party="O-KR", kind="company", signatory="P-SIGN-O-KR")
    tabled.put_signature("O-KR", "accede")
    tabled.tender()

    with pytest.raises(GuardFailed, match="everybody_signed") as refusal:
        tabled.contract()
    assert refusal.value.missing == "signatures of FIRM"
    tabled.put_signature("FIRM", "accede")
    tabled.contract()


# --- refusal ----------------------------------------------------------------------------------------------------------


def test_a_refusal_is_told_to_those_who_decide_and_taken_back_by_signing(tabled):
    tabled.do("refuse_signature", person="P-CITY", party="CITY")
    assert told(tabled, "refuse_signature") == [("signature_refused", "ministry"), ("signature_refused", "desk")]
    assert (waits(tabled)["framework_refused"], waits(tabled)["framework_signature"]) == (
        ("ministry",),
        ("P-MOLIT", "P-FIRM"),
    )

    tabled.put_signature("CITY")

    assert not tabled.facts.parties["CITY"].refused
    assert "framework_refused" not in waits(tabled)


def test_signing_between_the_two_persons_of_a_failure_keeps_the_framework_alive(tabled):
    tabled.do("refuse_signature", person="P-CITY", party="CITY")
    failure = {"ground": "party_refused", "reason": REASON}
    proposed = tabled.do("fail_framework", **failure)
    tabled.put_signature("CITY")

    with pytest.raises(GuardFailed, match="framework_has_failed"):
        tabled.do("fail_framework", person="P-MINISTRY-2", proposal=proposed.entry, **failure)


def test_the_place_is_free_once_the_framework_has_failed(tabled):
    tabled.do("refuse_signature", person="P-CITY", party="CITY")
    tabled.two("fail_framework", ground="party_refused", reason=REASON)

    assert (tabled.stage, tabled.facts.place) == (Stage.CANCELLED, None)
    assert [(r.ref, r.reserve) for r in tabled.file.releases] == [(tabled.ref, False)]


def test_the_desk_strikes_or_asks_anew_a_party_without_which_work_can_begin(tabled):
    tabled.do("refuse_signature", person="P-FIRM", party="FIRM")

    assert (waits(tabled)["strike_party"], "framework_refused" in waits(tabled)) == (("desk",), False)


# --- more time --------------------------------------------------------------------------------------------------------


def extend(case: Case, until: date, *missing: str) -> None:
    case.two("extend_signature", signs_by=until, missing=missing or tuple(KINDS), reason=REASON)


def test_more_time_moves_both_days_and_is_told_to_whoever_was_told(tabled):
    tabled.do("refuse_signature", person="P-FIRM", party="FIRM")
    extend(tabled, date(2021, 8, 31))

    due = {name: tabled.file.timers[name].due_at for name in ("framework_signature", "framework_long_stop")}
    assert due == {"framework_signature": seoul(2021, 9, 1), "framework_long_stop": seoul(2021, 10, 1)}
    assert tabled.facts.framework.signs_by == date(2021, 8, 31)
    letters = [("signature_extended", to) for to in ("P-MAYOR", "P-MOLIT", "P-CITY")]
    assert told(tabled, "extend_signature") == letters


def test_more_time_brings_back_a_long_stop_that_has_passed(tabled):
    tabled.wait(days=91)
    assert not tabled.file.timers.keys() & {"framework_signature", "framework_long_stop"}
    assert waits(tabled)["framework_long_stop"] == ("ministry",)

    last = tabled.today + timedelta(days=20)
    extend(tabled, last)

    with pytest.raises(GuardFailed, match="framework_has_failed"):
        tabled.two("fail_framework", ground="long_stop", reason=REASON)
    before = len(tabled.letters)
    tabled.until(tabled.file.timers["framework_long_stop"].due_at)
    asked_again = {
        x.to for x in tabled.letters[before:] if "/framework_signature/" in x.key and x.template == "reminder"
    }
    assert asked_again == {"P-MOLIT", "P-CITY", "P-FIRM"}
    tabled.two("fail_framework", ground="long_stop", reason=REASON)


def test_more_time_is_judged_anew_where_a_party_signs_before_the_second_person_acts(tabled):
    data = {"signs_by": date(2021, 8, 31), "missing": tuple(KINDS), "reason": REASON}
    proposed = tabled.do("extend_signature", **data)
    tabled.put_signature("FIRM")

    with pytest.raises(GuardFailed, match="names_the_missing"):
        tabled.do("extend_signature", person="P-MINISTRY-2", proposal=proposed.entry, **data)


@settings(max_examples=30)
@given(waited=st.integers(0, 120), later=st.integers(1, 400))
def test_the_long_stop_keeps_its_thirty_days_whenever_the_last_day_is_moved(waited, later):
    case = Case().to(Stage.FRAMEWORK)
    case.do("table_text", text=HASH)
    timer = case.file.timers["framework_signature"]
    case.wait(days=waited)
    last = max(timer.due_at, case.now).astimezone(seoul(2021, 1, 1).tzinfo).date() + timedelta(days=later)
    extend(case, last, "korean_government", "host_government")

    ends = seoul(last.year, last.month, last.day) + timedelta(days=1)
    due = [case.file.timers[name].due_at for name in ("framework_signature", "framework_long_stop")]
    assert due == [ends, ends + timedelta(days=30)]


# --- what people see --------------------------------------------------------------------------------------------------


def test_whose_turn_it_is_follows_the_framework(tabled):
    case = Case().to(Stage.FRAMEWORK)
    assert {what: waits(case)[what] for what in ("list_party", "table_text")} == {
        "list_party": ("desk",),
        "table_text": ("desk",),
    }

    assert not waits(tabled).keys() & {"list_party", "table_text", "complete_framework"}
    for party in ("MOLIT", "CITY"):
        tabled.put_signature(party)
    assert (waits(tabled)["framework_signature"], waits(tabled)["complete_framework"]) == (("P-FIRM",), ("desk",))
    tabled.do("complete_framework")
    assert waits(tabled)["accede"] == ("P-FIRM",)


def test_who_has_signed_which_text_and_when_is_shown(tabled):
    tabled.put_signature("MOLIT")
    tabled.do("refuse_signature", person="P-FIRM", party="FIRM")
    tabled.do("negotiate_text", person="P-CITY", party="CITY", took_part=["CITY"], held_on=tabled.today, minutes=HASH)
    extend(tabled, date(2021, 8, 31), "CITY", "FIRM")

    told = " ".join(shown(tabled).split())
    assert told.startswith(
        f"framework: text 1 in force ({HASH}), tabled on 2021-05-31; 1 round of negotiation, the last on 2021-05-31; "
        "extended to 2021-08-31; missing: CITY, FIRM"
    )
    assert "MOLIT korean government P-MOLIT text 1 on 2021-05-31" in told
    assert "CITY host government P-CITY no" in told
    assert "FIRM company P-FIRM refuses" in told


def frameworks(*cases: Case) -> Frameworks:
    entries = [e.model_copy(update={"subject": f"KC2021-PLA-{n:04}"}) for n, c in enumerate(cases) for e in c.entries]
    return Ledgers(cases[0].edition, entries).frameworks()


def completed(days: int) -> Case:
    case = Case().to(Stage.FRAMEWORK).wait(days=days)
    case.step()
    return case


def failed() -> Case:
    case = Case().to(Stage.FRAMEWORK).wait(days=91)
    case.two("fail_framework", ground="long_stop", reason=REASON)
    return case


def test_the_report_counts_frameworks_and_how_long_they_took():
    assert frameworks(completed(5), failed(), completed(9), completed(30)) == Frameworks(
        signed=3, failed=1, median_days=9
    )
    assert frameworks(failed()) == Frameworks(signed=0, failed=1, median_days=None)


def test_what_was_taken_back_is_neither_signed_nor_failed_in_the_report():
    case = completed(5)
    case.two("return_to_framework", reason=REASON)

    assert frameworks(case) == Frameworks(signed=0, failed=0, median_days=None)
