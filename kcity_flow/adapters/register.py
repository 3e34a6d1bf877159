"""The projection: every application's entries and how it stands, in SQL, for lists, search and statistics.

It decides nothing and can be made again from the histories at any time (``kcity register rebuild``). No name,
address or free text ever enters it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from kcity_flow.adapters.stores import Store
from kcity_flow.domain.messages import Batch, Entry, View, canonical

METADATA = sa.MetaData()

SUBJECTS = sa.Table(
    "subjects",
    METADATA,
    sa.Column("subject", sa.String, primary_key=True),
    sa.Column("edition", sa.Integer, nullable=False),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("programme", sa.String, nullable=False),
    sa.Column("country", sa.String, nullable=False),
    sa.Column("city", sa.String, nullable=False),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("contact", sa.String, nullable=False),
    sa.Column("waits_on", sa.String, nullable=False),
    sa.Column("next_due_at", sa.String),
    sa.Column("proposals", sa.Integer, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False),
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("view", sa.Text, nullable=False),
    sa.Index("subjects_by_stage", "edition", "stage", "programme"),
)

ENTRIES = sa.Table(
    "entries",
    METADATA,
    sa.Column("subject", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("command", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("dest", sa.String, nullable=False),
    sa.Column("person", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("recorded_at", sa.String, nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Index("entries_by_command", "command", "outcome"),
)

AT_ONCE = 500
"""Rows that are copied in one statement."""

_ENTRY = sa.select(ENTRIES.c.entry)
_ONE_ENTRY = _ENTRY.where(ENTRIES.c.subject == sa.bindparam("s"), ENTRIES.c.number == sa.bindparam("n"))
_ALL_ENTRIES = _ENTRY.where(ENTRIES.c.subject == sa.bindparam("s")).order_by(ENTRIES.c.number)
_ONE_VIEW = sa.select(SUBJECTS.c.view).where(SUBJECTS.c.subject == sa.bindparam("s"))


class Register(Store):
    """Applications and editions as they stand, and all their entries."""

    name = "projection"
    head = "0001"
    metadata = METADATA

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._add_entry = self.insert(ENTRIES).on_conflict_do_nothing()
        upsert = self.insert(SUBJECTS)
        self._set_view = upsert.on_conflict_do_update(
            index_elements=["subject"],
            set_={column.name: upsert.excluded[column.name] for column in SUBJECTS.c if not column.primary_key},
            # A repeated batch may come after a later one: a view never goes back.
            where=upsert.excluded.entries >= SUBJECTS.c.entries,
        )

    def project(self, batch: Batch) -> None:
        """Take in new entries and the view after them.

        Safe to repeat, in any order: an entry is kept by (subject, number) and a view is only replaced by one that
        has seen at least as many entries.

        Raises:
            StoreFailed: the database cannot be written.
        """
        with self.writing() as connection:
            if batch.entries:
                connection.execute(self._add_entry, [_entry_row(entry) for entry in batch.entries])
            connection.execute(self._set_view, _view_row(batch.view))

    def view(self, subject: str) -> View | None:
        """How one application or edition stands; ``None`` if the register has not heard of it."""
        with self.reading() as connection:
            found = connection.execute(_ONE_VIEW, {"s": subject}).scalar()
        return None if found is None else View.model_validate_json(found)

    def subjects(
        self,
        edition: int | None = None,
        stage: str | None = None,
        programme: str | None = None,
        *,
        country: str | None = None,
        closed: bool | None = None,
    ) -> list[View]:
        """Applications and editions in order of subject; what is not given does not narrow.

        Args:
            edition: A year.
            stage: Where they stand.
            programme: A programme's key; none of an edition's own rows has one.
            country: ISO 3166-1, two letters.
            closed: Whether the file is closed.
        """
        given = {"edition": edition, "stage": stage, "programme": programme, "country": country, "closed": closed}
        exact = [SUBJECTS.c[name] == value for name, value in given.items() if value is not None]
        query = sa.select(SUBJECTS.c.view).where(*exact).order_by(SUBJECTS.c.subject)
        with self.reading() as connection:
            return [View.model_validate_json(row) for row in connection.execute(query).scalars()]

    def entry(self, subject: str, number: int) -> Entry | None:
        """One entry of a ledger."""
        with self.reading() as connection:
            found = connection.execute(_ONE_ENTRY, {"s": subject, "n": number}).scalar()
        return None if found is None else Entry.model_validate_json(found)

    def entries(self, subject: str) -> list[Entry]:
        """The ledger of one application or edition, in order."""
        with self.reading() as connection:
            return [
                Entry.model_validate_json(row) for row in connection.execute(_ALL_ENTRIES, {"s": subject}).scalars()
            ]

    def ledgers(self, edition: int, command: str) -> list[list[Entry]]:
        """The ledgers of an edition's applications by which this was done, in order of subject, each in order."""
        done = sa.select(ENTRIES.c.subject).where(ENTRIES.c.command == command, ENTRIES.c.outcome == "made")
        query = _ENTRY.join(SUBJECTS, SUBJECTS.c.subject == ENTRIES.c.subject).where(
            SUBJECTS.c.edition == edition, ENTRIES.c.subject.in_(done)
        )
        with self.reading() as connection:
            rows = connection.execute(query.order_by(ENTRIES.c.subject, ENTRIES.c.number)).scalars()
            entries = [Entry.model_validate_json(row) for row in rows]
        return [list(ledger) for _, ledger in groupby(entries, key=lambda entry: entry.subject)]

    def latest(self, subject: str, command: str) -> Entry | None:
        """The last entry of a ledger by which this was done."""
        query = _ENTRY.where(ENTRIES.c.subject == subject, ENTRIES.c.command == command, ENTRIES.c.outcome == "made")
        with self.reading() as connection:
            found = connection.execute(query.order_by(ENTRIES.c.number.desc()).limit(1)).scalar()
        return None if found is None else Entry.model_validate_json(found)

    def recent(self, edition: int, limit: int) -> list[Entry]:
        """The latest entries of an edition and its applications, the newest first."""
        query = _ENTRY.join(SUBJECTS, SUBJECTS.c.subject == ENTRIES.c.subject).where(SUBJECTS.c.edition == edition)
        query = query.order_by(ENTRIES.c.recorded_at.desc(), ENTRIES.c.number.desc()).limit(limit)
        with self.reading() as connection:
            return [Entry.model_validate_json(row) for row in connection.execute(query).scalars()]

    def tally(self, edition: int) -> dict[str, int]:
        """How many entries of an edition and its applications have which outcome."""
        query = sa.select(ENTRIES.c.outcome, sa.func.count()).join(SUBJECTS, SUBJECTS.c.subject == ENTRIES.c.subject)
        query = query.where(SUBJECTS.c.edition == edition).group_by(ENTRIES.c.outcome)
        with self.reading() as connection:
            return {str(outcome): int(count) for outcome, count in connection.execute(query)}

    def replace(self, other: Register) -> None:
        """Say from now on what another register says: all of it at once, or nothing if that fails."""
        with other.reading() as said, self.writing() as connection:
            for table in (ENTRIES, SUBJECTS):
                connection.execute(table.delete())
                for rows in said.execute(sa.select(table)).mappings().partitions(AT_ONCE):
                    connection.execute(table.insert(), [dict(row) for row in rows])

    def dump(self) -> dict[tuple[str, str], str]:
        """Every row with all its columns as canonical text, by its subject and what it is about.

        Two registers say the same if these are equal.
        """
        with self.reading() as connection:
            views = connection.execute(SUBJECTS.select().order_by(SUBJECTS.c.subject)).mappings()
            found = {(row["subject"], " as it stands"): canonical(dict(row)) for row in views}
            entries = connection.execute(ENTRIES.select().order_by(ENTRIES.c.subject, ENTRIES.c.number)).mappings()
            return found | {(row["subject"], f", entry {row['number']}"): canonical(dict(row)) for row in entries}


def _entry_row(entry: Entry) -> dict[str, Any]:
    plain = entry.model_dump(mode="json")
    columns = ("subject", "number", "command", "outcome", "source", "dest", "person", "role", "at", "recorded_at")
    row = {name: plain[name] for name in columns}
    # A refused command has whatever name it was sent under, and PostgreSQL takes no NUL.
    return {**row, "command": entry.command.replace("\0", "�"), "entry": canonical(plain)}


def _view_row(view: View) -> dict[str, Any]:
    plain = view.model_dump(mode="json")
    columns: Sequence[str] = (
        "subject", "edition", "stage", "programme", "country", "city", "title", "contact", "waits_on", "next_due_at",
        "closed", "entries",
    )  # fmt: skip
    row = {name: plain[name] for name in columns}
    return {**row, "proposals": len(view.waiting_proposals), "view": canonical(plain)}
