"""Every word that stands in histories is explained, in both languages."""

import re
from pathlib import Path

import pytest

from kcity_flow.domain.agenda import APPLICATION_TIMERS, EDITION_TIMERS
from kcity_flow.domain.application import PROPOSAL_TIMERS
from kcity_flow.domain.moves import EDITION_MOVES, MOVES
from kcity_flow.domain.stages import EditionStage, Role, Stage

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"

WORDS_OF_THE_DESIGN = """
    edition, call, programme, application, applicant, partner, stage, move, guard, actor, desk, reviewer, sheet,
    consultation round, minutes, presentation, panel, shortlist, selection, award, place, reserve, framework,
    signatory, accession, procurement, notice, bid, contract, contractor, implementation, milestone, extension,
    suspension, acceptance, settlement, closure, follow-on, ledger, entry, receipt, refusal, reminder, ladder,
    escalation, register, history, bundle, seal
"""


def rows(section: str) -> dict[str, tuple[str, str]]:
    """The words of a section, each with its Korean and its meaning."""
    text = GLOSSARY.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = {}
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("| ---"):
            word, korean, meaning = (cell.strip() for cell in line.strip("|").split("|"))
            for name in word.split(", "):
                found[name.strip("`")] = (korean, meaning)
    return dict(list(found.items())[1:])


def return_moves_as_one(triggers: set[str]) -> set[str]:
    return {re.sub("^(return_to|adopt_at)_.*", r"\1_<stage>", trigger) for trigger in triggers}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("Stages of an application", set(Stage)),
        ("Stages of an edition", set(EditionStage)),
        ("Roles", set(Role)),
        ("Moves of an application", return_moves_as_one({move.trigger for move in MOVES})),
        ("Moves of an edition", {move.trigger for move in EDITION_MOVES}),
        ("Timers", {row.timer for row in (*APPLICATION_TIMERS, *EDITION_TIMERS)} | set(PROPOSAL_TIMERS)),
    ],
)
def test_the_glossary_has_what_the_code_has_and_nothing_else(section: str, words: set[str]) -> None:
    assert set(rows(section)) == words


def test_the_glossary_has_every_word_of_the_design() -> None:
    explained = {**rows("The programme"), **rows("The software")}

    assert {word.strip() for word in WORDS_OF_THE_DESIGN.split(",")} - set(explained) == set()


def test_every_word_has_its_korean_and_a_meaning() -> None:
    for section in re.findall(r"^## (.+)$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE):
        for word, (korean, meaning) in rows(section).items():
            assert re.search("[가-힣]", korean), word
            assert meaning, word
