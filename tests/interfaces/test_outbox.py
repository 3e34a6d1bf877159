"""The desk keeps the outbox: what it holds, releases, edits, cancels, tries again, and what comes back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kcity_flow.adapters.register import Register
from kcity_flow.adapters.vault import State, Vault
from kcity_flow.domain.messages import Batch, View
from kcity_flow.domain.stages import Role
from kcity_flow.interfaces.cli import run
from kcity_flow.interfaces.inbox import opened
from kcity_flow.letters import Mail
from kcity_flow.settings import Settings
from tests.unit.case import HASH, seoul

REF, OTHER = "KC2021-PLA-0001", "KC2021-PLA-0002"
HELD = "Letters of this kind wait to be released."
Kcity = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KCITY_VAR_DIR", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)
    return Settings.read()


@pytest.fixture
def vault(settings: Settings):
    vault = Vault(settings.vault_url)
    vault.prepare()
    vault.add_person("Kim", "desk@molit.example", roles=[Role.DESK], id="P-DESK")
    vault.add_person("Min", "min@molit.example", roles=[Role.MINISTRY], id="P-MIN")
    vault.add_person("Nino", "nino@example.org", roles=[Role.APPLICANT], id="P-NINO")
    yield vault
    vault.close()


@pytest.fixture
def register(settings: Settings):
    register = Register(settings.register_url)
    register.prepare()
    yield register
    register.close()


@pytest.fixture
def kcity(capsys: pytest.CaptureFixture[str], vault: Vault) -> Kcity:
    def typed(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return run(["outbox", *words]), *capsys.readouterr()

    return typed


def told(kcity: Kcity, *words: str) -> Any:
    code, out, err = kcity(*words, "--json")
    assert code == 0, err
    return json.loads(out)


def mail(key: str, template: str = "result_selected", about: str = REF, why: str = "") -> Mail:
    return Mail(key, about, template, "P-NINO", "nino@example.org", "Result", "Dear Nino,\n\nwelcome.\n", why)


def failed(vault: Vault, key: str, why: str = "The mail server answered 550 no such user") -> None:
    vault.queue([mail(key)])
    row = vault.claim()
    assert row
    assert row.key == key
    vault.settle(row, State.FAILED, why=why)


def states(vault: Vault) -> dict[str, str]:
    return {row.key: row.state for row in vault.outbox()}


def test_an_outbox_shows_what_waits_and_counts_the_rest(kcity: Kcity, vault: Vault):
    vault.queue([mail("k1")])
    row = vault.claim()
    assert row
    vault.settle(row, State.SENT, in_doubt=True)
    vault.queue([mail("k2", why=HELD), mail("k3", "reminder", OTHER)])

    listed = told(kcity)

    assert [(letter["key"], letter["state"], letter["why"]) for letter in listed["letters"]] == [
        ("k2", "held", HELD),
        ("k3", "queued", ""),
    ]
    assert (listed["counts"], listed["may_have_arrived_twice"]) == ({"held": 1, "queued": 1, "sent": 1}, 1)
    assert "body" not in listed["letters"][0]
    for words in (("--state", "queued"), ("--kind", "reminder"), ("--about", OTHER)):
        assert [letter["key"] for letter in told(kcity, *words)["letters"]] == ["k3"]
    assert "In the outbox: 1 queued, 1 sent, 1 held; 1 may have arrived twice." in kcity()[1]


def test_letters_of_a_kind_are_released_together(kcity: Kcity, vault: Vault):
    vault.queue([mail("k1", why=HELD), mail("k2", why=HELD), mail("k3", "reminder", why=HELD)])

    assert kcity("release", "--kind", "result_selected", "--as", "P-DESK") == (0, "2 letters were released.\n", "")

    assert states(vault) == {"k1": "queued", "k2": "queued", "k3": "held"}


def test_a_letter_is_held_edited_shown_and_cancelled_and_it_stays_known_by_whom(kcity: Kcity, vault: Vault):
    vault.queue([mail("k1")])
    Path("letter.txt").write_text("Dear Nino,\n\nsee you in Seoul.", encoding="utf-8")

    # The desk is one person: --as may be left out.
    assert kcity("hold", "k1")[:2] == (0, "The letter k1 was held.\n")
    assert kcity("edit", "k1", "--subject", "Your result", "--body", "letter.txt")[0] == 0
    assert kcity("cancel", "k1")[0] == 0

    shown = told(kcity, "show", "k1")
    assert (shown["state"], shown["subject_line"], shown["body"]) == (
        "cancelled",
        "Your result",
        "Dear Nino,\n\nsee you in Seoul.\n",
    )
    assert [(done["act"], done["person"], done["subject_line"]) for done in shown["acts"]] == [
        ("hold", "P-DESK", "Result"),
        ("edit", "P-DESK", "Result"),
        ("cancel", "P-DESK", "Your result"),
    ]
    assert "cancel by P-DESK" in kcity("show", "k1")[1]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["show", "k9"], 1, "There is no letter k9; `kcity outbox` lists"),
        (["hold", "k9"], 1, "There is no letter k9; `kcity outbox` lists"),
        (["release", "k1"], 1, "The letter k1 is queued; release takes one that is held."),
        (["release", "--kind", "reminder"], 1, "No letter of the kind reminder is held"),
        (["hold"], 2, "Name letters by their keys, or all of a kind with --kind"),
        (["hold", "k1", "--kind", "result_selected"], 2, "Name letters by their keys, or all of a kind with --kind"),
        (["hold", "k1", "--as", "P-NOBODY"], 1, "There is no person P-NOBODY"),
        (["hold", "k1", "--as", "P-MIN"], 1, "P-MIN may not hold from the outbox: it takes the role desk or head."),
        (["edit", "k1"], 2, "Give the letter other words"),
        (["edit", "k1", "--subject", "a\nBcc: spy@example.org"], 2, "The subject line holds a line break"),
        (["edit", "k1", "--body", "gone.txt"], 2, "The file gone.txt cannot be read: No such file or directory."),
        (["edit", "k1", "--body", "latin.txt"], 2, "The file latin.txt holds no text in UTF-8"),
        (["edit", "k1", "--subject", "Other"], 1, "The letter k1 is queued; edit takes one that is held or failed."),
        (["--state", "lost"], 2, "There is no state 'lost'; states are queued, sending"),
        (["--state", "held", "show", "k1"], 2, "Options come last here; write `kcity outbox show …`."),
        (["bounce", "latin.txt"], 2, "This message names no letter of the outbox"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    kcity: Kcity, vault: Vault, words: list[str], code: int, sentence: str
):
    vault.queue([mail("k1")])
    Path("latin.txt").write_bytes("Grüße".encode("latin-1"))

    ended, out, err = kcity(*words)

    assert (ended, out) == (code, "")
    assert err.startswith(sentence)
    assert err.count("\n") == 1
    assert states(vault) == {"k1": "queued"}
    assert vault.acts("k1") == []


def test_who_acts_is_asked_where_it_could_be_several(kcity: Kcity, vault: Vault):
    vault.add_person("Lee", "head@molit.example", roles=[Role.HEAD], id="P-HEAD")
    vault.queue([mail("k1")])

    assert kcity("hold", "k1")[2] == "Say with --as who acts; hold takes desk or head, such as P-DESK, P-HEAD.\n"


def test_whoever_is_in_conflict_with_an_application_touches_no_letter_about_it(
    kcity: Kcity, vault: Vault, register: Register
):
    register.project(Batch(entries=(), letters=(), view=view(barred=("P-DESK",))))
    vault.queue([mail("k1", why=HELD), mail("k2", about=OTHER, why=HELD)])

    code, _, err = kcity("release", "--kind", "result_selected", "--as", "P-DESK")

    assert (code, err) == (
        1,
        f"P-DESK may not release from the outbox: it takes somebody who is not in conflict with {REF}.\n",
    )
    assert states(vault) == {"k1": "held", "k2": "held"}
    assert [item.subject for item in opened(register, vault, "P-DESK")] == [OTHER]


# --- what comes back --------------------------------------------------------------------------------------------------


NOTICE = """\
From: MAILER-DAEMON@mail.example
To: desk@kcity.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I am sorry.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

