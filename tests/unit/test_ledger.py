"""The chain of hashes: it holds as written, and shows every change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcity_flow.domain.ledger import GENESIS, breaks, entry_hash, sealed
from kcity_flow.domain.messages import Entry, Order, Outcome, Refused
from kcity_flow.domain.stages import Stage, Via
from tests.unit.case import Case

ENTRIES = Case().to(Stage.SHORTLISTED).entries


def test_a_chain_as_it_was_written_holds():
    assert breaks(ENTRIES) == []
    assert [entry.number for entry in ENTRIES] == list(range(1, len(ENTRIES) + 1))
    assert ENTRIES[0].previous == GENESIS


def test_an_entry_read_from_its_json_has_the_same_hash():
    assert [entry_hash(Entry.model_validate_json(entry.model_dump_json())) for entry in ENTRIES] == [
        entry.hash for entry in ENTRIES
    ]


@given(st.data())
def test_any_changed_field_shows(data):
    index = data.draw(st.integers(0, len(ENTRIES) - 1))
    field = data.draw(st.sampled_from([name for name in Entry.model_fields if name not in ("hash", "number")]))
    other = {
        "data": {"x": 1}, "at": ENTRIES[0].at.replace(year=2001), "recorded_at": ENTRIES[0].at.replace(year=2001),
        "via": Via.SIGNAL, "outcome": Outcome.REFUSED, "proposal": 77, "supersedes": 77, "evidence": (GENESIS,),
        "refused": Refused(code="x"), "order": Order(edition=2021, entry=7, proposed_by="P-A", approved_by="P-B"),
    }.get(field, "x")  # fmt: skip
    changed = ENTRIES[index].model_copy(update={field: other})

    assert breaks([*ENTRIES[:index], changed, *ENTRIES[index + 1 :]]) != []


def test_the_wording_of_a_refusal_may_change_and_its_code_and_guard_may_not():
    refused = Refused(code="GuardFailed", guard="eligible", missing="as it was worded then")
    entry = sealed(ENTRIES[0].model_copy(update={"refused": refused}))

    def with_refusal(**change):
        return entry_hash(entry.model_copy(update={"refused": refused.model_copy(update=change)}))

    assert with_refusal(missing="as it is worded now") == entry.hash
    assert entry.hash not in (with_refusal(code="x"), with_refusal(guard="x"))


def test_a_field_that_is_added_later_changes_no_older_hash():
    class Later(Entry):
        legal_hold: bool = False

    assert [entry_hash(Later(**entry.model_dump())) for entry in ENTRIES] == [entry.hash for entry in ENTRIES]


@given(st.integers(0, len(ENTRIES) - 2))
def test_a_missing_entry_shows(index):
    assert breaks([*ENTRIES[:index], *ENTRIES[index + 1 :]])[0] == (
        f"{ENTRIES[0].subject}: entry {index + 1} is missing, {index + 2} stands in its place"
    )


@given(st.integers(0, len(ENTRIES) - 2))
def test_a_changed_entry_sealed_anew_breaks_the_link_after_it(index):
    forged = sealed(ENTRIES[index].model_copy(update={"person": "P-FORGER"}))

    assert breaks([*ENTRIES[:index], forged, *ENTRIES[index + 1 :]]) == [
        f"{forged.subject}: entry {index + 2} does not follow the one before it"
    ]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.number}-{entry.command}")
def test_no_entry_holds_a_float(entry):
    def floats(value):
        match value:
            case dict():
                return [f for inner in value.values() for f in floats(inner)]
            case list():
                return [f for inner in value for f in floats(inner)]
        return [value] if isinstance(value, float) else []

    assert floats(entry.model_dump(mode="json")) == []
