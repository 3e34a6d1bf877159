"""What the command line prints, refuses and returns: most of it at one `kcity up` that runs beside the tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer.main

from kcity_flow.adapters.edition_files import SHIPPED, read_edition
from kcity_flow.audit import histories
from kcity_flow.domain.messages import EDITION_COMMANDS
from kcity_flow.domain.moves import EDITION_MOVES, MOVES
from kcity_flow.interfaces.cli import app, run
from kcity_flow.interfaces.tables import fields
from kcity_flow.rehearsal.live import Diary, Standing

KCITY = [sys.executable, "-c", "from kcity_flow.interfaces.cli import main; main()"]
DOCS = Path(__file__).parents[2] / "docs"
ITEMS = [item.key for item in read_edition("2021").programme("planning").eligibility]
HEADER = "programme,title,city,country,kind,organisation,contact,address,received_at,channel"
IZMIR = (
    "planning,Smart harbour,Izmir,TR,local_government,City of Izmir,Ayse Demir,ayse@izmir.example,2021-03-01T10:00,post"
)


class Terminal:
    """One person's terminal; ``out`` and ``err`` are what the last command printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        self._capsys.readouterr()
        code = run(list(words))
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        return code

    def json(self, *words: str) -> Any:
        assert self(*words, "--json") == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def kcity(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """In a folder where nothing runs."""
    monkeypatch.setenv("KCITY_VAR_DIR", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Everything runs, with edition 2021 open and its staff known; the folder."""
    folder = tmp_path_factory.mktemp("up")
    process, _ = start(folder)
    env = environment(folder)
    for words in (
        ["person", "add", "Kim", "desk@molit.example", "--role", "desk", "--id", "P-DESK"],
        ["person", "add", "Lee", "head@molit.example", "--role", "head", "--id", "P-HEAD"],
        ["person", "add", "Min", "min@molit.example", "--role", "ministry", "--id", "P-MIN"],
        ["edition", "open", "2021"],
        ["do", "2021", "open_call"],
        ["do", "2021", "open_call", "--confirm", "1", "--as", "P-MIN"],
    ):
        subprocess.run([*KCITY, *words], env=env, check=True, capture_output=True)
    yield folder
    assert stop(process) == 0


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "KCITY_VAR_DIR": str(folder / "var")}


def start(folder: Path, *words: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    command = [*KCITY, "up", "--json", *words]
    process = subprocess.Popen(command, env=environment(folder), stdout=subprocess.PIPE, text=True)
    assert process.stdout
    for line in process.stdout:
        if (said := json.loads(line))["event"] == "running":
            return process, said
    raise AssertionError("kcity up ended before it ran")


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    return process.returncode


@pytest.fixture
def desk(up: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """A second terminal beside `kcity up`."""
    monkeypatch.setenv("KCITY_VAR_DIR", str(up / "var"))
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys)


def received(desk: Terminal, city: str) -> str:
    """An application of this city, screened by the clock as the window is long over."""
    Path("one.csv").write_text(f"{HEADER},documents\n{IZMIR.replace('Izmir', city)},proposal={'0' * 64}\n")
    [ref] = desk.json("receive", "2021", "one.csv", "--as", "P-DESK")["taken"].values()
    until(lambda: desk.json("show", ref)["view"]["stage"] == "screening")
    return str(ref)


def until(holds: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def commands() -> Iterator[tuple[str, Any]]:
    def within(group: Any, path: str) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            yield f"{path}{name}", command
            if hasattr(command, "commands"):
                yield from within(command, f"{path}{name} ")

    return within(typer.main.get_command(app), "")


# --- without a server -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [name for name, _ in commands()])
def test_every_command_shows_an_example_of_itself(kcity: Terminal, command: str) -> None:
    assert kcity(*command.split(), "--help") == 0

    example = kcity.out.partition("Example: ")[2]
    assert f"kcity {command.split()[0]}" in example


@pytest.mark.parametrize("command", [name for name, command in commands() if not hasattr(command, "commands")])
def test_every_command_has_json_and_stands_in_the_docs(command: str) -> None:
    options = dict(commands())[command].params

    assert "--json" in [name for option in options for name in option.opts]
    assert f"`{command.split()[0]}" in (DOCS / "commands.md").read_text()


def test_help_waits_for_nothing_that_it_does_not_need() -> None:
    asked = "import sys; from kcity_flow.interfaces.cli import run; run(['--help']); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True).stdout.split()

    assert {"temporalio", "sqlalchemy", "pydantic", "kcity_flow.domain.moves"} & set(loaded) == set()


def test_the_page_of_the_lifecycle_is_the_table(kcity: Terminal) -> None:
    assert kcity("lifecycle", "--format", "markdown") == 0
    assert kcity.out == (DOCS / "lifecycle.md").read_text()


def test_the_lifecycle_has_every_row(kcity: Terminal) -> None:
    told = kcity.json("lifecycle")

    assert [row["trigger"] for row in told["application"]] == [move.trigger for move in MOVES]
    assert [row["trigger"] for row in told["edition"]] == [move.trigger for move in EDITION_MOVES]


def test_the_diagram_names_every_stage_move(kcity: Terminal) -> None:
    assert kcity("lifecycle", "--format", "mermaid") == 0
    assert "procurement --> implementation: award_contract" in kcity.out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["frobnicate"], 2, "No such command 'frobnicate'; see `kcity --help`."),
        (["list", "2021", "--colour"], 2, "No such option: --colour; see `kcity list --help`."),
        (["do", "KC2021-PLA-0001"], 2, "Missing argument 'MOVE'; see `kcity do --help`."),
        (["do", "2021", "flag", "--data", "[1]"], 2, "--data is list, not an object"),
        (["do", "2021", "flag", "--data", "{"], 2, "--data is not JSON"),
        (["do", "2021", "flag", "--data", "@gone.json"], 2, "The file gone.json cannot be read: No such file"),
        (["edition", "check", "gone.toml"], 2, "The file gone.toml cannot be read: No such file or directory."),
        (["edition", "show", "soon.toml"], 1, "There is no edition soon.toml; name a file, or one of 2020, 2021"),
        (["receive", "2021", "a.pdf"], 2, "a.pdf ends in none of .toml, .json and .csv"),
        (["receive", "2021", "gone.csv"], 2, "The file gone.csv cannot be read: No such file or directory."),
        (["list", "2021"], 1, "Edition 2021 is not open; open it with `kcity edition open 2021`."),
        (["do", "2021", "flag", "--data", "9" * 5000], 2, "--data is not JSON"),
        (["do", "2021", "flag", "--data", "[" * 100_000], 2, "--data is nested too deep"),
        (["do", "2021", "flag", "--data", '{"note": "\\ud800"}'], 2, "--data holds half a character"),
        (["list", "²²²²"], 2, "'²²²²' is no edition's year"),
        (["rank", "9" * 5000, "planning"], 2, "'9999"),
        (["show", "²²²²"], 2, "'²²²²' is neither a reference number"),
        (["moves", "KC²²²²-PLA-0001"], 2, "'KC²²²²-PLA-0001' is neither a reference number"),
        (["do", "edition/²", "flag"], 2, "'edition/²' is neither a reference number"),
        (["edition", "show", "²²²²"], 1, "There is no edition ²²²²"),
        (["select", "2021", "planning", "--krw", "²"], 2, "--krw '²' is no sum"),
        (["select", "2021", "planning", "--krw", "9" * 5000], 2, "--krw '999"),
        (["list", "next"], 2, "'next' is no edition's year; write it like 2021"),
        (["list", "2021", "--stage", "bar"], 2, "There is no stage 'bar'; stages are absent, received"),
        (["show", "KC2021-PLA-0001"], 1, "No Temporal server is running here; start one with `kcity up`"),
        (["explain", "KC2021-PLA-0001"], 1, "No Temporal server is running here; start one with `kcity up`"),
        (["explain", "2021"], 2, "'2021' is an edition; explain takes an application's reference number."),
        (["explain", "Tbilisi"], 2, "'Tbilisi' is neither a reference number"),
        (["inbox", "--as", "P-NOBODY"], 1, "Nobody here is P-NOBODY; `kcity person list` shows who there is."),
        (["worker"], 1, "No Temporal server is running here"),
        (["mail", "show", "7"], 2, "There is no mail 7"),
        (["up", "--rehearse", "1999"], 1, "There is no edition 1999"),
        (["season", "1999"], 1, "There is no edition 1999"),
        (["person", "add", "Kim", "nowhere", "--role", "desk"], 2, "'nowhere' is no e-mail address"),
        (["person", "add", "Kim", "k@x.example", "--role", "clock"], 2, "The clock is nobody"),
        (["person", "add", "Kim", "k@x.example", "--role", "desk", "--id", "kim"], 2, "'kim' is no id"),
        (["select", "2021", "planning", "--krw", "much"], 2, "--krw 'much' is no sum"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(kcity: Terminal, words: list[str], code: int, sentence: str) -> None:
    assert kcity(*words) == code
    assert kcity.err.startswith(sentence)
    assert kcity.err.count("\n") == 1
    assert kcity.out == ""


def test_an_unknown_setting_is_a_misuse(kcity: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KCITY_VAR_DRI", "x")

    assert kcity("person", "list") == 2
    assert "did you mean KCITY_VAR_DIR?" in kcity.err


def test_an_error_in_json_has_its_parts(kcity: Terminal) -> None:
    assert kcity("list", "2021", "--json") == 1
    assert kcity.out == ""
    assert json.loads(kcity.err) == {
        "code": "Unknown",
        "sentence": "Edition 2021 is not open; open it with `kcity edition open 2021`.",
        **dict.fromkeys(("trigger", "stage", "role", "guard", "missing"), ""),
    }


def test_the_shipped_editions_are_sound(kcity: Terminal) -> None:
    names = [row["name"] for row in kcity.json("edition", "list")]

    assert names == ["2020", "2021", "rehearsal"]
    assert kcity.json("edition", "show", "2021")["values"]["total.places"]["value"] == 11


def test_nobody_is_asked_for_what_is_counted() -> None:
    assert fields(EDITION_COMMANDS["close_edition"]) == {}


def test_a_report_that_cannot_be_written_is_told_before_the_season_is_played(kcity: Terminal) -> None:
    assert kcity("season", "2021", "--applications", "80", "--html", "nowhere/season.html") == 2
    assert kcity.err == "The file nowhere/season.html cannot be written: No such file or directory.\n"


@pytest.mark.parametrize(("year", "name"), [(2021, "2021"), (2030, "rehearsal")])
@pytest.mark.parametrize("words", [[], ["--rehearse", "2020"]])
def test_an_unfinished_rehearsal_is_only_gone_on_with(
    kcity: Terminal, tmp_path: Path, words: list[str], year: int, name: str
) -> None:
    var = tmp_path / "var"
    var.mkdir()
    standing = Standing(year=year, applications=40, seed=7, factor=86_400, at=datetime.now(UTC))
    Diary(var / "rehearsal.json").write(standing)

    assert kcity("up", *words) == 2
    assert kcity.err.startswith(f"{var} holds an unfinished rehearsal of edition {year}: `")
    assert f"up --rehearse {name}` goes on with it" in kcity.err
    assert "another folder with KCITY_VAR_DIR" in kcity.err
    assert not (var / "temporal.db").exists()

    Diary(var / "rehearsal.json").write(standing.model_copy(update={"over": True}))
    assert Diary(var / "rehearsal.json").unfinished() is None


def test_a_faulty_edition_is_refused_with_its_lines(kcity: Terminal) -> None:
    assert kcity.json("edition", "new", "2022", "--from", "2021")["file"] == "2022.toml"
    text = Path("2022.toml").read_text()
    assert "closes_at = 2022-04-21" in text
    assert kcity("edition", "check", "2022.toml") == 0

    Path("bad.toml").write_text(text.replace("closes_at = 2022-04-21", "closes_at = 2021-04-21"))
    assert kcity("edition", "check", "bad.toml") == 1
    assert "bad.toml, line " in kcity.err
    assert kcity("edition", "check", "bad.toml", "--json") == 1
    assert json.loads(kcity.out)["faults"][0]["field"].startswith("windows")


def test_a_new_edition_may_begin_from_a_file_without_a_heading(kcity: Terminal) -> None:
    text = (SHIPPED / "2021.toml").read_text()
    Path("mine.toml").write_text(text[text.index("format = 1") :])

    assert kcity("edition", "new", "2024", "--from", "mine.toml") == 0
    assert kcity("edition", "check", "2024.toml") == 0


def test_a_new_edition_overwrites_nothing(kcity: Terminal) -> None:
    Path("2022.toml").write_text("mine")

    assert kcity("edition", "new", "2022", "--from", "2021") == 2
    assert Path("2022.toml").read_text() == "mine"


def test_people_are_added_brought_up_to_date_and_listed(kcity: Terminal) -> None:
    kcity.json("person", "add", "Kim", "kim@molit.example", "--role", "desk", "--id", "P-KIM")
    kcity.json("person", "add", "Kim", "kim@molit.example", "--role", "desk", "--role", "head", "--id", "P-KIM")

    assert [(p["id"], p["roles"]) for p in kcity.json("person", "list")] == [("P-KIM", ["desk", "head"])]
    assert kcity.json("person", "list", "--role", "chair") == []


# --- at a server ------------------------------------------------------------------------------------------------------


def test_a_second_up_says_where_the_first_runs(desk: Terminal, up: Path) -> None:
    second = subprocess.run([*KCITY, "up"], env=environment(up), capture_output=True, text=True, timeout=60)

    assert second.returncode == 1
    assert "kcity is already running in" in second.stderr
    assert "http://127.0.0.1:" in second.stderr


def test_an_application_is_received_moved_and_shown(desk: Terminal) -> None:
    ref = received(desk, "Ankara")

    assert desk("do", ref, "acknowledge", "--as", "P-DESK") == 0
    assert f"acknowledge was done; {ref} stands at screening" in desk.out
    told = desk.json("show", ref)
    assert told["facts"]["acknowledged"] is True
    assert [entry["command"] for entry in told["entries"]] == ["receive", "open_screening", "acknowledge"]
    assert desk("show", ref) == 0
    assert told["entries"][-1]["hash"][:8] in desk.out
    assert ref in [view["subject"] for view in desk.json("list", "2021", "--stage", "screening")]


def test_an_empty_inbox_says_where_to_look(kcity: Terminal) -> None:
    assert kcity("inbox") == 0
    assert kcity.out.startswith("Nothing waits for anybody; `kcity list E` shows")
    assert kcity.json("inbox") == []


def test_an_inbox_shows_what_waits_for_a_person_and_what_to_type_next(desk: Terminal) -> None:
    ref = received(desk, "Amasya")
    assert desk("do", ref, "declare_ineligible", "--data", '{"item": "government"}', "--as", "P-DESK") == 0

    def lines(*words: str) -> list[dict[str, Any]]:
        return [item for item in desk.json("inbox", *words) if item["subject"] == ref]

    until(lambda: any(item["waiting"]["proposal"] for item in lines()))
    assert [item["task"] for item in lines("--as", "P-DESK")] == ["acknowledge its receipt", "finish the screening"]
    [proposal] = [item for item in lines("--as", "P-HEAD") if item["waiting"]["proposal"]]
    entry = proposal["waiting"]["entry"]
    assert proposal["next"] == f"kcity do {ref} declare_ineligible --confirm {entry} --as P-HEAD"
    assert lines("--as", "P-MIN") == []
    assert desk("inbox", "--as", "P-HEAD") == 0
    assert proposal["next"] in desk.out

    assert desk(*proposal["next"].split()[1:]) == 0
    until(lambda: [item["task"] for item in lines()] == ["send the letter with the decision"])


def test_an_application_is_explained_with_the_entries_that_it_rests_on(desk: Terminal) -> None:
    ref = received(desk, "Edirne")
    assert desk("do", ref, "withdraw", "--as", "P-DESK", "--evidence", "one.csv", "--reason", "They thank us.") == 0
    why = "It was withdrawn on the applicant's written word on "

    told = desk.json("explain", ref)
    assert told["ref"] == ref
    assert desk.json("explain", ref, "--as", "P-DESK") == told
    said = {chapter["heading"]: chapter["sentences"] for chapter in told["chapters"]}
    assert list(said) == ["In short", "Receipt", "Screening", "Decision", "What comes next"]
    assert [sentence["text"].startswith(why) for sentence in said["Decision"]] == [True, False]
    assert said["Decision"][1] == {
        "text": "In writing: “They thank us.”",
        "entries": [3],
        "edition_entries": [],
        "quoted": True,
    }
    assert desk("explain", ref) == 0
    assert why in desk.out
    assert desk("explain", "KC2021-PLA-9999") == 1
    assert desk.err == "There is no application KC2021-PLA-9999; `kcity list 2021` shows those there are.\n"


def test_moves_say_what_is_missing_and_what_to_send(desk: Terminal) -> None:
    ref = received(desk, "Bursa")
    moves = {move["trigger"]: move for move in desk.json("moves", ref)["moves"]}

    guards = {guard["name"]: guard["holds"] for guard in moves["pass_screening"]["guards"]}
    assert guards == {
        "not_frozen": True,
        "impartial": None,
        "record_eligible": True,
        "eligible": None,
        "checklist_complete": None,
        "no_open_clarification": True,
        "paper_quorum_declared": False,
    }
    assert moves["pass_screening"]["dest"] == "paper_review"
    assert moves["pass_screening"]["fields"]["complete"] == {"type": "boolean", "required": True}
    assert moves["declare_ineligible"]["approvers"] == ["desk", "head"]
    # Rules of the edition that never hold leave a move out; so does a last move that was another.
    assert "defer" not in moves
    assert [name for name in moves if name.startswith("return_to_")] == ["return_to_received"]
    assert desk("moves", ref) == 0
    assert "Not yet, as something is missing:" in desk.out


def test_a_refusal_names_guard_and_what_is_missing(desk: Terminal) -> None:
    ref = received(desk, "Konya")
    data = '{"answers": {"government": true, "oversees": true}, "complete": true}'

    assert desk("do", ref, "pass_screening", "--as", "P-DESK", "--data", data) == 1
    assert desk.err.startswith("desk cannot pass_screening from screening: paper_quorum_declared does not hold.")
    assert desk("do", ref, "pass_screening", "--as", "P-DESK", "--data", data, "--json") == 1
    told = json.loads(desk.err)
    assert (told["code"], told["guard"], told["role"]) == ("GuardFailed", "paper_quorum_declared", "desk")
    assert desk("do", ref, "acknowledge", "--as", "P-MIN") == 1
    assert desk.err == "ministry may not acknowledge from screening: it takes desk or head.\n"
    assert desk("do", ref, "acknowledge", "--as", "P-NOBODY") == 1
    assert desk.err.startswith("There is no person P-NOBODY")


def test_a_proposal_takes_a_second_person_and_no_data_again(desk: Terminal) -> None:
    ref = received(desk, "Adana")
    data = '{"item": "government"}'

    proposed = desk.json("do", ref, "declare_ineligible", "--as", "P-DESK", "--data", data)
    entry = str(proposed["entry"])
    assert desk("do", ref, "declare_ineligible", "--as", "P-DESK", "--confirm", entry) == 1
    assert "this one proposed it" in desk.err
    made = desk.json("do", ref, "declare_ineligible", "--as", "P-HEAD", "--confirm", entry)
    assert (made["outcome"], made["stage"]) == ("made", "ineligible")


def test_a_proposals_reason_and_evidence_are_confirmed_with_it(desk: Terminal) -> None:
    ref = received(desk, "Bolu")
    Path("letter.txt").write_text("It is spelt Bolu.")
    data = '{"supersedes": 1, "field": "city", "value": "Bolu"}'
    words = ("do", ref, "correct", "--as", "P-DESK", "--data", data, "--reason", "Misspelt.")
    entry = str(desk.json(*words, "--evidence", "letter.txt")["entry"])

    assert desk.json("do", ref, "correct", "--as", "P-HEAD", "--confirm", entry)["outcome"] == "made"

    proposed, made = desk.json("show", ref)["entries"][-2:]
    assert (made["reason"], made["evidence"]) == (proposed["reason"], proposed["evidence"])
    assert made["reason"]


def test_who_confirms_or_retracts_need_not_be_said_where_it_can_only_be_one(desk: Terminal) -> None:
    ref = received(desk, "Igdir")
    proposing = ("do", ref, "declare_ineligible", "--as", "P-DESK", "--data", '{"item": "oversees"}')
    first = str(desk.json(*proposing)["entry"])
    retracted = desk.json("do", ref, "retract_proposal", "--confirm", first, "--reason", "Another item.")
    assert retracted["outcome"] == "made"

    second = str(desk.json(*proposing)["entry"])
    assert desk.json("do", ref, "declare_ineligible", "--confirm", second)["stage"] == "ineligible"
    assert desk.json("show", ref)["entries"][-1]["person"] == "P-HEAD"


def test_a_proposal_is_refused_by_who_may_confirm_it(desk: Terminal) -> None:
    ref = received(desk, "Van")
    entry = str(desk.json("do", ref, "declare_ineligible", "--as", "P-DESK", "--data", '{"item": "oversees"}')["entry"])

    refused = desk.json("do", ref, "refuse_proposal", "--as", "P-HEAD", "--confirm", entry, "--reason", "It does.")
    assert refused["stage"] == "screening"
    assert desk.json("show", ref)["proposals"] == []


def test_evidence_is_kept_and_the_same_id_is_done_once(desk: Terminal, up: Path) -> None:
    ref = received(desk, "Rize")
    Path("letter.txt").write_text("We withdraw.")
    words = ("do", ref, "withdraw", "--as", "P-DESK", "--evidence", "letter.txt", "--id", f"withdraw-{ref}")

    assert desk.json(*words) == desk.json(*words)
    [digest] = desk.json("show", ref)["entries"][-1]["evidence"]
    assert (up / "var" / "documents" / digest[:2] / digest).read_text() == "We withdraw."


def test_who_acts_must_be_said_where_several_could(desk: Terminal) -> None:
    ref = received(desk, "Mersin")

    assert desk("do", ref, "acknowledge") == 2
    assert desk.err.startswith(f"Say with --as who acts; acknowledge {ref} takes desk or head, such as P-DESK, P-HEAD.")
    assert desk("select", "2021", "planning") == 2
    assert "add somebody with `kcity person add NAME ADDRESS --role committee`" in desk.err


def test_faulty_rows_are_named_and_none_is_taken_unless_partial(desk: Terminal) -> None:
    good = IZMIR.replace("Izmir", "Sinop")
    wrong = [
        good.replace("planning", "planing"),
        good.replace(",TR,", ",XX,"),
        good.replace(",post", ",fax"),
        good.replace("2021-03-01T10:00", "2020-03-01T10:00"),
        good.replace("2021-03-01T10:00", "soon"),
        good.replace("ayse@izmir.example", "nowhere").replace("@sinop", "-at-"),
        good.replace("local_government", "village"),
        good.replace("Smart harbour", "Harbour, smart"),
        good,
    ]
    Path("some.csv").write_text("\n".join([HEADER, good, *wrong]))

    assert desk("receive", "2021", "some.csv", "--as", "P-DESK") == 1
    assert "0 of 10 applications were received." in desk.out
    said = desk.err.splitlines()
    assert [line.split(":")[0] for line in said[:-1]] == [f"some.csv, row {row}" for row in range(3, 12)]
    for line, fault in zip(
        said,
        ("no programme 'planing'", "no country has the code 'XX'", "one of the channels post, e-mail",
         "a received_at between the opening and now", "no instant", "no e-mail address", "'village' is not one of",
         "more cells than the header", "it repeats row 2", "Nothing was taken"),
        strict=True,
    ):  # fmt: skip
        assert fault in line

    assert desk("receive", "2021", "some.csv", "--as", "P-DESK", "--partial", "--json") == 1
    told = json.loads(desk.out)
    assert list(told["taken"]) == ["row 2"]
    assert len(told["faults"]) == 9


def test_whatever_a_file_holds_is_told_with_its_row_before_anything_is_received(desk: Terminal) -> None:
    good: dict[str, Any] = dict(zip(HEADER.split(","), IZMIR.replace("Izmir", "Kars").split(","), strict=True))
    wrong: dict[str, dict[str, Any]] = {
        "applicant holds no fields": {"applicant": "x"},
        "a document lacks its kind": {"documents": [{"sha256": "0" * 64}]},
        "lies beyond the calendar": {"received_at": "0001-01-01T00:00:00"},
        "contact: String should match pattern": {"contact": "P-desk"},
        "organisation: String should match pattern": {"organisation": "O-kars"},
        "half a character": {"city": "\ud800"},
    }
    Path("odd.json").write_text(json.dumps([good, *({**good, **fault} for fault in wrong.values())]))

    assert desk("receive", "2021", "odd.json", "--as", "P-DESK") == 1

    assert f"0 of {len(wrong) + 1} applications were received." in desk.out
    *said, last = desk.err.splitlines()
    for number, (line, fault) in enumerate(zip(said, wrong, strict=True), start=2):
        assert line.startswith(f"odd.json, application {number}: ")
        assert fault in line
    assert last.startswith("Nothing was taken")


@pytest.mark.parametrize(("text", "sentence"), [("9" * 5000, "is not JSON"), ("[" * 100_000, "is nested too deep")])
def test_a_file_that_overflows_is_misused(desk: Terminal, text: str, sentence: str) -> None:
    Path("odd.json").write_text(text)

    assert desk("receive", "2021", "odd.json", "--as", "P-DESK") == 2
    assert desk.err.startswith(f"The file odd.json {sentence}")


def test_an_application_that_comes_twice_keeps_its_number(desk: Terminal) -> None:
    ref = received(desk, "Ordu")

    assert desk("receive", "2021", "one.csv", "--as", "P-DESK") == 1
    assert f"This application was received before, as {ref}; nothing was changed." in desk.err


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_toml_and_json_hold_one_or_several(desk: Terminal, suffix: str) -> None:
    data: dict[str, Any] = dict(
        zip(HEADER.split(","), IZMIR.replace("Izmir", f"City-{suffix}").split(","), strict=True)
    )
    Path("letter.txt").write_text("Please.")
    if suffix == "json":
        data["documents"] = [{"kind": "letter", "file": "letter.txt"}]
        Path("a.json").write_text(json.dumps([data]))
    else:
        Path("a.toml").write_text("".join(f'{name} = "{value}"\n' for name, value in data.items()))

    assert len(desk.json("receive", "2021", f"a.{suffix}", "--as", "P-DESK")["taken"]) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "The header row lacks programme"), ("programme,city\nplanning,Izmir\n", "The header row lacks title")],
)
def test_a_file_of_another_kind_is_misused(desk: Terminal, text: str, sentence: str) -> None:
    Path("odd.csv").write_text(text)

    assert desk("receive", "2021", "odd.csv", "--as", "P-DESK") == 2
    assert desk.err.startswith(sentence)


def test_unknown_and_closed_subjects_are_told_apart(desk: Terminal) -> None:
    assert desk("do", "KC2021-DEM-0999", "acknowledge", "--as", "P-DESK") == 1
    assert desk.err.startswith("There is no KC2021-DEM-0999")
    assert desk("show", "somebody") == 2
    assert "is neither a reference number such as KC2021-PLA-0001 nor an edition such as 2021" in desk.err
    assert desk("edition", "open", "2021") == 1
    assert "Edition 2021 is already there" in desk.err
    assert desk("rank", "2021", "moon") == 1
    assert desk.err.startswith("Edition 2021 has no programme 'moon'")


def test_an_empty_ranking_is_a_ranking(desk: Terminal) -> None:
    told = desk.json("rank", "2021", "planning")

    assert (told["places"], told["lines"]) == (4, [])


def test_mails_are_caught_and_shown(desk: Terminal) -> None:
    until(lambda: desk.json("mail", "list")["mails"])
    mail = desk.json("mail", "show", "1")

    assert "proposal" in mail["headers"]["Subject"]
    assert desk("mail") == 0
    assert desk.json("mail")["mails"] == desk.json("mail", "list")["mails"]
    assert desk("mail", "--json", "show", "1") == 2


def test_whoever_confirms_sees_what_was_proposed_and_why(desk: Terminal) -> None:
    ref = received(desk, "Corlu")
    data = json.dumps({"supersedes": 1, "field": "city", "value": "Çorlu"})
    desk("do", ref, "correct", "--as", "P-DESK", "--data", data, "--reason", "a letter was lost")

    assert desk("show", ref) == 0
    assert '"value": "Çorlu"' in desk.out
    assert "“a letter was lost”" in desk.out
    assert list(desk.json("show", ref)["texts"].values()) == ["a letter was lost"]


def test_the_register_is_checked_and_made_again(desk: Terminal) -> None:
    received(desk, "Izmit")

    found = desk.json("register", "check")
    assert found.pop("replayed") >= 2
    assert found == {"matches": True, "differences": [], "broken": [], "led_elsewhere": []}
    assert desk.json("register", "rebuild")["subjects"] >= 2
    assert desk("register", "check") == 0
    assert "the chains of every ledger and of the intake journal hold" in desk.out


@pytest.mark.parametrize("fault", ["check", "broken", "replay"])
def test_whatever_the_check_finds_ends_it_with_1(desk: Terminal, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    async def found(*_: Any) -> Any:
        return (1, ["it led elsewhere"]) if fault == "replay" else ["it differs"]

    monkeypatch.setattr(histories, fault, found if fault != "broken" else lambda _: ["entry 2 was changed"])

    assert desk("register", "check") == 1
    assert desk.out in ("it differs\n", "entry 2 was changed\n", "it led elsewhere\n")


def test_ctrl_c_stops_cleanly_and_the_next_start_goes_on(tmp_path: Path) -> None:
    process, first = start(tmp_path)
    env = environment(tmp_path)
    subprocess.run([*KCITY, "edition", "open", "2020"], env=env, check=True, capture_output=True)
    assert stop(process) == 0

    process, second = start(tmp_path)
    try:
        shown = subprocess.run([*KCITY, "show", "2020", "--json"], env=env, check=True, capture_output=True, text=True)
        assert json.loads(shown.stdout)["view"]["stage"] == "draft"
        assert second["address"] == first["address"]
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
        assert json.loads(said.splitlines()[-1])["event"] == "stopped"
        assert process.returncode == 0


def test_a_rehearsal_moves_and_its_time_stands_still_while_nothing_runs(tmp_path: Path) -> None:
    def week(process: subprocess.Popen[str], applications: int) -> datetime:
        assert process.stdout
        for line in process.stdout:
            said = json.loads(line)
            if said["event"] == "week" and said["applications"] >= applications:
                return datetime.fromisoformat(said["at"])
        raise AssertionError("kcity up ended by itself")

    process, _ = start(tmp_path, "--rehearse", "2021")
    stopped_at = week(process, applications=1)
    assert stop(process) == 0
    time.sleep(5)

    process, _ = start(tmp_path, "--rehearse", "2021")
    began_at = week(process, applications=1)
    assert stop(process) == 0
    # Five seconds would have been five days, and each start takes some more.
    assert abs(began_at - stopped_at) < timedelta(days=5)


# --- many at once -----------------------------------------------------------------------------------------------------


def screening_file(*rows: str) -> None:
    Path("results.csv").write_text("\n".join([f"ref,complete,{','.join(ITEMS)}", *rows]))


def test_screening_names_each_faulty_row_in_its_place_and_sends_nothing(desk: Terminal) -> None:
    ref, other = received(desk, "Yalova"), received(desk, "Usak")
    yes = ",".join("yes" for _ in ITEMS)
    screening_file(
        f"{ref},yes,{yes}", f"KC2021-PLA-9999,yes,{yes}", f"{other},perhaps,{yes}", f"{other},yes,", f"{ref},yes,{yes}"
    )

    assert desk("screen", "2021", "results.csv", "--as", "P-DESK") == 1

    assert desk.out == "0 of 5 rows can be sent; nothing was sent, mend the others.\n"
    assert desk.err.splitlines() == [
        "results.csv, row 2: it lacks 3 more reviewers for paper_review declared free of conflict.",
        "results.csv, row 3: edition 2021 has no application 'KC2021-PLA-9999'.",
        "results.csv, row 4: complete is 'perhaps'; write yes or no.",
        f"results.csv, row 5: no answer for {', '.join(ITEMS)}.",
        "results.csv, row 6: it repeats row 2.",
    ]
    assert desk.json("show", ref)["view"]["stage"] == "screening"


def test_screening_proposes_what_is_answered_no_and_once(desk: Terminal) -> None:
    ref = received(desk, "Sivas")
    screening_file(f"{ref},yes,{','.join(['no', *('yes' for _ in ITEMS[1:])])}")

    checked = desk.json("screen", "2021", "results.csv", "--check", "--as", "P-DESK")
    first = desk.json("screen", "2021", "results.csv", "--as", "P-DESK")
    again = desk.json("screen", "2021", "results.csv", "--as", "P-DESK")

    assert checked == {"faults": {}, "checked": True, "done": {}, "repeated": {}, "refused": {}}
    assert (first["done"], first["repeated"]) == ({"row 2": ref}, {})
    assert (again["done"], again["repeated"]) == ({}, {"row 2": ref})
    assert [proposal["trigger"] for proposal in desk.json("show", ref)["proposals"]] == ["declare_ineligible"]


def test_a_screening_file_without_its_columns_is_a_misuse(desk: Terminal) -> None:
    Path("results.csv").write_text("number\n1\n")

    assert desk("screen", "2021", "results.csv", "--as", "P-DESK") == 2
    assert desk.err == (
        "The header row lacks ref, complete; it should be ref,complete,and each eligibility item's key.\n"
    )


def test_nobody_is_declined_who_has_no_sheets(desk: Terminal) -> None:
    received(desk, "Urfa")
    desk("person", "add", "Choi", "chair@molit.example", "--role", "chair", "--id", "P-CHAIR")

    assert desk("decline", "2021", "planning", "--reason", "Below 70 points.") == 0
    assert desk.out == "0 done, 0 done before, 0 refused.\n"


def test_declining_takes_a_reason_and_a_programme(desk: Terminal) -> None:
    assert desk("decline", "2021", "planning", "--reason", " ") == 2
    assert desk.err == "The reason is empty; write why they are rejected.\n"

    assert desk("decline", "2021", "harbours", "--reason", "Below 70 points.") == 1
    assert "harbours" in desk.err


def test_an_edition_with_nothing_to_tell_says_so(desk: Terminal) -> None:
    assert desk.json("show", "2021")["orders"] == []
