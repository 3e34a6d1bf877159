"""The vault: what must never stand in a history, and what no history could restore.

People, organisations, free text behind commitments, the outbox and the intake journal. It is backed up, never
rebuilt. Names and addresses are in nothing but this store and the mails themselves.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import socket
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa

from kcity_flow.adapters.stores import Store, now
from kcity_flow.domain.errors import Refusal
from kcity_flow.domain.messages import canonical
from kcity_flow.domain.stages import Role
from kcity_flow.domain.values import Frozen, canonical_instant
from kcity_flow.letters import Mail
from kcity_flow.letters.wording import Language

LEASE = timedelta(minutes=30)
"""How long a claimed mail is another worker's. After that its worker counts as dead, whatever it did.

Longer than the slowest server may take over one mail.
"""

METADATA = sa.MetaData()

PEOPLE = sa.Table(
    "people",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("address", sa.String, nullable=False),
    sa.Column("organisation", sa.String, nullable=False),
    sa.Column("language", sa.String, nullable=False),
)

ROLES = sa.Table(
    "roles",
    METADATA,
    sa.Column("role", sa.String, primary_key=True),
    sa.Column("person", sa.String, sa.ForeignKey("people.id"), primary_key=True),
)

ORGANISATIONS = sa.Table(
    "organisations",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
)

TEXTS = sa.Table(
    "texts",
    METADATA,
    sa.Column("commitment", sa.String, primary_key=True),
    sa.Column("salt", sa.String),
    sa.Column("text", sa.Text),
)

SENDINGS = sa.Table(
    "sendings",
    METADATA,
    sa.Column("subject", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("trigger", sa.String, nullable=False),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
)

OUTBOX = sa.Table(
    "outbox",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("message_id", sa.String, nullable=False, unique=True),
    sa.Column("about", sa.String, nullable=False, index=True),
    sa.Column("template", sa.String, nullable=False),
    sa.Column("person", sa.String, nullable=False),
    sa.Column("address", sa.String, nullable=False),
    sa.Column("subject_line", sa.String, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("in_doubt", sa.Boolean, nullable=False),
    sa.Column("queued_at", sa.String, nullable=False),
    sa.Column("next_attempt_at", sa.String, nullable=False),
    sa.Column("claimed_by", sa.String, nullable=False),
    sa.Column("sent_at", sa.String),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("claimed_at", sa.String, index=True),
    sa.Column("language", sa.String, nullable=False, server_default="en"),
    sa.Column("dates", sa.Text, nullable=False, server_default=sa.text("''")),
    # With the key: of ten thousand that fall due together, the next one is found without sorting them.
    sa.Index("outbox_due", "state", "next_attempt_at", "key"),
)

OUTBOX_ACTS = sa.Table(
    "outbox_acts",
    METADATA,
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("key", sa.String, nullable=False, index=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("person", sa.String, nullable=False),
    sa.Column("act", sa.String, nullable=False),
    sa.Column("address", sa.String, nullable=False),
    sa.Column("subject_line", sa.String, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

JOURNAL = sa.Table(
    "journal",
    METADATA,
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ref", sa.String, nullable=False, index=True),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("code", sa.String, nullable=False),
    sa.Column("number", sa.Integer),
    sa.Column("fingerprint", sa.String),
    sa.Column("received_at", sa.String),
    sa.Column("channel", sa.String),
    sa.Column("written_at", sa.String, nullable=False),
    sa.Column("previous", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
    # Lines that only state an outcome have neither, and NULLs are never equal.
    sa.UniqueConstraint("year", "code", "number"),
    sa.UniqueConstraint("year", "code", "fingerprint"),
)

BOOKED, RECEIVED = "booked", "received"
"""Outcomes in the journal; every other is the code of a refusal."""

_JOURNAL_LOCK = 5_121_203
_PACE_LOCK = 5_121_204
_NO_LINE = "0" * 64

# Which process of which host: a row claimed by one that is gone may be claimed again.
_THIS_PROCESS = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


class Person(Frozen):
    """Somebody letters go to or commands come from. Name and address are empty once erased."""

    id: str
    name: str
    address: str
    organisation: str = ""
    language: Language = "en"
    roles: tuple[Role, ...] = ()


class State(StrEnum):
    """Where a mail stands. ``held`` and ``failed`` wait for the desk, which ``why`` tells what is amiss."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    HELD = "held"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Act(StrEnum):
    """What the desk does to a mail."""

    HOLD = "hold"
    RELEASE = "release"
    EDIT = "edit"
    CANCEL = "cancel"
    RETRY = "retry"
    BOUNCE = "bounce"


