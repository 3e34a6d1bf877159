"""The table of moves, held against a copy of the rules written out by hand."""

# ruff: noqa: E501  # tables are read as tables
from itertools import groupby

import pytest

from kcity_flow.domain.edition import Edition
from kcity_flow.domain.effects import EFFECTS
from kcity_flow.domain.freeze import not_frozen
from kcity_flow.domain.messages import APPLICATION_COMMANDS, EDITION_COMMANDS
from kcity_flow.domain.moves import (
    ADOPTIONS,
    BY_TRIGGER,
    EDITION_MOVES,
    ENDS,
    FACT_MOVES,
    MOVES,
    STAGE_MOVES,
    reachable,
)
from kcity_flow.domain.selection import EFFECTS as EDITION_EFFECTS
from kcity_flow.domain.stages import EditionStage, Role, Stage, Via
from tests.unit.case import rules

BEFORE_DECISION = "received screening paper_review consultation presentation confirmation shortlisted"
DESK = "desk head"

EXPECTED = [
    # trigger                 from                                                   to                actors              approvers
    ("receive",                "absent",                                              "received",       DESK,               ""),
    ("refuse_late",            "received screening",                                  "ineligible",     DESK,               DESK),
    ("defer",                  "received screening",                                  "deferred",       DESK,               ""),
    ("open_screening",         "received",                                            "screening",      DESK + " clock",    ""),
    ("declare_ineligible",     "screening",                                           "ineligible",     DESK,               DESK),
    ("pass_screening",         "screening",                                           "paper_review",   DESK,               ""),
    ("invite_to_consultation", "paper_review",                                        "consultation",   "chair",            ""),
    ("invite_to_presentation", "paper_review consultation",                           "presentation",   "chair",            ""),
    ("request_confirmation",   "paper_review consultation presentation",              "confirmation",   DESK,               ""),
    ("shortlist",              "paper_review consultation presentation confirmation", "shortlisted",    "chair",            ""),
    ("reject",                 "paper_review consultation presentation confirmation", "not_selected",   "chair",            ""),
    ("no_show",                "consultation presentation",                           "not_selected",   "chair",            ""),
    ("select",                 "shortlisted",                                         "selected",       "committee",        "ministry"),
    ("place_on_reserve",       "shortlisted",                                         "reserve",        "committee",        "ministry"),
    ("pass_over",              "shortlisted",                                         "not_selected",   "committee",        "ministry"),
    ("promote",                "reserve",                                             "selected",       "ministry",         "ministry"),
    ("expire",                 "reserve",                                             "not_selected",   "clock",            ""),
    ("open_framework",         "selected",                                            "framework",      DESK,               ""),
    ("complete_framework",     "framework",                                           "procurement",    DESK,               ""),
    ("fail_framework",         "framework",                                           "cancelled",      "ministry",         "ministry"),
    ("award_contract",         "procurement",                                         "implementation", "procurement_officer", "procurement_officer"),
    ("fail_procurement",       "procurement",                                         "cancelled",      "ministry",         "ministry"),
    ("suspend",                "implementation",                                      "suspended",      "ministry",         ""),
    ("resume",                 "suspended",                                           "implementation", "ministry",         ""),
    ("submit_final",           "implementation",                                      "acceptance",     "contractor " + DESK, ""),
    ("return_final",           "acceptance",                                          "implementation", DESK,               ""),
    ("accept_final",           "acceptance",                                          "settlement",     DESK,               ""),
    ("terminate",              "implementation suspended acceptance",                 "terminated",     "ministry",         "ministry"),
    ("close",                  "settlement",                                          "closed",         "ministry",         "ministry"),
    ("withdraw",               BEFORE_DECISION + " selected reserve framework procurement", "withdrawn", "applicant " + DESK, ""),
    ("merge_duplicate",        "received screening",                                  "withdrawn",      DESK,               DESK),
    ("cancel_award",           "selected",                                            "cancelled",      "ministry",         "ministry"),
    ("cancel_call",            BEFORE_DECISION + " reserve",                          "cancelled",      "ministry",         "ministry"),
    ("reopen_screening",       "ineligible",                                          "screening",      DESK,               ""),
    ("reopen_review",          "not_selected",                                        "paper_review",   DESK,               ""),
    ("reopen_consultation",    "not_selected",                                        "consultation",   DESK,               ""),
    ("reopen_presentation",    "not_selected",                                        "presentation",   DESK,               ""),
    ("reopen_confirmation",    "not_selected",                                        "confirmation",   DESK,               ""),
    ("reopen_selection",       "not_selected",                                        "shortlisted",    DESK,               ""),
]  # fmt: skip

