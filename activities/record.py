"""What was recorded, brought to the register and into the outbox."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from temporalio import activity

from kcity_flow.domain.messages import Batch, Entry, Letter
from kcity_flow.letters import CannotWrite, Letters, Mail
from kcity_flow.letters.wording import Language


class Projection(Protocol):
    """Where entries and views go."""

    def project(self, batch: Batch) -> None:
        """Take in a batch; safe to repeat."""

    def entry(self, subject: str, number: int) -> Entry | None:
        """One entry taken in before."""


class Recipient(Protocol):
    """Whom a letter goes to."""

    @property
    def id(self) -> str:
        """As histories name them."""

    @property
    def name(self) -> str:
        """Empty once erased."""

    @property
    def address(self) -> str:
        """Of their mail; empty if there is none."""

    @property
    def language(self) -> Language:
        """In which letters to them are written."""


class Outbox(Protocol):
    """Who people are, and where their mail waits."""

    def person(self, id: str) -> Recipient | None:
        """Who goes by this id."""

    def people(self, role: str) -> Sequence[Recipient]:
        """Everybody in a role."""

    def organisations(self, ids: Collection[str]) -> Mapping[str, str]:
        """What these organisations are called, by id."""

    def text(self, commitment: str) -> str | None:
        """The text that a commitment stands for; ``None`` if it was redacted."""

    def dates(self, about: str, person: str) -> Sequence[str]:
        """The dates that letters about a subject brought a person, in the order of the letters."""

    def queue(self, mails: Sequence[Mail]) -> None:
        """Put mails into the outbox; a key that is there already is left as it is."""


class Recorder:
    """Writes what workflows record. Letters' text is made here and goes nowhere but into the outbox."""

    def __init__(
        self,
        register: Projection,
        vault: Outbox,
        on_mail: Callable[[], None],
        letters: Letters | None = None,
        hold: Collection[str] = (),
    ) -> None:
        """Keep the parts.

        Args:
            register: Where entries go.
            vault: Where people and the outbox are.
            on_mail: Called from a thread when there is something to send.
            letters: Who words them; without, by the templates that are shipped.
            hold: Kinds of letters that wait in the outbox until the desk releases them.
        """
        self._register = register
        self._vault = vault
        self._on_mail = on_mail
        self._letters = letters or Letters()
        self._hold = hold

    @activity.defn(name="record")
    def record(self, batch: Batch) -> None:
        """Queue the batch's letters, then take its entries into the register.

        Safe to run twice, whole or cut off anywhere: letters are kept by their key and entries by their number, and
        both stay as they first were. Letters come first, so that an entry in the register never lacks its letter.
        The batch is this activity's input and so stands in the history: the register can be made again from there.

        Raises:
            StoreFailed: a store cannot be written; nothing is lost, the activity is repeated.
        """
        mails = [mail for letter in batch.letters for mail in self._written(letter, batch)]
        self._vault.queue(mails)
        self._register.project(batch)
        if mails:
            self._on_mail()

    def _written(self, letter: Letter, batch: Batch) -> Iterable[Mail]:
        recipients = self._recipients(letter.to)
        if not recipients:
            why = f"Nobody goes by {letter.to}; add that person or role with `kcity person add`."
            yield Mail(letter.key, letter.subject, letter.template, letter.to, why=why)
        for person in recipients:
            # A role may be several people; each has a letter, and its key, of their own.
            key = letter.key if person.id == letter.to else f"{letter.key}/{person.id}"
            mail = Mail(key, letter.subject, letter.template, person.id, person.address, language=person.language)
            try:
                held = self._held(letter, person)
                if not person.name and not person.address:
                    raise CannotWrite(held)
                entry = self._entry(letter, batch)
                texts = self._texts(entry)
                said = (*entry.data.values(), *letter.bidders)
                named = self._vault.organisations([id for id in said if isinstance(id, str) and id.startswith("O-")])
                subject_line, body = self._letters.write(
                    letter, batch.view, entry, person.name, texts, person.language, named
                )
                earlier = self._vault.dates(letter.subject, person.id)
                dates = self._letters.dates(letter, batch.view, entry, earlier, person.language)
                yield mail._replace(subject_line=subject_line, body=body, dates=dates, why=held)
            except CannotWrite as fault:
                yield mail._replace(why=str(fault))

    def _held(self, letter: Letter, person: Recipient) -> str:
        """Why a letter that is written does not go out yet."""
        if not person.address:
            return f"{person.id} has no mail address."
        return "Letters of this kind wait to be released." if letter.template in self._hold else ""

    def _recipients(self, to: str) -> Sequence[Recipient]:
        if not to.startswith("P-"):
            return self._vault.people(to)
        person = self._vault.person(to)
        return [person] if person else []

    def _texts(self, entry: Entry) -> dict[str, str]:
        commitments = {"question": entry.data.get("question"), "reason": entry.reason}
        found = {name: self._vault.text(commitment) for name, commitment in commitments.items() if commitment}
        return {name: text for name, text in found.items() if text}

    def _entry(self, letter: Letter, batch: Batch) -> Entry:
        for entry in batch.entries:
            if entry.number == letter.about:
                return entry
        # A reminder is about an entry of some time ago.
        earlier = self._register.entry(letter.subject, letter.about)
        if earlier is None:
            raise CannotWrite(f"The register has no entry {letter.about} of {letter.subject}.")
        return earlier
