"""What crosses a process boundary."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcity_flow.domain.errors import Unreadable
from kcity_flow.domain.messages import (
    APPLICATION_COMMANDS,
    EDITION_COMMANDS,
    Command,
    StartApplication,
    application_id,
    canonical,
    edition_id,
    parse,
    unknown_fields,
)
from kcity_flow.domain.values import canonical_instant
from tests.unit.case import HASH, Case

BY = {"person": "P-DESK", "role": "desk"}


def test_an_instant_is_written_in_utc_with_six_decimals():
    seoul = datetime(2021, 4, 21, tzinfo=timezone(timedelta(hours=9)))

    assert canonical_instant(seoul) == "2021-04-20T15:00:00.000000Z"


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans()))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value):
    assert canonical(dict(reversed(value.items()))) == canonical(value)
    assert json.loads(canonical(value)) == value


@pytest.mark.parametrize(
    "model", sorted({*APPLICATION_COMMANDS.values(), *EDITION_COMMANDS.values()}, key=lambda m: m.__name__)
)
def test_every_command_says_what_it_means_and_cannot_be_changed(model):
    assert model.__doc__
    assert issubclass(model, Command)
    assert model.model_config["frozen"]


def test_a_command_without_a_zone_is_refused():
    with pytest.raises(Unreadable, match="date_at: Input should have timezone info"):
        parse("application", "schedule", {"id": "1", "by": BY, "date_at": "2021-05-01T10:00:00"})


@pytest.mark.parametrize(
    ("trigger", "data", "field"),
    [
        ("withdraw", {"evidence": ["x"]}, "evidence.0"),
        ("withdraw", {"reason": "because"}, "reason"),
        ("withdraw", {"note": "Dear Madam"}, "note"),
        ("withdraw", {"by": {"person": "Kim Minji", "role": "desk"}}, "by.person"),
        ("withdraw", {"by": {"person": "P-1", "role": "king"}}, "by.role"),
        ("withdraw", {"id": ""}, "id"),
        ("seal_sheet", {"scores": {"a": 80.5}}, "scores.a"),
        ("seal_sheet", {"scores": {"a": "high"}}, "scores.a"),
        ("select", {"krw": -1, "rank": 1}, "krw"),
        ("select", {"krw": 1, "rank": 0}, "rank"),
    ],
)
def test_a_field_that_does_not_fit_is_named(trigger, data, field):
    with pytest.raises(Unreadable) as refused:
        parse("application", trigger, {"id": "1", "by": BY} | data)

    assert refused.value.missing.startswith(f"{field}: ")


def test_the_name_of_the_update_is_the_trigger_whatever_the_payload_says():
    assert parse("application", "withdraw", {"id": "1", "by": BY, "trigger": "close"}).trigger == "withdraw"


def test_unknown_fields_are_named_to_the_gateway_and_ignored_by_workflows():
    data = {"id": "1", "by": BY, "colour": "red"}

    assert unknown_fields("withdraw", "application", data) == ["colour"]
    assert "colour" not in parse("application", "withdraw", data).model_dump()


def test_two_persons_agree_on_the_substance_alone():
    first = parse("application", "merge_duplicate", {"id": "1", "by": BY, "survivor": "KC2021-PLA-0002"})
    second = parse("application", "merge_duplicate", {
        "id": "2", "by": {"person": "P-HEAD", "role": "head"}, "survivor": "KC2021-PLA-0002", "reason": HASH,
        "evidence": [HASH], "proposal": 3,
    })  # fmt: skip

    assert first.substance() == second.substance() == {"trigger": "merge_duplicate", "survivor": "KC2021-PLA-0002"}


def test_workflow_ids_are_readable():
    assert (application_id("KC2021-PLA-0042"), edition_id(2021)) == ("application/KC2021-PLA-0042", "edition/2021")


def test_a_workflow_s_input_survives_its_json():
    case = Case()
    start = StartApplication(ref=case.ref, edition=case.edition, edition_hash=HASH, file={"entries": 3})

    again = StartApplication.model_validate_json(start.model_dump_json())
    # Whom the announcement names stays in the file.
    assert again.model_dump() == start.model_dump()
    assert start.edition.notice.contact is not None
    assert again.edition.notice.contact is None
