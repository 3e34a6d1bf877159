"""An explanation as the command line asks for it: histories from the server, texts from the vault."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kcity_flow.audit.explain import Chapter, explain
from kcity_flow.audit.histories import source_of
from kcity_flow.domain.errors import Unknown
from kcity_flow.domain.inbox import business_time
from kcity_flow.domain.retelling import application_of

if TYPE_CHECKING:
    from kcity_flow.interfaces.office import Office


async def explained(office: Office, ref: str, person: str | None = None) -> list[Chapter]:
    """What became of an application, and why; as far as somebody may know, if they are named.

    Raises:
        Unknown: no history has heard of it, or there is no such person.
        NotPermitted: a conflict of interest, or somebody else's file.
    """
    source = await source_of(office.client, ref)
    if source is None:
        raise Unknown(f"There is no application {ref}; `kcity list {ref[2:6]}` shows those there are.")
    newest = max((*source.ledger, *source.edition_ledger), key=lambda entry: entry.recorded_at)
    scored = None
    if person:
        facts = application_of(source.edition, ref, source.ledger)
        read = office.read_as(facts, source.view, source.ledger, source.edition, person)
        source, scored = replace(source, ledger=read.ledger, view=read.view), read.sheets.means
    source = replace(source, texts=office.texts([*source.ledger, *source.edition_ledger]))
    return explain(source, business_time(newest, datetime.now(UTC)), scored)
