"""Every legal move, in two tables: an application's and an edition's.

A row reads: one of *actors* may *trigger* what stands at one of *sources*; it then stands at *dest* (``None``
keeps the stage), provided every guard holds. Where *approvers* are named the move takes effect when a second
person of theirs gives the same trigger with equal data. *sent_by* is the only way such a command may come.
Nothing else may say what is legal: the machine, the command line, the diagram in ``docs/lifecycle.md`` and the
rehearsal's coverage are all derived from here. Effects are written in :mod:`effects` and :mod:`selection`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kcity_flow.domain import adoption as a
from kcity_flow.domain import framework as f
from kcity_flow.domain import freeze as fz
from kcity_flow.domain import guards as g
from kcity_flow.domain import procurement as p
from kcity_flow.domain import selection as s
from kcity_flow.domain import work as w
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.evaluation import JUDGED_BY_SHEETS
from kcity_flow.domain.messages import By
from kcity_flow.domain.stages import DECIDED, ENDS, EditionStage, Role, Stage, Via


class Move(NamedTuple):
    """One row of a table."""

    trigger: str
    sources: tuple[Any, ...]
    dest: Any
    actors: tuple[Role, ...]
    guards: tuple[Callable[..., str], ...] = ()
    approvers: tuple[Role, ...] = ()
    rules: tuple[g.Rule, ...] = ()
    sent_by: Via | None = None
    undoes: bool = False

    def ordered(self, by: By) -> bool:
        """Whether the edition's order stands for both persons: on its own moves and on undoing them, nowhere else."""
        return by.order is not None and by.via is Via.EDITION and (self.sent_by is Via.EDITION or self.undoes)

    @property
    def rests(self) -> bool:
        """Whether a frozen application does not make it."""
        if self.undoes or self.sent_by is Via.EDITION or self.trigger in WHILE_FROZEN:
            return False
        return any(source in NO_END for source in self.sources)


S, E, R = Stage, EditionStage, Role

DESK = (R.DESK, R.HEAD)
CHAIR, MINISTRY, COMMITTEE, CLOCK, FINANCE = (R.CHAIR,), (R.MINISTRY,), (R.COMMITTEE,), (R.CLOCK,), (R.FINANCE,)
OFFICER, OBJECTIONS, REVIEWER, SIGNATORY = (
    (R.PROCUREMENT_OFFICER,),
    (R.OBJECTION_COMMITTEE,),
    (R.REVIEWER,),
    (R.SIGNATORY,),
)
PEOPLE = tuple(role for role in Role if role not in (R.CLOCK, R.AUDITOR))

STEPS = (S.PAPER_REVIEW, S.CONSULTATION, S.PRESENTATION, S.CONFIRMATION)
ANY = tuple(stage for stage in Stage if stage is not S.ABSENT)
BEFORE_DECISION = (S.RECEIVED, S.SCREENING, *STEPS, S.SHORTLISTED)
BEFORE_WORK = (*BEFORE_DECISION, S.SELECTED, S.RESERVE, S.FRAMEWORK, S.PROCUREMENT)
CLARIFIED = (S.SCREENING, *STEPS)
JUDGED = (S.SCREENING, *STEPS, S.SHORTLISTED, S.RESERVE)
"""Where reviewers come and go: a conflict found late still voids a sheet and calls for another."""

WORK = (S.IMPLEMENTATION, S.SUSPENDED, S.ACCEPTANCE)
WITH_FRAMEWORK = (S.FRAMEWORK, S.PROCUREMENT, S.IMPLEMENTATION, S.SUSPENDED)
ENDS_OF_WORK = (*WORK, S.SETTLEMENT, S.TERMINATED)
NO_END = tuple(stage for stage in ANY if stage not in ENDS)
"""Where a freeze lets it rest."""

WHILE_FROZEN = (
    "withdraw", "correct", "answer_clarification", "object", "flag", "refuse_proposal", "retract_proposal",
)  # fmt: skip
"""What people still do while it is frozen, beside undoing a move; and whatever the edition orders."""

CLAIMED = (*WORK, S.SETTLEMENT)
REFUNDED = (S.SETTLEMENT, S.CLOSED, S.TERMINATED)
EDITION = Via.EDITION