BY_THE_EDITION = {
    "select", "place_on_reserve", "pass_over", "promote", "cancel_award", "cancel_call", "publish_result", "freeze",
    "unfreeze",
}  # fmt: skip

RETURNS = {
    # return_to_ …    from each stage that a move leads to from there
    "received": "screening ineligible deferred withdrawn cancelled",
    "screening": "paper_review ineligible withdrawn deferred cancelled",
    "paper_review": "consultation presentation confirmation shortlisted not_selected withdrawn cancelled",
    "consultation": "presentation confirmation shortlisted not_selected withdrawn cancelled",
    "presentation": "confirmation shortlisted not_selected withdrawn cancelled",
    "confirmation": "shortlisted not_selected withdrawn cancelled",
    "shortlisted": "selected reserve not_selected withdrawn cancelled",
    "selected": "framework withdrawn cancelled",
    "reserve": "selected not_selected withdrawn cancelled",
    "framework": "procurement cancelled withdrawn",
    "procurement": "implementation cancelled withdrawn",
    "implementation": "suspended acceptance terminated",
    "suspended": "implementation terminated",
    "acceptance": "implementation settlement terminated",
    "settlement": "closed",
    "ineligible": "screening",
    "not_selected": "paper_review consultation presentation confirmation shortlisted",
}


def test_the_moves_that_change_a_stage_are_those_of_the_rules():
    table = [(m.trigger, set(m.sources), m.dest.value, set(m.actors), set(m.approvers)) for m in STAGE_MOVES]

    assert table == [(t, set(s.split()), d, set(a.split()), set(p.split())) for t, s, d, a, p in EXPECTED]


def test_only_the_edition_sends_what_concerns_places_and_publication():
    assert {move.trigger for move in MOVES if move.sent_by is Via.EDITION} == BY_THE_EDITION | {
        move.trigger for move in ADOPTIONS
    }


def test_every_stage_can_be_returned_to_from_where_its_moves_lead():
    returns = {m.trigger.removeprefix("return_to_"): set(m.sources) for m in MOVES if m.undoes}

    assert returns == {stage: set(sources.split()) for stage, sources in RETURNS.items()}


def test_a_return_takes_two_of_the_desk():
    assert {(m.actors, m.approvers) for m in MOVES if m.undoes} == {((Role.DESK, Role.HEAD),) * 2}


def test_facts_keep_the_stage():
    assert {move.dest for move in FACT_MOVES} == {None}


@pytest.mark.parametrize("table", [MOVES, EDITION_MOVES], ids=["application", "edition"])
def test_guards_refuse_but_never_choose(table):
    """One row per trigger and source: a reader need not evaluate guards to see where a move goes."""
    pairs = sorted((move.trigger, source) for move in table for source in move.sources)

    assert [pair for pair, same in groupby(pairs) if len(list(same)) > 1] == []


def test_every_stage_is_reachable_from_absent():
    reached = {Stage.ABSENT}
    for _ in Stage:
        reached |= {move.dest for move in STAGE_MOVES if reached & set(move.sources)}

    assert reached == set(Stage)


def test_every_stage_of_the_edition_is_reachable_from_draft():
    reached = {EditionStage.DRAFT}
    for _ in EditionStage:
        reached |= {move.dest for move in EDITION_MOVES if move.dest and reached & set(move.sources)}

    assert reached == set(EditionStage)


def test_work_leaves_no_end_but_by_an_upheld_objection_or_a_correction():
    left = {m.trigger for m in MOVES for end in ENDS if end in m.sources and m.dest}

    assert left == {m.trigger for m in MOVES if m.undoes and set(m.sources) & set(ENDS)} | {
        "reopen_screening", "reopen_review", "reopen_consultation", "reopen_presentation", "reopen_confirmation",
        "reopen_selection",
    }  # fmt: skip