Final-Recipient: rfc822; nino@example.org
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such
 user here

--b
Content-Type: text/rfc822-headers

Message-ID: {message_id}
Subject: Result

--b--
"""


def test_a_letter_that_came_back_waits_for_the_desk_with_its_address(kcity: Kcity, vault: Vault, register: Register):
    vault.queue([mail("k1")])
    row = vault.claim()
    assert row
    vault.settle(row, State.SENT)
    Path("notice.eml").write_text(NOTICE.format(action="failed", message_id=row.message_id))

    assert kcity("bounce", "notice.eml")[:2] == (0, "The letter k1 was recorded as returned.\n")

    assert [item.task() for item in opened(register, vault, "P-DESK")] == [
        "see to the letter result_selected for P-NINO at nino@example.org: "
        "It came back: smtp; 550 5.1.1 no such user here"
    ]
    assert kcity("bounce", "notice.eml")[2] == "The letter k1 is failed; bounce takes one that is sent.\n"


def test_a_notice_of_delay_is_no_bounce(kcity: Kcity, vault: Vault):
    vault.queue([mail("k1")])
    row = vault.claim()
    assert row
    vault.settle(row, State.SENT)
    Path("notice.eml").write_text(NOTICE.format(action="delayed", message_id=row.message_id))

    assert kcity("bounce", "notice.eml")[2].startswith("This message does not say that a letter failed")
    assert states(vault) == {"k1": "sent"}


# --- the inbox --------------------------------------------------------------------------------------------------------


def view(**more: Any) -> View:
    return View(
        subject=REF, edition=2021, stage="screening", since=seoul(2021, 5, 1), city="Tbilisi", programme="planning",
        entries=1, head=HASH, **more,
    )  # fmt: skip


def inbox(capsys: pytest.CaptureFixture[str], *words: str) -> list[tuple[str, str, str]]:
    capsys.readouterr()
    assert run(["inbox", *words, "--json"]) == 0
    return [(item["subject"], item["task"], item["next"]) for item in json.loads(capsys.readouterr().out)]


def test_what_was_refused_waits_until_the_address_is_right_and_it_is_tried_again(
    kcity: Kcity, vault: Vault, register: Register, capsys: pytest.CaptureFixture[str]
):
    register.project(Batch(entries=(), letters=(), view=view()))
    failed(vault, "k1")

    task = "see to the letter result_selected for P-NINO at nino@example.org: The mail server answered 550 no such user"
    assert inbox(capsys, "--as", "P-DESK") == inbox(capsys) == [(REF, task, "kcity outbox show k1")]
    assert inbox(capsys, "--as", "P-MIN") == []

    assert run(["person", "add", "Nino", "nino@new.example", "--role", "applicant", "--id", "P-NINO"]) == 0
    assert kcity("retry", "k1")[:2] == (0, "The letter k1 was queued again.\n")

    assert inbox(capsys, "--as", "P-DESK") == []
    assert [row.address for row in vault.outbox(State.QUEUED)] == ["nino@new.example"]


def test_what_was_cancelled_waits_for_nobody(kcity: Kcity, vault: Vault, capsys: pytest.CaptureFixture[str]):
    failed(vault, "k1")

    assert kcity("cancel", "k1")[0] == 0

    assert inbox(capsys) == []


def test_what_is_held_by_its_kind_is_one_task(kcity: Kcity, vault: Vault, capsys: pytest.CaptureFixture[str]):
    vault.queue([mail("k1", why=HELD), mail("k2", about=OTHER, why=HELD), mail("k3", "reminder", why=HELD)])

    why = "Letters of this kind wait to be released"
    assert inbox(capsys, "--as", "P-DESK") == [
        (
            "edition/2021",
            f"release or cancel 2 letters result_selected: {why}",
            "kcity outbox --state held --kind result_selected",
        ),
        (REF, f"release or cancel the letter reminder: {why}", "kcity outbox show k3"),
    ]
    assert run(["inbox", "--as", "P-DESK"]) == 0
    assert "2 letters result_selected" in capsys.readouterr().out