# fmt: off
STAGE_MOVES = (
    #    trigger                    sources                            dest              actors      guards
    Move("receive",                 (S.ABSENT,),                       S.RECEIVED,       DESK,       (g.programme_known, g.edition_opened, g.channel_allowed, g.received_since_opening, g.subject_known, g.funds_follow_from_the_rate)),
    Move("refuse_late",             (S.RECEIVED, S.SCREENING),         S.INELIGIBLE,     DESK,       (g.impartial, g.received_late), DESK, (g.late_is_refused,)),
    Move("defer",                   (S.RECEIVED, S.SCREENING),         S.DEFERRED,       DESK,       (g.impartial, g.received_late), (), (g.late_is_deferred,)),
    Move("open_screening",          (S.RECEIVED,),                     S.SCREENING,      (*DESK, R.CLOCK), (g.received_in_time, g.window_closed_or_continuous)),
    Move("declare_ineligible",      (S.SCREENING,),                    S.INELIGIBLE,     DESK,       (g.impartial, g.item_of_the_checklist), DESK),
    Move("pass_screening",          (S.SCREENING,),                    S.PAPER_REVIEW,   DESK,       (g.impartial, g.record_eligible, g.eligible, g.checklist_complete, g.no_open_clarification, g.paper_quorum_declared)),
    Move("invite_to_consultation",  (S.PAPER_REVIEW,),                 S.CONSULTATION,   CHAIR,      (g.impartial, g.step_complete, g.no_open_clarification), (), (g.next_on_route,)),
    Move("invite_to_presentation",  (S.PAPER_REVIEW, S.CONSULTATION),  S.PRESENTATION,   CHAIR,      (g.impartial, g.step_complete, g.judged_in_full, g.panel_declared, g.no_open_clarification), (), (g.next_on_route,)),
    Move("request_confirmation",    STEPS[:3],                         S.CONFIRMATION,   DESK,       (g.impartial, g.step_complete, g.judged_in_full, g.no_open_clarification), (), (g.next_on_route,)),
    Move("shortlist",               STEPS,                             S.SHORTLISTED,    CHAIR,      (g.impartial, g.step_complete, g.judged_in_full, g.no_open_clarification), (), (g.last_on_route,)),
    Move("reject",                  STEPS,                             S.NOT_SELECTED,   CHAIR,      (g.impartial, g.grounds_for_rejection, g.no_open_clarification, g.reason_given)),
    Move("no_show",                 (S.CONSULTATION, S.PRESENTATION),  S.NOT_SELECTED,   CHAIR,      (g.impartial, g.two_dates_missed, g.reason_given)),
    Move("select",                  (S.SHORTLISTED,),                  S.SELECTED,       COMMITTEE,  (g.judged_in_full, g.score_as_decided, g.award_in_range), MINISTRY, (), EDITION),
    Move("place_on_reserve",        (S.SHORTLISTED,),                  S.RESERVE,        COMMITTEE,  (g.judged_in_full, g.score_as_decided), MINISTRY, (), EDITION),
    Move("pass_over",               (S.SHORTLISTED,),                  S.NOT_SELECTED,   COMMITTEE,  (g.sheets_complete, g.not_above_the_line), MINISTRY, (), EDITION),
    Move("promote",                 (S.RESERVE,),                      S.SELECTED,       MINISTRY,   (g.judged_in_full, g.score_as_decided, g.award_in_range, g.reserve_still_open), MINISTRY, (), EDITION),
    Move("expire",                  (S.RESERVE,),                      S.NOT_SELECTED,   CLOCK,      (g.reserve_day_over,)),
    Move("open_framework",          (S.SELECTED,),                     S.FRAMEWORK,      DESK,       (g.result_published,)),
    Move("complete_framework",      (S.FRAMEWORK,),                    S.PROCUREMENT,    DESK,       (f.parties_signed,)),
    Move("fail_framework",          (S.FRAMEWORK,),                    S.CANCELLED,      MINISTRY,   (f.framework_has_failed, g.reason_given), MINISTRY),
    Move("award_contract",          (S.PROCUREMENT,),                  S.IMPLEMENTATION, OFFICER,    (g.impartial, p.untied, f.everybody_signed, p.contractor_found, p.contractor_korean, p.contractor_acceded, p.within_award, p.price_as_agreed, p.standstill_over, p.no_open_complaint), OFFICER),
    Move("fail_procurement",        (S.PROCUREMENT,),                  S.CANCELLED,      MINISTRY,   (p.procurement_has_failed, g.reason_given), MINISTRY),
    Move("suspend",                 (S.IMPLEMENTATION,),               S.SUSPENDED,      MINISTRY,   (g.reason_given,)),
    Move("resume",                  (S.SUSPENDED,),                    S.IMPLEMENTATION, MINISTRY,   (g.reason_given,)),
    Move("submit_final",            (S.IMPLEMENTATION,),               S.ACCEPTANCE,     (R.CONTRACTOR, *DESK), (w.own_contract, w.plan_accepted, w.deliverables_listed)),
    Move("return_final",            (S.ACCEPTANCE,),                   S.IMPLEMENTATION, DESK,       (w.names_what_is_missing,)),
    Move("accept_final",            (S.ACCEPTANCE,),                   S.SETTLEMENT,     DESK,       (g.impartial, w.milestones_accepted, w.acceptance_agreed, w.not_who_reported_it)),
    Move("terminate",               WORK,                              S.TERMINATED,     MINISTRY,   (w.notice_over, w.settlement_recorded), MINISTRY),
    Move("close",                   (S.SETTLEMENT,),                   S.CLOSED,         MINISTRY,   (g.impartial, w.claims_decided, w.settlement_recorded, w.accepted_paid, w.nothing_to_recover, w.documents_filed), MINISTRY),
    Move("withdraw",                BEFORE_WORK,                       S.WITHDRAWN,      (R.APPLICANT, *DESK), (g.own_application, g.in_writing)),
    Move("merge_duplicate",         (S.RECEIVED, S.SCREENING),         S.WITHDRAWN,      DESK,       (g.impartial, g.names_another_application), DESK),
    Move("cancel_award",            (S.SELECTED,),                     S.CANCELLED,      MINISTRY,   (g.reason_given,), MINISTRY, (), EDITION),
    Move("cancel_call",             (*BEFORE_DECISION, S.RESERVE),     S.CANCELLED,      MINISTRY,   (g.reason_given,), MINISTRY, (), EDITION),
    Move("reopen_screening",        (S.INELIGIBLE,),                   S.SCREENING,      DESK,       (g.objection_upheld,)),
    Move("reopen_review",           (S.NOT_SELECTED,),                 S.PAPER_REVIEW,   DESK,       (g.objection_upheld,), (), (g.on_route,)),
    Move("reopen_consultation",     (S.NOT_SELECTED,),                 S.CONSULTATION,   DESK,       (g.objection_upheld,), (), (g.on_route,)),
    Move("reopen_presentation",     (S.NOT_SELECTED,),                 S.PRESENTATION,   DESK,       (g.objection_upheld,), (), (g.on_route,)),
    Move("reopen_confirmation",     (S.NOT_SELECTED,),                 S.CONFIRMATION,   DESK,       (g.objection_upheld,), (), (g.on_route,)),
    Move("reopen_selection",        (S.NOT_SELECTED,),                 S.SHORTLISTED,    DESK,       (g.objection_upheld,)),
)

