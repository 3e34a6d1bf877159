"""A season without a server: the same case files, a clock that is set by hand, and orders that arrive at once.

What Temporal adds to a season is that it lasts. Everything else is the domain's, so a season can be played in a
second, and what it leads to is what a run on a server must lead to (:func:`digest`).
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from kcity_flow.domain import agenda, reviewers
from kcity_flow.domain import messages as m
from kcity_flow.domain.casefile import ApplicationFile, CaseFile, EditionFile
from kcity_flow.domain.edition import Edition
from kcity_flow.domain.errors import FileClosed, Refusal
from kcity_flow.gateway import BELONGS_TO, FILLED, FREEZES, filled


class DryRun:
    """An edition, its applications and one clock. Instants are business time, UTC."""

    def __init__(self, edition: Edition, now: datetime) -> None:
        first = min(window.opens_at for window in edition.windows).year
        years = range(first, first + 4)
        self.now = now
        self.edition = EditionFile(
            m.StartEdition(edition=edition, edition_hash="", days_off=agenda.days_off(edition.calendars, years))
        )
        self.calendar = self.edition.calendar
        self.files: dict[str, ApplicationFile] = {}
        self.entries: list[m.Entry] = []
        self.letters: list[tuple[datetime, m.Letter]] = []
        self.on_entry: Callable[[m.Entry], None] = lambda _: None
        self.refused_orders: list[tuple[str, str]] = []
        self.pool: dict[str, m.Reviewer] = {}
        """Reviewers by their ids, as the edition's ledger names them."""
        self._pool_named_by = 0
        self._numbers: dict[str, int] = {}
        self._alarms: list[tuple[datetime, str]] = []
        self._closed: set[str] = set()

    @property
    def rules(self) -> Edition:
        """The edition's rules."""
        return self.edition.edition

    def file(self, subject: str) -> CaseFile:
        """The file of an application, by its number, or the edition's."""
        return self.files.get(subject, self.edition)

    def is_closed(self, ref: str) -> bool:
        """Whether the application's file has been closed: nothing more can be recorded on it."""
        return ref in self._closed

    def newest(self) -> datetime:
        """When an application's ledger last grew."""
        return next(entry.at for entry in reversed(self.entries) if entry.subject in self.files)

    def proposed(self, ref: str, step: str) -> list[reviewers.Pair]:
        """Whom the system proposes now for the seats that an application lacks on a step."""
        files = [file.application for file in self.files.values()]
        programme = self.rules.programme(self.files[ref].application.programme)
        found = reviewers.propose(self.pool.values(), self._pool_named_by, files, programme, step, self.newest())
        return [pair for pair in found.pairs if pair.ref == ref]

    def receive(self, data: dict[str, Any], by: dict[str, Any]) -> m.Receipt:
        """An application arrives and is given the next number of its programme.

        Raises:
            Refusal: it may not be received.
        """
        ref = self.number(data["programme"])
        self._begin(ref, m.Receive.model_validate({**data, "id": "receive", "by": by}).received_at.year, data)
        frozen = self.edition.call.freezes_of(data["applicant"]["country"])
        data = {**data, FREEZES: frozen} if frozen else data
        return self.command(ref, "receive", data, by, f"receive/{ref}")

    def number(self, programme: str) -> str:
        """The next reference number of a programme, as the intake journal gives it."""
        code = self.rules.programme(programme).code
        number = self._numbers[code] = self._numbers.get(code, 0) + 1
        return f"KC{self.rules.year}-{code}-{number:04d}"

    def _begin(self, ref: str, first: int, data: dict[str, Any]) -> None:
        country = agenda.days_off((data["applicant"]["country"],), range(first, first + 4))
        days_off = tuple(sorted({*self.calendar.days_off, *country}))
        start = m.StartApplication(ref=ref, edition=self.rules, edition_hash="", days_off=days_off)
        self.files[ref] = ApplicationFile(start)

    def command(self, subject: str, trigger: str, data: dict[str, Any], by: dict[str, Any], id: str) -> m.Receipt:
        """Give one command, and let everything happen that follows from it at once.

        Raises:
            Refusal: it has been recorded; nothing else has changed.
        """
        file = self.file(subject)
        if self.is_closed(subject):
            raise FileClosed(f"The file of {subject} is closed.", stage=file.stage)
        if BELONGS_TO in m.APPLICATION_COMMANDS.get(trigger, m.Command).model_fields:
            known = self.pool.get(data.get("reviewer", by["person"]))
            data = {**data, **({BELONGS_TO: known.organisations} if known and known.organisations else {})}
        if trigger in FILLED:
            proposal = self.edition.carried.proposals.get(data.get("proposal", 0))
            data = filled(trigger, data, self._open, proposal.substance if proposal else None)
        command = m.parse(file.kind, trigger, {**data, "id": id, "by": by})
        try:
            return file.handle(command, self.now, self.now)
        finally:
            self._follow(file)

    def _open(self) -> list[m.View]:
        return [file.view() for ref, file in sorted(self.files.items()) if ref not in self._closed]

    def advance(self, until: datetime) -> None:
        """Let time pass until an instant, and everything that falls due by then happen, in order."""
        while self._alarms and self._alarms[0][0] <= until:
            at, subject = heapq.heappop(self._alarms)
            file = self.file(subject)
            if subject in self._closed or file.next_due() != at:
                continue  # what hung on that instant has been moved
            self.now = max(self.now, at)
            self._follow(file)
        self.now = max(self.now, until)

    def next_entry_at(self, subject: str) -> datetime | None:
        """When the clock will next write into a subject's ledger, if nobody acts before."""
        file = self.file(subject)
        due = []
        for timer in file.running(file.timers):
            ladder = file.edition.ladder(timer.name)
            if ladder is not None and ladder.then != "close_file":
                due.append(agenda.steps(timer, ladder, file.calendar, file.subject)[-1].at)
        return min(due, default=None)

    def _follow(self, file: CaseFile) -> None:
        """The file's own clock, then the messages it leaves: entries, places given back, orders."""
        file.run_clock(self.now, self.now)
        self._collect(file)
        if isinstance(file, ApplicationFile):
            while file.releases:
                self._hand_over(self.edition, file.releases.pop(0))
        elif isinstance(file, EditionFile):
            while file.orders:
                self._carry_out(file, file.orders.pop(0))
        due = file.next_due()
        if due is not None:
            heapq.heappush(self._alarms, (due, file.subject))
        elif isinstance(file, ApplicationFile) and file.finished():
            self._closed.add(file.subject)

    def _carry_out(self, edition: EditionFile, batch: m.OrderBatch) -> None:
        for ref, trigger, data in batch.commands:
            command = m.parse("application", trigger, {**data, "id": batch.command_id(ref, trigger)})
            if isinstance(command, m.AdoptAt):
                self._begin(ref, command.since.year, command.model_dump(mode="json"))
            file = self.files[ref]
            if ref in self._closed or not self._hand_over(file, command):
                self.refused_orders.append((ref, trigger))
                edition.refused(batch, [ref], self.now, self.now)
                self._collect(edition)

    def _hand_over(self, file: CaseFile, command: m.Command) -> bool:
        try:
            file.handle(command, self.now, self.now)
        except Refusal:
            return False
        finally:
            self._follow(file)
        return True

    def _collect(self, file: CaseFile) -> None:
        for entry in file.outgoing:
            self.entries.append(entry)
            if entry.command == "name_reviewers" and entry.outcome is m.Outcome.MADE:
                named = [m.Reviewer.model_validate(one) for one in entry.data["reviewers"]]
                self.pool, self._pool_named_by = {one.person: one for one in named}, entry.number
            self.on_entry(entry)
        self.letters += [(self.now, letter) for letter in file.post]
        file.outgoing, file.post = [], []


def digest(entries: Iterable[m.Entry]) -> str:
    """What a season led to: SHA-256 over, per application in order, what was done, from where to where, by which role.

    No instants, hashes, timers or mails: the same season has the same digest on any machine, at any speed.
    """
    lines = sorted(
        (
            entry.subject, entry.number, entry.command, entry.source, entry.dest, entry.role,
            entry.refused.code if entry.refused else "",
        )
        for entry in entries
        if not entry.subject.startswith("edition/")
    )  # fmt: skip
    return hashlib.sha256(m.canonical(lines).encode()).hexdigest()
