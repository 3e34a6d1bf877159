"""An inbox, read from register and vault alone: it opens also when no workflow answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from kcity_flow.adapters.register import Register
from kcity_flow.adapters.vault import Outgoing, State, Vault
from kcity_flow.domain.errors import Unknown
from kcity_flow.domain.inbox import Item, business_time, inbox
from kcity_flow.domain.messages import View, Waiting
from kcity_flow.domain.stages import Role
from kcity_flow.gateway import year_of


class Undelivered(Item):
    """Letters that wait for the desk: one that did not reach its ``address``, or those of a kind that are held."""

    kind: str
    keys: tuple[str, ...]
    person: str
    address: str
    why: str

    def task(self) -> str:
        """What the desk has to do, after *to*."""
        if self.waiting.what == State.FAILED:
            return f"see to the letter {self.kind} for {self.person} at {self.address or 'no address'}: {self.why}"
        many = f"{len(self.keys):,} letters" if len(self.keys) > 1 else "the letter"
        return f"release or cancel {many} {self.kind}: {self.why}"

    def following(self) -> str:
        """What to type next."""
        one = self.waiting.what == State.FAILED or len(self.keys) == 1
        return f"kcity outbox show {self.keys[0]}" if one else f"kcity outbox --state held --kind {self.kind}"


def opened(register: Register, vault: Vault, person: str | None) -> list[Item]:
    """What waits for a person, or for anybody; letters come last, as they have no date.

    Raises:
        Unknown: nobody has this id.
    """
    known = vault.person(person) if person else None
    if person and known is None:
        raise Unknown(f"Nobody here is {person}; `kcity person list` shows who there is.")
    views = register.subjects(closed=False)
    newest = [entry for year in sorted({view.edition for view in views}) for entry in register.recent(year, 1)]
    now = {year_of(entry.subject): business_time(entry, datetime.now(UTC)) for entry in newest}
    found = inbox(views, now, person, frozenset(known.roles if known else ()))
    if known is None or Role.DESK in known.roles:
        stand = {view.subject: view for view in views}
        rows = vault.outbox(State.HELD, State.FAILED)
        # Only what is closed is not among them.
        about = {row.about: stand.get(row.about) or register.view(row.about) for row in rows}
        found += undelivered(rows, about, person)
    return found


def undelivered(rows: Iterable[Outgoing], views: Mapping[str, View | None], person: str | None) -> Iterator[Item]:
    """Letters as tasks of the desk: each that failed, and those that are held by their kind and reason.

    Nothing waits for whoever is in conflict with what a letter is about.
    """
    tasks: dict[tuple[str, ...], list[Outgoing]] = {}
    for row in rows:
        view = views[row.about]
        if not (view and person in view.barred):
            held = (str(year_of(row.about)), row.template, row.why)
            tasks.setdefault((row.key,) if row.state == State.FAILED else held, []).append(row)
    for together in tasks.values():
        first = together[0]
        about = {row.about for row in together}
        view = views[first.about] if len(about) == 1 else None
        yield Undelivered(
            subject=first.about if len(about) == 1 else f"edition/{year_of(first.about)}",
            edition=year_of(first.about),
            programme=view.programme if view else "",
            city=view.city if view else "",
            overdue=False,
            escalated=False,
            waiting=Waiting(
                what=first.state, entry=0, since=datetime.fromisoformat(first.queued_at), to=(Role.DESK.value,)
            ),
            kind=first.template,
            keys=tuple(row.key for row in together),
            person=first.person,
            address=first.address,
            why=first.why.rstrip("."),
        )


def following(item: Item, person: str | None) -> str:
    """What to type next."""
    if isinstance(item, Undelivered):
        return item.following()
    name, waiting = item.subject.removeprefix("edition/"), item.waiting
    if waiting.proposal and not item.escalated:
        return f"kcity do {name} {waiting.what} --confirm {waiting.entry}" + (f" --as {person}" if person else "")
    return f"kcity moves {name}"
