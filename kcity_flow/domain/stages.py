"""The positions an application and an edition can take, and the roles people act in.

The values are written into histories and last for years: add to them, never rename one.
"""

from enum import StrEnum


class Stage(StrEnum):
    """Where an application stands. ``absent`` is where it stands before it is received."""

    ABSENT = "absent"
    RECEIVED = "received"
    SCREENING = "screening"
    PAPER_REVIEW = "paper_review"
    CONSULTATION = "consultation"
    PRESENTATION = "presentation"
    CONFIRMATION = "confirmation"
    SHORTLISTED = "shortlisted"
    SELECTED = "selected"
    RESERVE = "reserve"
    FRAMEWORK = "framework"
    PROCUREMENT = "procurement"
    IMPLEMENTATION = "implementation"
    SUSPENDED = "suspended"
    ACCEPTANCE = "acceptance"
    SETTLEMENT = "settlement"
    CLOSED = "closed"
    INELIGIBLE = "ineligible"
    NOT_SELECTED = "not_selected"
    WITHDRAWN = "withdrawn"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"


ENDS = (
    Stage.CLOSED,
    Stage.INELIGIBLE,
    Stage.NOT_SELECTED,
    Stage.WITHDRAWN,
    Stage.DEFERRED,
    Stage.CANCELLED,
    Stage.TERMINATED,
)
"""Stages that work does not leave. A correction or an upheld objection still may."""


OBJECTIONABLE = (Stage.INELIGIBLE, Stage.NOT_SELECTED)
"""Decisions that are told by letter and may be objected to."""


DECIDED = (Stage.SELECTED, Stage.RESERVE, Stage.NOT_SELECTED)
"""Decisions that are published together, and told only then."""


class EditionStage(StrEnum):
    """Where an edition stands."""

    DRAFT = "draft"
    OPEN = "open"
    DECIDING = "deciding"
    PUBLISHED = "published"
    CLOSED = "closed"


class Role(StrEnum):
    """In what capacity somebody acts. ``clock`` is nobody: a timer that came due."""

    DESK = "desk"
    HEAD = "head"
    REVIEWER = "reviewer"
    CHAIR = "chair"
    COMMITTEE = "committee"
    MINISTRY = "ministry"
    PROCUREMENT_OFFICER = "procurement_officer"
    FINANCE = "finance"
    OBJECTION_COMMITTEE = "objection_committee"
    RECORDS = "records"
    APPLICANT = "applicant"
    SIGNATORY = "signatory"
    CONTRACTOR = "contractor"
    HOST_GOVERNMENT = "host_government"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    CLOCK = "clock"


class Via(StrEnum):
    """By which way a command reached the workflow."""

    UPDATE = "update"
    SIGNAL = "signal"
    EDITION = "edition"
    APPLICATION = "application"
    CLOCK = "clock"
