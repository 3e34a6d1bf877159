import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command

from kcity_flow.adapters import vault as module
from kcity_flow.adapters.documents import DocumentChanged, Documents
from kcity_flow.adapters.stores import alembic_config
from kcity_flow.adapters.vault import ACTS, Act, CannotAct, JournalBroken, Person, Seal, State, Vault
from kcity_flow.domain.stages import Role
from kcity_flow.letters import Mail

AT = datetime(2021, 3, 2, 5, 0, tzinfo=UTC)


@pytest.fixture
def vault(tmp_path: Path):
    vault = Vault(f"sqlite:///{tmp_path / 'vault.db'}")
    vault.prepare()
    yield vault
    vault.close()


def mail(key: str = "k1", person: str = "P-MAYOR", why: str = "") -> Mail:
    return Mail(
        key, "KC2021-PLA-0001", "acknowledgement", person, "mayor@example.org", "Received", "Dear Mayor,\n", why
    )


# --- people ---


def test_a_person_is_kept_under_an_id_that_says_nothing(vault: Vault):
    id = vault.add_person("Nino Beridze", "nino@example.org", language="ko", roles=[Role.DESK, Role.HEAD])

    assert vault.person(id) == Person(
        id=id, name="Nino Beridze", address="nino@example.org", language="ko", roles=(Role.DESK, Role.HEAD)
    )
    assert id.startswith("P-")
    assert "nino" not in id.lower()


def test_people_are_found_by_role(vault: Vault):
    vault.add_person("A", "a@example.org", roles=[Role.DESK], id="P-A")
    vault.add_person("B", "b@example.org", roles=[Role.DESK, Role.HEAD], id="P-B")

    assert [person.id for person in vault.people()] == ["P-A", "P-B"]
    assert [person.id for person in vault.people(Role.HEAD)] == ["P-B"]
    assert vault.people("subscribers") == []
    assert vault.has_role("P-B", Role.HEAD)
    assert not vault.has_role("P-A", Role.HEAD)
    assert not vault.has_role("P-NOBODY", Role.HEAD)


def test_adding_somebody_again_brings_them_up_to_date(vault: Vault):
    vault.add_person("A", "a@example.org", roles=[Role.DESK], id="P-A")
    vault.add_person("A", "new@example.org", roles=[Role.HEAD], id="P-A")

    assert vault.people() == [Person(id="P-A", name="A", address="new@example.org", roles=(Role.HEAD,))]


def test_an_erased_person_leaves_an_id_and_no_trace_else(vault: Vault):
    id = vault.add_person("Nino Beridze", "nino@example.org", roles=[Role.APPLICANT])
    vault.queue([Mail("k1", "KC2021-PLA-0001", "t", id, "nino@example.org", "Received", "Dear Nino Beridze,\n")])

    vault.erase(id)
    vault.close()

    assert vault.person(id) == Person(id=id, name="", address="", roles=(Role.APPLICANT,))
    assert [(row.state, row.body) for row in vault.outbox()] == [(State.CANCELLED, "")]
    assert vault.claim() is None


# --- texts ---


def test_a_commitment_is_the_salted_hash_of_its_text(vault: Vault):
    first, second = vault.commit("too late"), vault.commit("too late")

    assert vault.text(first) == vault.text(second) == "too late"
    assert first != second
    assert first != hashlib.sha256(b"too late").hexdigest()


def test_a_redacted_text_is_gone(vault: Vault):
    commitment = vault.commit("she was ill")

    vault.redact(commitment)

    assert vault.text(commitment) is None


def test_a_text_that_was_changed_is_not_given_out(vault: Vault):
    commitment = vault.commit("approved")
    with vault.writing() as connection:
        connection.exec_driver_sql("UPDATE texts SET text = 'refused'")

    assert vault.text(commitment) is None


# --- outbox ---


def test_a_letter_is_queued_once_however_often_it_is_brought(vault: Vault):
    vault.queue([mail()])
    vault.queue([mail()])

    assert [row.key for row in vault.outbox()] == ["k1"]


def test_a_letter_that_lacks_something_is_held(vault: Vault):
    vault.queue([mail(why="P-MAYOR has no mail address.")])

    assert [(row.state, row.why) for row in vault.outbox(State.HELD)] == [("held", "P-MAYOR has no mail address.")]
    assert vault.claim() is None