FACT_MOVES = (
    #    trigger                    sources                            dest              actors      guards
    Move("acknowledge",             (S.RECEIVED, S.SCREENING),         None,             DESK,       (g.not_acknowledged,)),
    Move("supersede",               (S.RECEIVED, S.SCREENING),         None,             DESK,       (g.channel_allowed, g.newer_version_in_time, g.funds_follow_from_the_rate)),
    Move("ask_clarification",       CLARIFIED,                         None,             DESK,       (g.fewer_than_two_asked, g.clarification_closed)),
    Move("answer_clarification",    CLARIFIED,                         None,             (R.APPLICANT, *DESK), (g.own_application, g.one_open_clarification)),
    Move("lapse_clarification",     CLARIFIED,                         None,             CLOCK,      (g.one_open_clarification, g.clarification_overdue)),
    Move("assign_reviewer",         JUDGED,                            None,             DESK,       (g.impartial, g.step_is_judged, g.not_assigned, g.replaces_nobody, g.not_in_conflict, g.proposed_or_reasoned), (), (g.judged_on_route,)),
    Move("declare_conflict",        (*JUDGED, S.SELECTED, S.NOT_SELECTED), None,         (R.REVIEWER, R.CHAIR, R.HEAD), (g.assigned_here, g.declared_or_recorded, g.kind_of_conflict, g.no_conflict_on_record), (), (g.judged_on_route,)),
    Move("replace_reviewer",        JUDGED,                            None,             CHAIR,      (g.impartial, g.step_is_judged, g.replaces_assigned, g.not_assigned, g.not_in_conflict, g.reason_given), (), (g.judged_on_route,)),
    Move("seal_sheet",              JUDGED[1:],                        None,             REVIEWER,   (g.free_to_judge, g.none_sealed_yet, g.sheet_wanted, g.every_criterion_scored, g.scores_in_range, g.presentation_held), (), (g.judged_on_route,)),
    Move("supersede_sheet",         JUDGED_BY_SHEETS,                  None,             REVIEWER,   (g.free_to_judge, g.own_sheet_sealed, g.sheet_of_the_step, g.every_criterion_scored, g.scores_in_range, g.reason_given), (), (g.judged_on_route,)),
    Move("void_sheet",              JUDGED[1:],                        None,             CHAIR,      (g.impartial, g.sheet_counts_or_awaited, g.reason_given), (), (g.judged_on_route,)),
    Move("schedule",                (S.CONSULTATION, S.PRESENTATION),  None,             DESK,       (g.no_date_set, g.date_in_the_future, g.both_sides_and_agenda)),
    Move("miss_date",               (S.CONSULTATION, S.PRESENTATION),  None,             DESK,       (g.date_passed_unheld,)),
    Move("reschedule",              (S.CONSULTATION, S.PRESENTATION),  None,             DESK,       (g.movable_date, g.date_in_the_future, g.both_sides_and_agenda, g.reason_given)),
    Move("hold",                    (S.CONSULTATION, S.PRESENTATION),  None,             DESK,       (g.date_reached,)),
    Move("agree_minutes",           (S.CONSULTATION,),                 None,             (R.APPLICANT, R.MINISTRY), (g.own_application, g.held, g.agrees_once, g.same_minutes)),
    Move("finish_round",            (S.CONSULTATION,),                 None,             DESK,       (g.round_agreed_rounds_left,)),
    Move("record_confirmation",     (S.CONFIRMATION,),                 None,             DESK,       (g.impartial, g.no_answer_recorded, g.in_writing)),
    Move("publish_result",          DECIDED,                           None,             MINISTRY,   (g.not_published,), MINISTRY, (), EDITION),
    Move("send_letter",             (*DECIDED, S.INELIGIBLE, S.WITHDRAWN), None,         DESK,       (g.letter_due,)),
    Move("object",                  (S.INELIGIBLE, S.NOT_SELECTED),    None,             (R.APPLICANT, *DESK), (g.own_application, g.in_objection_period, g.no_objection_yet, g.ground_allowed)),
    Move("uphold_objection",        (S.INELIGIBLE, S.NOT_SELECTED),    None,             OBJECTIONS, (g.impartial, g.open_objection, g.none_of_the_first_reviewers, g.step_was_reached, g.reason_given), OBJECTIONS),
    Move("dismiss_objection",       (S.INELIGIBLE, S.NOT_SELECTED),    None,             OBJECTIONS, (g.impartial, g.open_objection, g.none_of_the_first_reviewers, g.reason_given)),
    Move("list_party",              WITH_FRAMEWORK,                    None,             DESK,       (f.kind_allowed, f.not_listed), DESK),
    Move("strike_party",            WITH_FRAMEWORK,                    None,             DESK,       (f.listed_and_unsigned, f.leaves_both_governments, g.reason_given), DESK),
    Move("replace_signatory",       WITH_FRAMEWORK,                    None,             DESK,       (f.listed_and_unsigned, f.another_signatory, g.in_writing), DESK),
    Move("table_text",              (S.FRAMEWORK,),                    None,             DESK,       (f.text_is_new,)),
    Move("negotiate_text",          (S.FRAMEWORK,),                    None,             (R.SIGNATORY, *DESK), (f.text_tabled, f.all_listed, f.speaks_for_its_party, f.held_since_tabling)),
    Move("sign",                    (S.FRAMEWORK,),                    None,             SIGNATORY,  (f.listed_and_unsigned, f.signs_for_itself, f.signs_text_in_force, f.signed_since_tabling, g.in_writing)),
    Move("accede",                  WITH_FRAMEWORK,                    None,             SIGNATORY,  (f.listed_and_unsigned, f.signs_for_itself, f.signs_text_in_force, f.signed_since_tabling, g.in_writing)),
    Move("refuse_signature",        WITH_FRAMEWORK[:2],                None,             (R.SIGNATORY, *DESK), (f.listed_and_unsigned, f.not_refused_yet, f.speaks_for_its_party, f.own_word_or_in_writing)),
    Move("extend_signature",        (S.FRAMEWORK,),                    None,             MINISTRY,   (f.names_the_missing, f.later_signing_day, g.reason_given), MINISTRY),
    Move("set_terms",               (S.PROCUREMENT,),                  None,             OFFICER,    (p.terms_open, p.one_document)),
    Move("agree_terms",             (S.PROCUREMENT,),                  None,             (R.APPLICANT, *DESK), (g.own_application, p.terms_to_agree, p.same_terms, p.agreed_in_writing)),
    Move("publish_notice",          (S.PROCUREMENT,),                  None,             OFFICER,    (p.terms_agreed, p.no_notice_yet, p.notice_long_enough), (), (p.open_tender,)),
    Move("ask_question",            (S.PROCUREMENT,),                  None,             OFFICER,    (p.bids_sealed, p.asked_in_time), (), (p.open_tender,)),
    Move("answer_question",         (S.PROCUREMENT,),                  None,             OFFICER,    (p.question_waits,), (), (p.open_tender,)),
    Move("receive_bid",             (S.PROCUREMENT,),                  None,             OFFICER,    (p.bids_sealed, p.arrived_in_time, p.after_its_last_word), (), (p.open_tender,)),
    Move("withdraw_bid",            (S.PROCUREMENT,),                  None,             OFFICER,    (p.bids_sealed, p.bid_received, p.arrived_in_time, p.after_its_last_word, g.in_writing), (), (p.open_tender,)),
    Move("open_bids",               (S.PROCUREMENT,),                  None,             OFFICER,    (g.impartial, p.untied, p.bids_closed, p.questions_answered), OFFICER, (p.open_tender,)),
    Move("name_committee",          (S.PROCUREMENT,),                  None,             OFFICER,    (g.impartial, p.untied, p.before_evaluation, p.enough_members, p.named_by_others, p.members_free), (), (p.open_tender,)),
    Move("declare_bid_conflict",    (S.PROCUREMENT,),                  None,             REVIEWER,   (p.bids_opened, p.on_the_committee, g.kind_of_conflict, p.conflict_with_whom, p.no_tie_on_record), (), (p.open_tender,)),
    Move("record_bid",              (S.PROCUREMENT,),                  None,             OFFICER,    (g.impartial, p.untied, p.bids_opened, p.bid_received, p.same_envelope, p.recorded_once), (), (p.open_tender,)),
    Move("evaluate_bids",           (S.PROCUREMENT,),                  None,             REVIEWER,   (p.bids_opened, p.every_bid_recorded, p.free_to_evaluate, p.committee_free, p.every_bid_judged, p.order_by_points), REVIEWER, (p.open_tender,)),
    Move("renotice",                (S.PROCUREMENT,),                  None,             OFFICER,    (p.too_few_bids_and_renotices_left, p.no_open_complaint, p.notice_long_enough), (), (p.open_tender,)),
    Move("record_negotiation",      (S.PROCUREMENT,),                  None,             OFFICER,    (g.impartial, p.untied, p.enough_valid_bids, p.first_in_order, p.no_open_complaint, p.agreed_price, g.in_writing), (), (p.open_tender,)),
    Move("announce_award",          (S.PROCUREMENT,),                  None,             OFFICER,    (g.impartial, p.untied, p.price_agreed, p.no_open_complaint), (), (p.open_tender,)),
    Move("complain",                (S.PROCUREMENT,),                  None,             (*DESK, R.PROCUREMENT_OFFICER), (p.bid_received, p.in_standstill, p.not_complained_yet, p.complaint_ground, g.in_writing), (), (p.open_tender,)),
    Move("uphold_complaint",        (S.PROCUREMENT,),                  None,             (R.OBJECTION_COMMITTEE, R.MINISTRY), (g.impartial, p.open_complaint, p.outside_the_evaluation, g.reason_given), (R.OBJECTION_COMMITTEE, R.MINISTRY), (p.open_tender,)),
    Move("dismiss_complaint",       (S.PROCUREMENT,),                  None,             (R.OBJECTION_COMMITTEE, R.MINISTRY), (g.impartial, p.open_complaint, p.outside_the_evaluation, g.reason_given), (), (p.open_tender,)),
    Move("reduce_award",            (S.SELECTED, S.FRAMEWORK, S.PROCUREMENT), None,      MINISTRY,   (p.less_and_in_range, g.reason_given), MINISTRY),
    Move("set_plan",                (S.IMPLEMENTATION,),               None,             (R.CONTRACTOR, *DESK), (w.own_contract, w.no_plan_accepted, w.final_report_last, w.days_in_order, w.plan_within_contract, w.rests_on_deliverables)),
    Move("accept_plan",             (S.IMPLEMENTATION,),               None,             DESK,       (g.impartial, w.plan_waits, w.not_who_set_it)),
    Move("change_scope",            (S.IMPLEMENTATION,),               None,             DESK,       (g.impartial, w.plan_accepted, w.evidence_attached, g.reason_given, w.accepted_kept, w.final_report_last, w.days_in_order, w.plan_within_contract, w.rests_on_deliverables), DESK),
    Move("report",                  (S.IMPLEMENTATION,),               None,             (R.CONTRACTOR, *DESK), (w.own_contract, w.month_of_the_work, w.report_not_recorded, w.reports_a_milestone)),
    Move("visit_site",              WORK,                              None,             DESK,       (w.done_by_today,)),
    Move("accept_milestone",        (S.IMPLEMENTATION,),               None,             DESK,       (g.impartial, w.milestone_reported, w.evidence_attached, w.not_who_reported_it)),
    Move("approve_subcontract",     (S.IMPLEMENTATION,),               None,             DESK,       (g.impartial, w.evidence_attached, w.subcontracts_within_contract)),
    Move("claim",                   CLAIMED,                           None,             (R.CONTRACTOR, *DESK), (w.own_contract, w.evidence_attached, w.claim_numbered_anew, w.milestone_accepted, w.within_milestone, w.claims_within_contract, w.payee_of_the_contract, w.payee_korean)),
    Move("accept_claim",            CLAIMED,                           None,             DESK,       (g.impartial, w.claim_waits, w.evidence_attached, w.not_the_claimant)),
    Move("reject_claim",            CLAIMED,                           None,             DESK,       (g.impartial, w.claim_waits, g.reason_given)),
    Move("pay",                     ENDS_OF_WORK,                      None,             FINANCE,    (g.impartial, w.claim_accepted, w.neither_claimant_nor_accepter, w.payee_korean, w.payments_within_contract, w.evidence_attached, w.done_by_today)),
    Move("extend",                  WORK,                              None,             MINISTRY,   (w.later_than_the_end, w.ends_in_the_future, w.reason_known), MINISTRY),
    Move("replace_contractor",      (S.SUSPENDED,),                    None,             OFFICER,    (g.impartial, g.reason_given, w.evidence_attached, w.claims_decided, w.accepted_claimed, w.sums_as_recorded, w.another_contractor, p.contractor_korean, p.contractor_acceded, w.within_what_is_left), OFFICER),
    Move("agree_acceptance",        (S.ACCEPTANCE,),                   None,             (R.HOST_GOVERNMENT, *DESK), (w.speaks_for_the_host, w.signs_for_no_side_else, w.not_who_reported_it, w.accepts_once, w.same_acceptance)),
    Move("notify_termination",      WORK,                              None,             MINISTRY,   (g.reason_given, w.notice_period_long_enough, w.notice_not_shortened)),
    Move("withdraw_termination",    WORK,                              None,             MINISTRY,   (w.notice_given, g.reason_given)),
    Move("record_settlement",       ENDS_OF_WORK,                      None,             FINANCE,    (g.impartial, w.evidence_attached, w.settlement_adds_up)),
    Move("recover",                 REFUNDED,                          None,             FINANCE,    (w.evidence_attached, w.within_refund, w.done_by_today)),
    Move("write_off",               REFUNDED,                          None,             MINISTRY,   (g.impartial, g.reason_given, w.within_refund), MINISTRY),
    Move("follow_up",               (S.CLOSED,),                       None,             DESK,       (w.kind_of_follow_up, w.bank_named, g.in_writing)),
    Move("supersede_follow_up",     (S.CLOSED,),                       None,             DESK,       (w.supersedes_a_follow_up, w.kind_of_follow_up, w.bank_named, g.in_writing, g.reason_given)),
    Move("flag",                    ANY,                               None,             (R.CLOCK, *DESK)),
    Move("correct",                 ANY,                               None,             DESK,       (g.impartial, g.corrects_an_entry, g.reason_given), DESK),
    Move("refuse_proposal",         ANY,                               None,             PEOPLE,     (g.waiting_proposal, g.another_who_may_approve, g.reason_given)),
    Move("retract_proposal",        ANY,                               None,             PEOPLE,     (g.waiting_proposal, g.the_proposer, g.reason_given)),
    Move("lapse_proposal",          ANY,                               None,             CLOCK,      (g.waiting_proposal,)),
    Move("freeze",                  NO_END,                            None,             MINISTRY,   (fz.of_the_country, fz.not_frozen_by_it, g.reason_given), MINISTRY, (), EDITION),
    Move("unfreeze",                NO_END,                            None,             MINISTRY,   (fz.of_the_country, fz.frozen_by_it, g.reason_given), MINISTRY, (), EDITION),
)