ACTS: dict[Act, tuple[tuple[State, ...], State | None]] = {
    Act.HOLD: ((State.QUEUED,), State.HELD),
    Act.RELEASE: ((State.HELD,), State.QUEUED),
    Act.EDIT: ((State.HELD, State.FAILED), None),
    Act.CANCEL: ((State.QUEUED, State.HELD, State.FAILED), State.CANCELLED),
    Act.RETRY: ((State.FAILED,), State.QUEUED),
    Act.BOUNCE: ((State.SENT,), State.FAILED),
}
"""Every act, from which states and to which; ``None`` leaves the state as it is."""


class Outgoing(NamedTuple):
    """A row of the outbox. Instants are UTC in the ledger's form; ``in_doubt``: it may have arrived already.

    ``dates`` are those that it brings for a calendar (:mod:`kcity_flow.letters.calendar`).
    """

    key: str
    message_id: str
    about: str
    template: str
    person: str
    address: str
    subject_line: str
    body: str
    state: str
    attempts: int
    in_doubt: bool
    queued_at: str
    next_attempt_at: str
    claimed_by: str
    sent_at: str | None
    why: str
    claimed_at: str | None
    language: Language
    dates: str


class Done(NamedTuple):
    """A line of what the desk did to a mail: who, when (UTC), and what address and words it had before."""

    line: int
    key: str
    at: str
    person: str
    act: str
    address: str
    subject_line: str
    body: str


class CannotAct(Refusal):
    """What the desk asks for cannot be done to a mail as it stands."""

    code = "CannotAct"


class Sending(NamedTuple):
    """A command without an answer: who asked for what, and the words in which it was sent, both as canonical JSON."""

    trigger: str
    asked: str
    command: str


class Seal(NamedTuple):
    """How long the intake journal is and the hash of its last line; kept elsewhere, it shows a cut end."""

    lines: int
    hash: str


class JournalBroken(Exception):
    """The intake journal was changed; its text is one sentence that names the first line at fault."""