def test_no_two_workers_get_the_same_letter(vault: Vault):
    vault.queue([mail(f"k{number}") for number in range(40)])
    other = Vault(str(vault.url))

    with ThreadPoolExecutor(8) as workers:
        claims = list(workers.map(lambda number: (vault, other)[number % 2].claim(), range(60)))

    taken = [claim.key for claim in claims if claim]
    assert sorted(taken) == sorted(f"k{number}" for number in range(40))
    other.close()


def test_a_letter_to_be_tried_later_is_not_claimed_now(vault: Vault):
    vault.queue([mail()])
    claimed = vault.claim()
    assert claimed

    vault.settle(claimed, State.QUEUED, why="busy", pause=timedelta(minutes=1))

    assert vault.claim() is None


def test_a_worker_that_was_too_slow_cannot_settle_what_another_has_taken_over(vault: Vault):
    vault.queue([mail()])
    slow = vault.claim()
    assert slow
    vault.settle(slow, State.QUEUED, in_doubt=True)
    quick = vault.claim()

    vault.settle(slow, State.SENT)

    assert [(row.state, row.attempts) for row in vault.outbox()] == [("sending", 2)]
    assert quick
    vault.settle(quick, State.SENT)
    assert [(row.state, row.in_doubt) for row in vault.outbox()] == [("sent", True)]


def test_what_a_dead_worker_was_sending_is_found_at_once(vault: Vault, monkeypatch: pytest.MonkeyPatch):
    vault.queue([mail()])
    vault.claim()
    assert vault.interrupted() == []

    monkeypatch.setattr(module, "_THIS_PROCESS", "another/1/x")

    assert [row.key for row in vault.interrupted()] == ["k1"]


def test_what_a_worker_elsewhere_was_sending_is_found_after_its_lease(vault: Vault, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_THIS_PROCESS", "elsewhere/1/x")
    vault.queue([mail()])
    vault.claim()
    assert vault.interrupted() == []

    monkeypatch.setattr(module, "now", lambda: "9999")

    assert [row.key for row in vault.interrupted()] == ["k1"]


@pytest.mark.parametrize(
    ("act", "state", "becomes"),
    [
        *((act, state, dest or state) for act, (sources, dest) in ACTS.items() for state in sources),
        *((act, state, None) for act, (sources, _) in ACTS.items() for state in State if state not in sources),
    ],
)
def test_the_desk_does_what_the_table_says_and_nothing_else(
    vault: Vault, act: Act, state: State, becomes: State | None
):
    vault.queue([mail()])
    with vault.writing() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = ?", (state.value,))

    if becomes:
        vault.treat(act, ["k1"], "P-DESK")
    else:
        with pytest.raises(CannotAct, match=f"The letter k1 is {state}; {act} takes one that is "):
            vault.treat(act, ["k1"], "P-DESK")

    assert [row.state for row in vault.outbox()] == [becomes or state]
    assert [(done.person, done.act) for done in vault.acts("k1")] == [("P-DESK", act)] * bool(becomes)


def test_many_letters_are_treated_all_or_none(vault: Vault):
    vault.queue([mail("k1"), mail("k2"), mail("k3", why="Held.")])

    with pytest.raises(CannotAct, match="The letter k3 is held"):
        vault.treat(Act.HOLD, ["k1", "k2", "k3"], "P-DESK")
    with pytest.raises(CannotAct, match="There is no letter k4"):
        vault.treat(Act.HOLD, ["k1", "k4"], "P-DESK")

    assert [row.state for row in vault.outbox()] == ["queued", "queued", "held"]
    assert vault.acts("k1") == []


def test_what_is_sent_again_goes_to_the_address_that_its_person_has_by_then(vault: Vault):
    vault.queue([mail()])
    claimed = vault.claim()
    assert claimed
    vault.settle(claimed, State.FAILED, why="no such user", in_doubt=True)
    vault.add_person("Mayor", "new@example.org", id="P-MAYOR")

    (row,) = vault.treat(Act.RETRY, ["k1"], "P-DESK")

    assert (row.state, row.address, row.attempts, row.why) == ("queued", "new@example.org", 0, "")
    assert (row.message_id, row.in_doubt) == (claimed.message_id, True)
    assert row.queued_at > claimed.queued_at  # its days begin anew
    assert [(done.act, done.address) for done in vault.acts("k1")] == [("retry", "mayor@example.org")]


def test_an_edited_letter_has_its_new_words_and_the_old_ones_are_kept(vault: Vault):
    vault.queue([mail(why="Held.")])

    vault.treat(Act.EDIT, ["k1"], "P-DESK", subject_line="Another", body="Dear Mayor,\n\nno.\n")
    vault.treat(Act.EDIT, ["k1"], "P-HEAD", body="Dear Mayor,\n\nyes.\n")

    assert [(row.subject_line, row.body) for row in vault.outbox()] == [("Another", "Dear Mayor,\n\nyes.\n")]
    assert [(done.person, done.subject_line, done.body) for done in vault.acts("k1")] == [
        ("P-DESK", "Received", "Dear Mayor,\n"),
        ("P-HEAD", "Another", "Dear Mayor,\n\nno.\n"),
    ]


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"address": ""}, "has no address; give one to P-MAYOR"),
        ({"body": ""}, "has no text; write one"),
        ({"subject_line": ""}, "has no text; write one"),
    ],
)
def test_a_letter_that_lacks_something_is_not_released(vault: Vault, lacking: dict[str, str], said: str):
    vault.queue([mail(why="Held.")._replace(**lacking)])

    with pytest.raises(CannotAct, match=said):
        vault.treat(Act.RELEASE, ["k1"], "P-DESK")

    assert vault.claim() is None