EDITION_MOVES = (
    #    trigger                    sources                            dest              actors      guards
    Move("open_call",               (E.DRAFT,),                        E.OPEN,           (R.HEAD,),  (), (R.HEAD, R.MINISTRY)),
    Move("close_intake",            (E.OPEN,),                         E.DECIDING,       CLOCK,      (s.windows_over,)),
    Move("name_reviewers",          (E.DRAFT, E.OPEN, E.DECIDING, E.PUBLISHED), None,    DESK,       (s.each_reviewer_once,)),
    Move("decide_selection",        (E.DECIDING, E.PUBLISHED),         None,             COMMITTEE,  (s.decided_impartially, s.programme_known, s.applied_for_it, s.each_named_once, s.not_yet_decided, s.reserve_kept, s.nobody_left_out, s.ranks_rise, s.scores_stated, s.ranked_in_order, s.scores_fall, s.named_comes_first, s.vote_minuted, s.quota_left, s.total_left, s.awards_in_range, s.budget_left, s.one_place_each), MINISTRY),
    Move("publish_results",         (E.DECIDING, E.PUBLISHED),         E.PUBLISHED,      MINISTRY,   (s.of_this_edition, s.every_programme_decided), MINISTRY),
    Move("nominate_next",           (E.DECIDING, E.PUBLISHED),         None,             CLOCK,      (s.next_in_line,)),
    Move("promote_next",            (E.DECIDING, E.PUBLISHED),         None,             MINISTRY,   (s.decided_impartially, s.best_on_reserve, s.place_free, s.award_of_promotion_in_range, s.budget_left_for_promotion, s.holds_no_place_yet), MINISTRY),
    Move("cancel_award",            (E.DECIDING, E.PUBLISHED),         None,             MINISTRY,   (s.holds_a_place, s.reason_given), MINISTRY),
    Move("cancel_call",             (E.OPEN, E.DECIDING, E.PUBLISHED), None,             MINISTRY,   (s.of_this_edition, s.scope_stated, s.reason_given), MINISTRY),
    Move("order_return",            (E.DECIDING, E.PUBLISHED),         None,             DESK,       (s.held_before, s.let_go_of, s.returned_place_free, s.reason_given), DESK),
    Move("adopt",                   (E.OPEN, E.DECIDING, E.PUBLISHED), None,             (R.HEAD,),  (s.stage_is_adopted, s.programme_known, s.numbered_in_it, g.in_writing, a.came_to_it_before, a.signatures_known, a.contract_known, a.contract_korean, a.result_known, s.not_adopted_before, s.room_for_the_adopted), (R.HEAD, R.MINISTRY)),
    Move("release_place",           (E.OPEN, E.DECIDING, E.PUBLISHED), None,             PEOPLE + CLOCK, (s.known_to_the_edition,), (), (), Via.APPLICATION),
    Move("freeze",                  (E.OPEN, E.DECIDING, E.PUBLISHED), None,             MINISTRY,   (s.of_this_edition, fz.something_to_freeze, fz.counts_from_then, s.reason_given), MINISTRY),
    Move("unfreeze",                (E.OPEN, E.DECIDING, E.PUBLISHED), None,             MINISTRY,   (s.of_this_edition, fz.something_to_lift, s.reason_given), MINISTRY),
    Move("close_edition",           (E.PUBLISHED,),                    E.CLOSED,         MINISTRY,   (s.every_application_ended,), MINISTRY),
    Move("flag",                    tuple(E),                          None,             (R.CLOCK, *DESK)),
    Move("correct",                 tuple(E),                          None,             DESK,       (s.corrects_an_entry, s.reason_given), DESK),
    Move("refuse_proposal",         tuple(E),                          None,             PEOPLE,     (g.waiting_proposal, g.another_who_may_approve, g.reason_given)),
    Move("retract_proposal",        tuple(E),                          None,             PEOPLE,     (g.waiting_proposal, g.the_proposer, g.reason_given)),
    Move("lapse_proposal",          tuple(E),                          None,             CLOCK,      (g.waiting_proposal,)),
)
# fmt: on


