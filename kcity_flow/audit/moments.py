"""A ledger played back: each move that was made, with the application as it was before and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application, Facts, Undo, after
from kcity_flow.domain.casefile import KEEP_UNDO
from kcity_flow.domain.edition import Edition, Programme
from kcity_flow.domain.messages import Entry, Outcome, View
from kcity_flow.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class Source:
    """What histories say of an application. ``texts`` by their commitments, as far as the vault has them."""

    edition: Edition
    ledger: Sequence[Entry]
    view: View
    edition_ledger: Sequence[Entry] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    days_off: tuple[date, ...] = ()

    def entry(self, number: int | None) -> Entry | None:
        """An entry of the application."""
        return next((entry for entry in self.ledger if entry.number == number), None)

    def edition_entry(self, number: int | None) -> Entry | None:
        """An entry of its edition."""
        return next((entry for entry in self.edition_ledger if entry.number == number), None)


@dataclass(frozen=True, slots=True)
class Moment:
    """A move that was made: its entry, the application before and after it, and the entry that it undid."""

    source: Source
    entry: Entry
    before: Application
    after: Application
    undid: int | None = None

    @property
    def programme(self) -> Programme:
        """The application's programme."""
        return self.source.edition.programme(self.after.programme)

    @property
    def data(self) -> Mapping[str, Any]:
        """What the command said."""
        return self.entry.data

    def order(self) -> Entry | None:
        """The edition's entry that decided it."""
        return self.source.edition_entry(self.entry.order.entry) if self.entry.order else None


def moments(source: Source) -> Iterator[Moment]:
    """Play the ledger through the domain's own effects. Deadlines, which no entry states, are left out."""
    application = Application(ref=source.view.subject)
    undo: Undo | None = None
    for entry in source.ledger:
        if entry.outcome is not Outcome.MADE:
            continue
        by = {"person": entry.person, "role": entry.role, "via": entry.via, "order": entry.order}
        command = m.parse("application", entry.command, {**entry.data, "id": entry.command_id or "-", "by": by})
        facts = Facts(
            application=application,
            command=command,
            edition=source.edition,
            now=entry.at,
            source=Stage(entry.source),
            dest=Stage(entry.dest),
            entries=entry.number - 1,
            undo=undo,
        )
        moved = after(facts, facts.dest)
        undid = undo.entry if undo and entry.command.startswith("return_to_") else None
        if facts.dest is not facts.source and not entry.command.startswith("return_to_"):
            undo = Undo(trigger=entry.command, entry=entry.number, before=application)
        elif entry.command not in KEEP_UNDO:
            undo = None
        yield Moment(source, entry, application, moved, undid)
        application = moved