def test_a_letter_to_a_role_that_nobody_had_is_left_to_the_desks_own_hand(vault: Vault):
    vault.queue([Mail("k1", "KC2021-PLA-0001", "acknowledgement", "finance", why="Nobody goes by finance.")])

    with pytest.raises(CannotAct, match="nobody went by finance when it was written; cancel it"):
        vault.treat(Act.RELEASE, ["k1"], "P-DESK")


def test_a_vault_of_the_version_before_is_brought_up_to_date_with_its_letters(tmp_path: Path):
    vault = Vault(f"sqlite:///{tmp_path / 'older.db'}")
    with vault.writing() as connection:
        command.upgrade(alembic_config(vault, connection), "0001")
        connection.exec_driver_sql(
            "INSERT INTO outbox VALUES ('k1', '<1@kcity-flow>', 'KC2021-PLA-0001', 'acknowledgement', 'P-MAYOR',"
            " 'mayor@example.org', 'Received', 'Dear Mayor', 'queued', 0, 0, '2021', '2021', '', NULL, '')"
        )

    vault.prepare()

    claimed = vault.claim(timedelta(minutes=1))
    assert claimed
    assert (claimed.key, claimed.attempts) == ("k1", 1)
    vault.close()


def test_an_erased_persons_letters_leave_no_trace_in_what_the_desk_did_either(vault: Vault):
    vault.add_person("Mayor", "mayor@example.org", id="P-MAYOR")
    vault.queue([mail(why="Held.")])
    vault.treat(Act.EDIT, ["k1"], "P-DESK", body="Dear Mayor,\n\nno.\n")

    vault.erase("P-MAYOR")

    assert [(done.act, done.address, done.body) for done in vault.acts("k1")] == [("edit", "", "")]


def test_whoever_takes_letters_at_a_pace_takes_none_before_its_turn(vault: Vault):
    vault.queue([mail("k1"), mail("k2")])
    other = Vault(str(vault.url))

    assert vault.claim(timedelta(hours=1))
    assert vault.claim(timedelta(hours=1)) is None
    assert other.claim(timedelta(hours=1)) is None
    assert other.claim(timedelta(microseconds=1))
    other.close()


def test_what_comes_back_later_does_not_move_in_front_of_who_waits(vault: Vault):
    vault.queue([mail("k1"), mail("k2")])
    first = vault.claim()
    assert first
    vault.settle(first, State.QUEUED, why="busy")

    second, again = vault.claim(), vault.claim()

    assert [row.key for row in (first, second, again) if row] == ["k1", "k2", "k1"]


# --- intake journal ---


def test_numbers_have_no_gap_and_each_programme_its_own(vault: Vault):
    booked = [
        vault.book(2021, code, fingerprint, AT, "email")
        for code, fingerprint in [("DEM", "a"), ("PLA", "b"), ("DEM", "c")]
    ]

    assert booked == [("KC2021-DEM-0001", True), ("KC2021-PLA-0001", True), ("KC2021-DEM-0002", True)]


