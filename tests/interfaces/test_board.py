"""The board fits any terminal, and shows who has just moved."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from rich.cells import cell_len

from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.adapters.vault import State
from kcity_flow.domain.edition import transformed
from kcity_flow.domain.messages import Entry, Outcome, Refused, View
from kcity_flow.domain.stages import Stage, Via
from kcity_flow.interfaces.board import Board, Snapshot, data, summary

NOW = datetime(2021, 6, 28, 1, 30, tzinfo=UTC)
EDITION = transformed(read_edition("2021"), starts_at=NOW, factor=86400)
COUNTRIES = ("TR", "VN", "UZ", "ID", "PE", "KE", "GE", "MN")
STAGES = [stage for stage in Stage if stage is not Stage.ABSENT]


def view(number: int, stage: Stage, at: datetime = NOW) -> View:
    programme = EDITION.programmes[number % 3]
    return View(
        subject=f"KC2021-{programme.code}-{number:04d}",
        edition=2021,
        stage=stage,
        since=at,
        programme=programme.key,
        country=COUNTRIES[number % 8],
        waits_on="desk",
        next_timer="screening",
        next_due_at=NOW + timedelta(days=number % 9),
        waiting_proposals=(1,) if number % 11 == 0 else (),
        krw=500_000_000 if stage is Stage.SELECTED else None,
        entries=3,
        head="0" * 64,
    )


def entry(number: int, outcome: Outcome = Outcome.MADE) -> Entry:
    return Entry(
        subject=f"KC2021-PLA-{number:04d}",
        number=4,
        command="invite_to_consultation",
        outcome=outcome,
        source="paper_review",
        dest="consultation" if outcome is Outcome.MADE else "paper_review",
        person="P-CHAIR",
        role="chair",
        via=Via.UPDATE,
        command_id="x",
        at=NOW,
        recorded_at=NOW,
        refused=Refused(code="GuardFailed", guard="step_complete") if outcome is Outcome.REFUSED else None,
        previous="0" * 64,
    )


def seen(views: list[View]) -> Snapshot:
    recent = [entry(number, list(Outcome)[number % 3]) for number in range(30)]
    tally = {Outcome.MADE.value: 2345, Outcome.REFUSED.value: 31, Outcome.PROPOSED.value: 80}
    return Snapshot(EDITION, NOW, "deciding", views, recent, tally, {State.SENT: 1234, State.HELD: 1})


def season() -> list[View]:
    random = Random(7)
    return [view(n, random.choice(STAGES), NOW - timedelta(hours=n)) for n in range(1, 81)]


@pytest.mark.parametrize(
    ("width", "height"), [(80, 24), (100, 30), (139, 40), (140, 40), (160, 50), (220, 60), (60, 12)]
)
def test_the_board_fills_the_terminal_and_no_more(width: int, height: int) -> None:
    board = Board(("Second terminal: .venv/bin/kcity moves {ref}", "Temporal's own page: http://127.0.0.1:8233/"))

    lines = board.draw(seen(season()), width, height).plain.split("\n")

    assert len(lines) == height
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", [80, 160])
def test_the_board_says_what_happens(width: int) -> None:
    board = Board(("Second terminal: .venv/bin/kcity moves {ref}", "http://127.0.0.1:8233/"))

    drawn = board.draw(seen(season()), width, 24).plain

    for said in (
        "Mon 28 Jun 2021  10:30 KST",
        "80 applications" if width == 160 else "80 in",
        "2,345 moves",
        "31 refused",
        "1,234 mails",
        "1 stuck",
        "of about 4 places",
        "PLA-0000 invite_to_consultation → consultation",
        "kcity moves KC2021-PLA-0000",
        "http://127.0.0.1:8233/",
    ):
        assert said in drawn


def test_every_application_is_counted_in_one_column() -> None:
    for width in (80, 160):
        drawn = Board(("", "")).draw(seen([view(3, stage) for stage in STAGES]), width, 50).plain
        counts = [line for line in drawn.split("\n") if "█" in line or "▏" in line]

        assert sum(int(word) for word in " ".join(counts).split() if word.isdigit()) == len(STAGES)


def test_who_has_just_moved_stands_out_for_a_while() -> None:
    clock = [0.0]
    board = Board(("", ""), clock=lambda: clock[0])
    before, after = view(3, Stage.SCREENING), view(3, Stage.PAPER_REVIEW)

    def style() -> str:
        text = board.draw(seen([after]), 80, 24)
        return next(str(span.style) for span in text.spans if text.plain[span.start : span.end] == "0003 ID")

    board.draw(seen([before]), 80, 24)
    assert "reverse" in style()
    clock[0] = 3.0
    assert style() == "bold cyan"
    clock[0] = 10.0
    assert style() == "dim"


def test_a_deadline_is_named_by_its_last_day() -> None:
    midnight = datetime(2021, 6, 30, 15, tzinfo=UTC)  # in Seoul the first instant of July
    waiting = view(3, Stage.SCREENING).model_copy(update={"next_due_at": midnight})

    assert " 30 Jun PLA-0003 screening  desk" in Board(("", "")).draw(seen([waiting]), 160, 40).plain


def test_where_nobody_watches_a_line_says_it() -> None:
    views = [view(1, Stage.RECEIVED), view(2, Stage.SELECTED), view(3, Stage.SELECTED)]

    assert summary(seen(views)) == (
        "2021-W26 Mon 28 Jun 2021: received 1, selected 2 · 2345 moves, 31 refused, 1234 mails"
    )
    assert data(seen(views))["by_stage"] == {"received": 1, "selected": 2}