class Vault(Store):
    """People, texts, outbox and intake journal."""

    name = "vault"
    head = "0004"
    metadata = METADATA

    # --- people -------------------------------------------------------------------------------------------------------

    def add_person(
        self,
        name: str,
        address: str,
        *,
        organisation: str = "",
        language: Language = "en",
        roles: Iterable[Role] = (),
        id: str | None = None,
    ) -> str:
        """Add somebody, or bring who has this ``id`` up to date; roles are replaced.

        Returns:
            The id: ``id``, or a new one that says nothing about the person.
        """
        id = id or f"P-{_draw()}"
        person = {"name": name, "address": address, "organisation": organisation, "language": language}
        with self.writing() as connection:
            connection.execute(
                self.insert(PEOPLE).on_conflict_do_update(index_elements=["id"], set_=person), {"id": id, **person}
            )
            connection.execute(ROLES.delete().where(ROLES.c.person == id))
            if rows := [{"role": Role(role).value, "person": id} for role in dict.fromkeys(roles)]:
                connection.execute(ROLES.insert(), rows)
        return id

    def person(self, id: str) -> Person | None:
        """Who goes by this id."""
        found = self._people(PEOPLE.c.id == id)
        return found[0] if found else None

    def people(self, role: Role | str | None = None) -> list[Person]:
        """Everybody, or everybody in a role, in order of id."""
        if role is None:
            return self._people(sa.true())
        return self._people(PEOPLE.c.id.in_(sa.select(ROLES.c.person).where(ROLES.c.role == str(role))))

    def has_role(self, id: str, role: Role | str) -> bool:
        """Whether a person acts in a role."""
        query = sa.select(sa.true()).where(ROLES.c.role == str(role), ROLES.c.person == id)
        with self.reading() as connection:
            return connection.execute(query).first() is not None

    def erase(self, id: str) -> None:
        """Forget who a person is: name, address, and every letter's address and text. The id stays, so histories do.

        What still waited to be sent to them is cancelled.
        """
        theirs = OUTBOX.c.person == id
        with self.writing() as connection:
            connection.execute(PEOPLE.update().where(PEOPLE.c.id == id).values(name="", address=""))
            forgotten = {"address": "", "subject_line": "", "body": ""}
            keys = sa.select(OUTBOX.c.key).where(theirs)
            connection.execute(OUTBOX_ACTS.update().where(OUTBOX_ACTS.c.key.in_(keys)).values(**forgotten))
            connection.execute(OUTBOX.update().where(theirs).values(**forgotten))
            connection.execute(
                OUTBOX.update()
                .where(theirs, OUTBOX.c.state != State.SENT)
                .values(state=State.CANCELLED, why="This person was erased; nothing more is sent to them.")
            )

    def add_organisation(self, name: str, id: str | None = None) -> str:
        """Add an organisation, or rename the one with this ``id``; returns its id, ``O-…``."""
        id = id or f"O-{_draw()}"
        upsert = self.insert(ORGANISATIONS).on_conflict_do_update(index_elements=["id"], set_={"name": name})
        with self.writing() as connection:
            connection.execute(upsert, {"id": id, "name": name})
        return id

    def organisations(self, ids: Collection[str] | None = None) -> dict[str, str]:
        """Names of organisations by id: of these, or of all."""
        if ids is not None and not ids:
            return {}
        query = sa.select(ORGANISATIONS)
        with self.reading() as connection:
            rows = connection.execute(query if ids is None else query.where(ORGANISATIONS.c.id.in_(ids)))
            return {row.id: row.name for row in rows}

    def _people(self, where: sa.ColumnElement[bool]) -> list[Person]:
        query = sa.select(PEOPLE, ROLES.c.role).outerjoin(ROLES, ROLES.c.person == PEOPLE.c.id)
        people: dict[str, dict[str, Any]] = {}
        with self.reading() as connection:
            for row in connection.execute(query.where(where).order_by(PEOPLE.c.id, ROLES.c.role)).mappings():
                person = people.setdefault(row["id"], {**row, "roles": ()})
                if row["role"]:
                    person["roles"] += (row["role"],)
        return [Person.model_validate(person) for person in people.values()]

    # --- texts --------------------------------------------------------------------------------------------------------

    def commit(self, text: str) -> str:
        """Keep a text and return what stands for it in histories: SHA-256 of a salt drawn for it, and the text."""
        salt = secrets.token_hex(16)
        commitment = commitment_of(salt, text)
        with self.writing() as connection:
            connection.execute(TEXTS.insert(), {"commitment": commitment, "salt": salt, "text": text})
        return commitment

    def text(self, commitment: str) -> str | None:
        """The text behind a commitment; ``None`` if it is unknown or was redacted.

        Raises:
            StoreFailed: never for a text that was changed: that one is returned as ``None`` too.
        """
        with self.reading() as connection:
            row = connection.execute(sa.select(TEXTS).where(TEXTS.c.commitment == commitment)).first()
        if row is None or row.text is None or commitment_of(row.salt, row.text) != commitment:
            return None
        return str(row.text)

    def redact(self, commitment: str) -> None:
        """Forget a text and its salt; the commitment stays, and no longer says anything."""
        with self.writing() as connection:
            connection.execute(TEXTS.update().where(TEXTS.c.commitment == commitment).values(salt=None, text=None))

    # --- commands that have no answer yet -----------------------------------------------------------------------------

    def sending(self, subject: str, id: str) -> Sending | None:
        """What was first sent under an id, if nobody answered yet."""
        with self.reading() as connection:
            row = connection.execute(_sent_as(subject, id)).first()
        return Sending(*row) if row else None

    def send(self, subject: str, id: str, sending: Sending) -> Sending:
        """Keep a command as it is sent, until it is answered; of two who send it at once, the first one's.

        Returns:
            What is kept.
        """
        row = {"subject": subject, "id": id, **sending._asdict()}
        with self.writing() as connection:
            connection.execute(self.insert(SENDINGS).on_conflict_do_nothing(), row)
            return Sending(*connection.execute(_sent_as(subject, id)).one())

    def answered(self, subject: str, id: str) -> None:
        """There is an answer: nobody sends this again."""
        with self.writing() as connection:
            connection.execute(SENDINGS.delete().where(*_under(subject, id)))

    # --- outbox -------------------------------------------------------------------------------------------------------

    def queue(self, mails: Sequence[Mail]) -> None:
        """Put mails into the outbox. A key that is there already is left as it is, so repeating is safe."""
        at = now()
        rows = [
            {
                **mail._asdict(),
                "message_id": message_id(mail.key),
                "state": State.HELD if mail.why else State.QUEUED,
                "attempts": 0,
                "in_doubt": False,
                "queued_at": at,
                "next_attempt_at": at,
                "claimed_by": "",
            }
            for mail in mails
        ]
        if rows:
            with self.writing() as connection:
                connection.execute(self.insert(OUTBOX).on_conflict_do_nothing(), rows)

    def dates(self, about: str, person: str) -> list[str]:
        """The dates that letters about a subject brought a person, in the order of the letters."""
        query = sa.select(OUTBOX.c.dates).where(OUTBOX.c.about == about, OUTBOX.c.person == person)
        query = query.where(OUTBOX.c.dates != "").order_by(OUTBOX.c.queued_at, OUTBOX.c.key)
        with self.reading() as connection:
            return list(connection.execute(query).scalars())

    def claim(self, pace: timedelta = timedelta()) -> Outgoing | None:
        """Take the mail that has waited longest. Two workers never get the same one.

        Args:
            pace: How far apart two mails are taken at least, whichever workers take them.

        Returns:
            The mail; nothing if none is due, or the last one was taken less than a pace ago.
        """
        with self.writing() as connection:
            if pace and not self.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PACE_LOCK)))
            at = datetime.now(UTC)
            due = (
                sa.select(OUTBOX.c.key)
                .where(OUTBOX.c.state == State.QUEUED, OUTBOX.c.next_attempt_at <= canonical_instant(at))
                .order_by(OUTBOX.c.next_attempt_at, OUTBOX.c.key)
                .limit(1)
                .with_for_update(skip_locked=True)
                .scalar_subquery()
            )
            claimed = (
                OUTBOX.update()
                .where(OUTBOX.c.key == due, OUTBOX.c.state == State.QUEUED)
                .values(
                    state=State.SENDING,
                    attempts=OUTBOX.c.attempts + 1,
                    claimed_by=_THIS_PROCESS,
                    claimed_at=canonical_instant(at),
                    next_attempt_at=canonical_instant(at + LEASE),
                )
                .returning(*OUTBOX.c)
            )
            if pace:
                last = connection.execute(sa.select(sa.func.max(OUTBOX.c.claimed_at))).scalar()
                if last and last > canonical_instant(at - pace):
                    return None
            row = connection.execute(claimed).first()
        return Outgoing(*row) if row else None

    def settle(
        self, row: Outgoing, state: State, *, why: str = "", pause: timedelta = timedelta(), in_doubt: bool = False
    ) -> None:
        """Say what became of a claimed mail; without effect if another worker has claimed it since.

        Args:
            row: The mail as it was claimed.
            state: ``sent``, ``failed``, ``held``, or ``queued`` to try again.
            why: In words, when it is not sent.
            pause: How long from now it is not tried again.
            in_doubt: The server may have taken it. Once true it stays true.
        """
        at = datetime.now(UTC)
        change: dict[str, Any] = {
            "state": state,
            "why": why,
            "claimed_by": "",
            "next_attempt_at": canonical_instant(at + pause),
            "sent_at": canonical_instant(at) if state is State.SENT else None,
        }
        if in_doubt:
            change["in_doubt"] = True
        ours = (OUTBOX.c.key == row.key, OUTBOX.c.state == State.SENDING, OUTBOX.c.attempts == row.attempts)
        with self.writing() as connection:
            connection.execute(OUTBOX.update().where(*ours).values(**change))

    def interrupted(self) -> list[Outgoing]:
        """Mails whose worker died while sending them: it is gone from this host, or silent beyond the lease."""
        with self.reading() as connection:
            rows = [
                Outgoing(*row) for row in connection.execute(sa.select(OUTBOX).where(OUTBOX.c.state == State.SENDING))
            ]
        return [row for row in rows if row.next_attempt_at <= now() or _is_gone(row.claimed_by)]

    def treat(
        self, act: Act, keys: Iterable[str], by: str, *, subject_line: str = "", body: str = "", why: str = ""
    ) -> list[Outgoing]:
        """Do something to mails at a person's word: to all of them, or to none.

        What is queued by it goes to the address that its person has now, and is tried for days from now on.

        Args:
            act: A row of :data:`ACTS`.
            keys: Whose.
            by: The person's id.
            subject_line: Of an edited mail, if it is another.
            body: The same.
            why: In words, what is to be seen to from now on.

        Returns:
            The mails as they stand now.

        Raises:
            CannotAct: one of them does not stand where the act takes it, or lacks what it needs to be sent.
        """
        sources, dest = ACTS[act]
        treated = []
        with self.writing() as connection:
            for key in dict.fromkeys(keys):
                found = connection.execute(sa.select(OUTBOX).where(OUTBOX.c.key == key).with_for_update()).first()
                if found is None:
                    raise CannotAct(f"There is no letter {key}; `kcity outbox` lists those that there are.")
                row = Outgoing(*found)
                if row.state not in sources:
                    raise CannotAct(f"The letter {key} is {row.state}; {act} takes one that is {' or '.join(sources)}.")
                change: dict[str, Any] = {"why": why}
                if act is Act.EDIT:
                    change = {"subject_line": subject_line or row.subject_line, "body": body or row.body}
                if dest:
                    change["state"] = dest
                if dest is State.QUEUED:
                    person = connection.execute(sa.select(PEOPLE.c.address).where(PEOPLE.c.id == row.person)).scalar()
                    change |= {"address": person or row.address, "attempts": 0, "queued_at": now()}
                    change["next_attempt_at"] = change["queued_at"]
                    if not change["address"]:
                        raise CannotAct(
                            f"The letter {key} has no address; give one to {row.person} with "
                            f"`kcity person add NAME ADDRESS --role R --id {row.person}`."
                            if row.person.startswith("P-")
                            else f"The letter {key} has no address, as nobody went by {row.person} when it was "
                            "written; cancel it and write by hand."
                        )
                    if not row.body or not row.subject_line:
                        raise CannotAct(
                            f"The letter {key} has no text; write one with `kcity outbox edit KEY --subject LINE "
                            "--body FILE`."
                        )
                before = {"address": row.address, "subject_line": row.subject_line, "body": row.body}
                connection.execute(
                    OUTBOX_ACTS.insert(), {"key": key, "at": now(), "person": by, "act": act.value, **before}
                )
                changed = OUTBOX.update().where(OUTBOX.c.key == key).values(**change).returning(*OUTBOX.c)
                treated.append(Outgoing(*connection.execute(changed).one()))
        return treated

    def acts(self, key: str) -> list[Done]:
        """What the desk did to a mail, in order."""
        query = sa.select(OUTBOX_ACTS).where(OUTBOX_ACTS.c.key == key).order_by(OUTBOX_ACTS.c.line)
        with self.reading() as connection:
            return [Done(*row) for row in connection.execute(query)]

    def outbox(
        self,
        *states: State,
        about: str | None = None,
        person: str | None = None,
        template: str | None = None,
        keys: Sequence[str] | None = None,
        message_id: str | None = None,
    ) -> list[Outgoing]:
        """Mails in the order they were queued; what is not given does not narrow."""
        query = sa.select(OUTBOX).order_by(OUTBOX.c.queued_at, OUTBOX.c.key)
        given = {
            OUTBOX.c.about: about, OUTBOX.c.person: person, OUTBOX.c.template: template,
            OUTBOX.c.message_id: message_id,
        }  # fmt: skip
        query = query.where(*(column == value for column, value in given.items() if value is not None))
        if keys is not None:
            query = query.where(OUTBOX.c.key.in_(keys))
        if states:
            query = query.where(OUTBOX.c.state.in_(states))
        with self.reading() as connection:
            return [Outgoing(*row) for row in connection.execute(query)]

    def mail_counts(self) -> dict[State, int]:
        """How many mails of the outbox stand where."""
        query = sa.select(OUTBOX.c.state, sa.func.count()).group_by(OUTBOX.c.state)
        with self.reading() as connection:
            return {State(state): int(count) for state, count in connection.execute(query)}

    def doubtful(self) -> int:
        """How many mails may have arrived twice."""
        query = sa.select(sa.func.count()).where(OUTBOX.c.in_doubt, OUTBOX.c.state.in_((State.SENT, State.FAILED)))
        with self.reading() as connection:
            return int(connection.execute(query).scalar_one())

    # --- intake journal -----------------------------------------------------------------------------------------------

    def book(self, year: int, code: str, fingerprint: str, received_at: datetime, channel: str) -> tuple[str, bool]:
        """Give an application that arrives its reference number: the next one of its year and programme, no gaps.

        Args:
            year: The edition.
            code: The programme's three letters.
            fingerprint: What makes two arrivals the same application, any text; its SHA-256 is kept.
            received_at: When it arrived, aware.
            channel: By which way.

        Returns:
            The reference, such as ``KC2021-DEM-0042``, and whether it is new; the same fingerprint keeps its first,
            unless that was refused.
        """
        fingerprint = hashlib.sha256(fingerprint.encode()).hexdigest()
        here = (JOURNAL.c.year == year, JOURNAL.c.code == code)
        with self.writing() as connection:
            last = self._last_line(connection)
            booked = sa.select(JOURNAL.c.ref).where(*here)
            while ref := connection.execute(booked.where(JOURNAL.c.fingerprint == fingerprint)).scalar():
                outcomes = sa.select(JOURNAL.c.outcome).where(JOURNAL.c.ref == ref).order_by(JOURNAL.c.line.desc())
                if connection.execute(outcomes.limit(1)).scalar() in (BOOKED, RECEIVED):
                    return str(ref), False
                # A line is never changed, nor a fingerprint used twice: what comes after a refusal is known by both.
                fingerprint = hashlib.sha256(f"{fingerprint} {ref}".encode()).hexdigest()
            number = (connection.execute(sa.select(sa.func.max(JOURNAL.c.number)).where(*here)).scalar() or 0) + 1
            ref = f"KC{year}-{code}-{number:04d}"
            line = {
                "number": number,
                "fingerprint": fingerprint,
                "received_at": canonical_instant(received_at),
                "channel": channel,
            }
            _write_line(connection, last, {**line, "ref": ref, "outcome": BOOKED, "year": year, "code": code})
            return ref, True

    def mark(self, ref: str, outcome: str) -> None:
        """Add a line that says what became of a booked application: ``received``, or the code of its refusal.

        A refusal releases the fingerprint: the same application may be booked again, under another number.

        Raises:
            KeyError: nothing was booked under this reference.
        """
        with self.writing() as connection:
            last = self._last_line(connection)
            known = connection.execute(sa.select(JOURNAL).where(JOURNAL.c.ref == ref).order_by(JOURNAL.c.line)).all()
            if not known:
                raise KeyError(ref)
            if known[-1].outcome != outcome:
                line = dict.fromkeys(("number", "fingerprint", "received_at", "channel"))
                booked = known[0]
                _write_line(
                    connection,
                    last,
                    {**line, "ref": ref, "outcome": outcome, "year": booked.year, "code": booked.code},
                )

    def booked(self, ref: str) -> bool:
        """Whether the journal gave this number to anything."""
        query = sa.select(JOURNAL.c.line).where(JOURNAL.c.ref == ref).limit(1)
        with self.reading() as connection:
            return connection.execute(query).first() is not None

    def journal(self, year: int | None = None) -> list[dict[str, Any]]:
        """The journal's lines in order, of one year or of all."""
        query = sa.select(JOURNAL).order_by(JOURNAL.c.line)
        if year is not None:
            query = query.where(JOURNAL.c.year == year)
        with self.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def verify(self, seal: Seal | None = None) -> Seal:
        """Recompute the journal's chain.

        Args:
            seal: An earlier answer of this method. Without it, lines cut from the end go unseen.

        Returns:
            How long the journal is, and its last hash.

        Raises:
            JournalBroken: a line was changed, added, moved or removed.
        """
        previous, line = _NO_LINE, 0
        numbers: dict[tuple[int, str], int] = {}
        for line, row in enumerate(self.journal(), 1):
            if row["line"] != line:
                raise JournalBroken(f"Line {line} of the intake journal is missing.")
            if row["previous"] != previous or row["hash"] != _hash(row):
                raise JournalBroken(
                    f"Line {line} of the intake journal ({row['ref']}) was changed after it was written."
                )
            if row["number"] is not None:
                place = (row["year"], row["code"])
                numbers[place] = numbers.get(place, 0) + 1
                if row["number"] != numbers[place]:
                    raise JournalBroken(
                        f"Number {numbers[place]} of {place[1]} {place[0]} is missing from the intake journal."
                    )
            previous = row["hash"]
            if seal and seal.lines == line and seal.hash != previous:
                raise JournalBroken(f"The intake journal up to line {line} is not the one that was sealed.")
        if seal and seal.lines > line:
            raise JournalBroken(
                f"The intake journal ends at line {line}; it had {seal.lines} lines when it was sealed."
            )
        return Seal(line, previous)

    def _last_line(self, connection: sa.Connection) -> tuple[int, str]:
        """The chain's end, nobody else writing until this transaction is over."""
        if not self.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_JOURNAL_LOCK)))
        row = connection.execute(
            sa.select(JOURNAL.c.line, JOURNAL.c.hash).order_by(JOURNAL.c.line.desc()).limit(1)
        ).first()
        return (row.line, row.hash) if row else (0, _NO_LINE)