def _returns() -> tuple[Move, ...]:
    """One ``return_to_<stage>`` for each stage that moves leave, from each stage that they lead to."""
    froms = [stage for stage in Stage if stage is not S.ABSENT]
    led_to = {
        stage: tuple(
            s for s in Stage if any(stage in m.sources and m.dest is s and s is not stage for m in STAGE_MOVES)
        )
        for stage in froms
    }
    guards = (g.impartial, g.made_in_error, g.reason_given, g.places_left_to_the_edition)
    return tuple(
        Move(f"return_to_{stage}", sources, stage, DESK, guards, DESK, undoes=True)
        for stage, sources in led_to.items()
        if sources
    )


RUNNING = (a.came_to_it_before, a.signatures_known, a.contract_known, a.contract_korean, a.result_known)
"""What must be known of a project that is adopted: asked by the edition, and once more where its file begins."""

ADOPTIONS = tuple(
    Move(a.trigger_at(stage), (S.ABSENT,), stage, (R.HEAD,), (g.programme_known, g.in_writing, *RUNNING),
         (R.HEAD, R.MINISTRY), (), EDITION)
    for stage in a.LED_TO
)  # fmt: skip
"""One ``adopt_at_<stage>`` for each stage at which a project that runs already is taken over."""


def _refused_while_frozen(move: Move) -> Move:
    return move._replace(guards=(fz.not_frozen, *move.guards)) if move.rests else move


