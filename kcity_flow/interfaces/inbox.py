"""An inbox, read from the register alone: it opens also when no workflow answers."""

from __future__ import annotations

from datetime import UTC, datetime

from kcity_flow.adapters.register import Register
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain.errors import Unknown
from kcity_flow.domain.inbox import Item, business_time, inbox
from kcity_flow.gateway import year_of


def opened(register: Register, vault: Vault, person: str | None) -> list[Item]:
    """What waits for a person, or for anybody.

    Raises:
        Unknown: nobody has this id.
    """
    known = vault.person(person) if person else None
    if person and known is None:
        raise Unknown(f"Nobody here is {person}; `kcity person list` shows who there is.")
    views = register.subjects(closed=False)
    newest = [entry for year in sorted({view.edition for view in views}) for entry in register.recent(year, 1)]
    now = {year_of(entry.subject): business_time(entry, datetime.now(UTC)) for entry in newest}
    return inbox(views, now, person, frozenset(known.roles if known else ()))


def following(item: Item, person: str | None) -> str:
    """What to type next."""
    name, waiting = item.subject.removeprefix("edition/"), item.waiting
    if waiting.proposal and not item.escalated:
        return f"kcity do {name} {waiting.what} --confirm {waiting.entry}" + (f" --as {person}" if person else "")
    return f"kcity moves {name}"