def _under(subject: str, id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return SENDINGS.c.subject == subject, SENDINGS.c.id == id


def _sent_as(subject: str, id: str) -> sa.Select[Any]:
    return sa.select(*(SENDINGS.c[name] for name in Sending._fields)).where(*_under(subject, id))


def commitment_of(salt: str, text: str) -> str:
    """SHA-256 over salt and text."""
    return hashlib.sha256(salt.encode() + text.encode()).hexdigest()


def message_id(key: str) -> str:
    """The Message-ID of the mail with this key: the same on every attempt, so that a repeat can be recognised."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@kcity-flow>"


def _write_line(connection: sa.Connection, last: tuple[int, str], line: dict[str, Any]) -> None:
    row = {**line, "line": last[0] + 1, "previous": last[1], "written_at": now()}
    connection.execute(JOURNAL.insert(), {**row, "hash": _hash(row)})


def _hash(row: dict[str, Any]) -> str:
    return hashlib.sha256(canonical({name: row[name] for name in row if name != "hash"}).encode()).hexdigest()


def _draw() -> str:
    return base64.b32encode(secrets.token_bytes(5)).decode()


def _is_gone(process: str) -> bool:
    host, pid, _ = process.rsplit("/", 2)
    if host != socket.gethostname() or process == _THIS_PROCESS:
        return False
    if int(pid) == os.getpid():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
