"""A ledger played back: each move that was made, with the application as it was before and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kcity_flow.domain.application import Application
from kcity_flow.domain.edition import Edition, Programme
from kcity_flow.domain.messages import Entry, View
from kcity_flow.domain.retelling import moves_of


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
    """Every move that was made, in order. Deadlines, which no entry states, are left out."""
    for made in moves_of(source.edition, source.view.subject, source.ledger):
        yield Moment(source, *made)