MOVES = tuple(map(_refused_while_frozen, STAGE_MOVES + ADOPTIONS + _returns() + FACT_MOVES))
BY_TRIGGER = {(move.trigger, source): move for move in MOVES for source in move.sources}
EDITION_BY_TRIGGER = {(move.trigger, source): move for move in EDITION_MOVES for source in move.sources}


def reachable(edition: Edition) -> list[tuple[str, Stage]]:
    """Every (trigger, source) that some application of the edition can come to, in table order.

    Rules alone are asked: guards depend on what people do, and every one of them can be met.
    """
    found: set[tuple[str, Stage]] = set()
    for programme in edition.programmes:
        window = edition.window(programme)
        steps, reached, grew = set[tuple[str, Stage]](), {S.ABSENT}, True
        while grew:
            grew = False
            for (trigger, source), move in BY_TRIGGER.items():
                setting = g.Setting(programme, window, source, move.dest or source)
                if (trigger, source) in steps or source not in reached or any(rule(setting) for rule in move.rules):
                    continue
                if move in ADOPTIONS and move.dest not in edition.adopts:
                    continue
                if move.undoes and not any(
                    m.dest is source and (m.trigger, move.dest) in steps and not m.undoes for m in STAGE_MOVES
                ):
                    continue
                steps.add((trigger, source))
                reached.add(move.dest or source)
                grew = True
        found |= steps
    return [pair for pair in BY_TRIGGER if pair in found]


__all__ = [
    "ADOPTIONS", "BY_TRIGGER", "EDITION_BY_TRIGGER", "EDITION_MOVES", "ENDS", "FACT_MOVES", "MOVES", "STAGE_MOVES", "Move", "reachable",
]  # fmt: skip
