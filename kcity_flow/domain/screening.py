"""What the record itself says of an application's eligibility, and the checklist that the desk answers.

The items are the programme's (announcement, 1 to 3). Those that follow from who applies and with what documents are
answered here; the others by the desk.
"""

from __future__ import annotations

from typing import NamedTuple

from kcity_flow.domain.application import Application
from kcity_flow.domain.edition import PartnerKind, Programme

_PARTNER_GOVERNMENTS = (PartnerKind.CENTRAL_GOVERNMENT, PartnerKind.LOCAL_GOVERNMENT)


class Line(NamedTuple):
    """A line of the checklist: ``answer`` and ``missing`` are the record's own; ``None``: the desk answers."""

    item: str
    text: str
    reason: str
    answer: bool | None
    missing: str = ""


def applicant_kind(application: Application, programme: Programme) -> str:
    """What is missing for the applicant to be one of those who may apply (announcement, 1 to 3)."""
    assert application.applicant is not None  # it was received
    kind = application.applicant.kind
    if kind not in programme.applicants:
        return f"an applicant that is one of {', '.join(programme.applicants)}; this is a {kind}"
    alone = not any(partner.kind in _PARTNER_GOVERNMENTS for partner in application.applicant.partners)
    return f"a government beside the {kind}" if kind in programme.only_with_government and alone else ""


def partner(application: Application, programme: Programme) -> str:
    """What is missing for the consortium to have the partner abroad that the programme asks for (announcement, 3)."""
    rules = programme.partner
    assert application.applicant is not None  # it was received
    if rules.mode == "none":
        return ""
    allowed = [one.kind for one in application.applicant.partners if one.kind in rules.kinds or not rules.kinds]
    if not allowed:
        return f"a partner abroad that is one of {', '.join(rules.kinds)}"
    only_private = set(allowed) == {PartnerKind.PRIVATE_BODY}
    return "a partner abroad beside private bodies" if rules.not_only_private and only_private else ""


def documents(application: Application, programme: Programme) -> str:
    """Which documents are missing."""
    there = {document.kind for document in application.documents}
    missing = [kind for kind in programme.documents if kind not in there]
    return f"the documents {', '.join(missing)}" if missing else ""


DERIVED = {
    "applicant_kind": ("The applicant is of a kind that may apply.", applicant_kind),
    "partner": ("The consortium has the partner abroad that is asked for.", partner),
    "documents": ("The documents are complete.", documents),
}
"""Items that the record answers, by key; each is its own reason code."""


def checklist(application: Application, programme: Programme) -> list[Line]:
    """Every item of an application's screening, those of the record first."""
    lines = []
    for key, (text, missing_of) in DERIVED.items():
        missing = missing_of(application, programme)
        lines.append(Line(key, text, key, not missing, missing))
    return lines + [Line(item.key, item.text.en, item.reason, None) for item in programme.eligibility]