def test_what_arrives_again_keeps_its_first_number(vault: Vault):
    vault.book(2021, "DEM", "the same", AT, "post")

    assert vault.book(2021, "DEM", "the same", AT + timedelta(days=1), "email") == ("KC2021-DEM-0001", False)
    assert len(vault.journal()) == 1


def test_two_desks_at_once_get_different_numbers(vault: Vault):
    other = Vault(str(vault.url))

    with ThreadPoolExecutor(8) as desks:
        booked = desks.map(lambda n: (vault, other)[n % 2].book(2021, "DEM", str(n), AT, "email")[0], range(40))

    assert sorted(booked) == [f"KC2021-DEM-{number:04d}" for number in range(1, 41)]
    assert vault.verify().lines == 40
    other.close()


def test_the_journal_says_what_became_of_each_arrival(vault: Vault):
    ref, _ = vault.book(2021, "DEM", "a", AT, "post")
    vault.mark(ref, "GuardFailed")
    vault.mark(ref, "GuardFailed")

    assert [(line["ref"], line["outcome"]) for line in vault.journal(2021)] == [(ref, "booked"), (ref, "GuardFailed")]
    with pytest.raises(KeyError):
        vault.mark("KC2021-DEM-0002", "received")


def test_what_was_refused_may_come_again_under_the_next_number(vault: Vault):
    for number in ("0001", "0002"):
        assert vault.book(2021, "DEM", "the same", AT, "post") == (f"KC2021-DEM-{number}", True)
        vault.mark(f"KC2021-DEM-{number}", "GuardFailed")
    vault.book(2021, "DEM", "the same", AT, "post")
    vault.mark("KC2021-DEM-0003", "received")

    assert vault.book(2021, "DEM", "the same", AT, "post") == ("KC2021-DEM-0003", False)
    assert vault.verify().lines == 6


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("UPDATE journal SET received_at = '2021-04-20' WHERE line = 2", "Line 2 .* was changed"),
        ("DELETE FROM journal WHERE line = 2", "Line 2 .* is missing"),
        ("DELETE FROM journal WHERE line = 1", "Line 1 .* is missing"),
        ("DELETE FROM journal WHERE line = 3", "ends at line 2; it had 3"),
    ],
)
def test_any_change_to_the_journal_is_found(vault: Vault, fault: str, told: str):
    for fingerprint in "abc":
        vault.book(2021, "DEM", fingerprint, AT, "email")
    seal = vault.verify()
    with vault.writing() as connection:
        connection.exec_driver_sql(fault)

    with pytest.raises(JournalBroken, match=told):
        vault.verify(seal)


def test_a_journal_that_was_written_anew_does_not_fit_its_seal(vault: Vault):
    vault.book(2021, "DEM", "a", AT, "email")

    with pytest.raises(JournalBroken, match="not the one that was sealed"):
        vault.verify(Seal(1, "0" * 64))


# --- documents ---


def test_a_document_is_kept_once_under_the_hash_of_its_bytes(tmp_path: Path):
    documents = Documents(tmp_path / "documents")
    (tmp_path / "letter.pdf").write_bytes(b"%PDF")

    digest = documents.put(b"%PDF")

    assert digest == documents.put(tmp_path / "letter.pdf") == hashlib.sha256(b"%PDF").hexdigest()
    assert documents.get(digest) == b"%PDF"
    assert digest in documents
    assert len([path for path in documents.root.rglob("*") if path.is_file()]) == 1


def test_a_changed_document_is_not_given_out(tmp_path: Path):
    documents = Documents(tmp_path)
    digest = documents.put(b"the bid")
    next(path for path in tmp_path.rglob("*") if path.is_file()).write_bytes(b"another bid")

    with pytest.raises(DocumentChanged, match=digest):
        documents.get(digest)


def test_a_name_that_is_no_hash_reaches_no_file(tmp_path: Path):
    documents = Documents(tmp_path / "documents" / "of_2021")
    documents.put(b"so that the folder is there")
    (tmp_path / "secret").write_text("x")

    with pytest.raises(FileNotFoundError):
        documents.get("../secret")