def test_what_is_no_end_can_be_left():
    assert {stage for stage in Stage if not any(stage in m.sources and m.dest for m in STAGE_MOVES)} == {
        Stage.CLOSED, Stage.WITHDRAWN, Stage.DEFERRED, Stage.CANCELLED, Stage.TERMINATED,
    }  # fmt: skip


def test_what_a_frozen_application_still_does():
    legal = {m.trigger for m in MOVES if not m.rests and not m.undoes and set(m.sources) - {*ENDS, Stage.ABSENT}}

    assert legal == BY_THE_EDITION | {
        "withdraw", "correct", "answer_clarification", "flag", "refuse_proposal", "retract_proposal",
    }  # fmt: skip


def test_one_rule_refuses_the_rest():
    assert all((m.guards[:1] == (not_frozen,)) is m.rests for m in MOVES)


def test_the_auditor_moves_nothing():
    assert [m.trigger for m in (*MOVES, *EDITION_MOVES) if Role.AUDITOR in (*m.actors, *m.approvers)] == []


def test_the_clock_never_decides():
    clock = {m.trigger for m in (*MOVES, *EDITION_MOVES) if Role.CLOCK in m.actors}

    assert clock == {
        "open_screening", "expire", "lapse_clarification", "lapse_proposal", "flag", "close_intake", "release_place",
        "nominate_next",
    }  # fmt: skip


def test_the_clock_is_never_one_of_two():
    assert [
        m.trigger for m in (*MOVES, *EDITION_MOVES) if m.approvers and Role.CLOCK in (*m.actors, *m.approvers)
    ] == []


@pytest.mark.parametrize("table", [MOVES, EDITION_MOVES], ids=["application", "edition"])
def test_every_guard_and_rule_says_what_it_is_for(table):
    asked = {guard for move in table for guard in (*move.rules, *move.guards)}

    assert sorted(guard.__name__ for guard in asked if not guard.__doc__) == []


def test_every_move_has_a_command_and_every_command_a_move():
    assert set(APPLICATION_COMMANDS) == {move.trigger for move in MOVES}
    assert set(EDITION_COMMANDS) == {move.trigger for move in EDITION_MOVES}


def test_every_effect_belongs_to_a_move():
    assert set(EFFECTS) - {move.trigger for move in MOVES} == set()
    assert set(EDITION_EFFECTS) - {move.trigger for move in EDITION_MOVES} == set()


def test_the_editions_together_reach_every_pair_and_2021_and_the_rehearsal_all_but_what_2020_alone_adopts():
    adopted = {(move.trigger, Stage.ABSENT) for move in ADOPTIONS if move.dest not in rules("rehearsal").adopts}
    playable = {*reachable(rules("2021")), *reachable(rules("rehearsal"))}

    assert playable == set(BY_TRIGGER) - adopted
    assert {*playable, *reachable(rules("2020"))} == set(BY_TRIGGER)


def test_an_adoption_takes_two_and_leads_to_every_stage_that_a_project_comes_to_after_its_selection():
    assert [(m.trigger, m.sources, m.dest) for m in ADOPTIONS] == [
        (f"adopt_at_{stage}", (Stage.ABSENT,), stage)
        for stage in ("framework", "procurement", "implementation", "suspended", "acceptance", "settlement", "closed")
    ]
    assert {(m.actors, m.approvers) for m in ADOPTIONS} == {((Role.HEAD,), (Role.HEAD, Role.MINISTRY))}


def test_2021_neither_defers_nor_asks_for_a_confirmation():
    unreached = {trigger for trigger, _ in set(BY_TRIGGER) - set(reachable(rules("2021")))}

    assert {"defer", "request_confirmation", "record_confirmation", "reopen_confirmation"} <= unreached


def test_an_edition_without_its_demonstrations_reaches_less():
    edition = rules("2021")
    fewer = tuple(programme for programme in edition.programmes if programme.key != "demonstration")
    smaller: Edition = edition.model_copy(update={"programmes": fewer})

    lost = {trigger for trigger, _ in set(reachable(edition)) - set(reachable(smaller))}
    assert lost >= {"invite_to_presentation", "reopen_presentation", "return_to_presentation"}
