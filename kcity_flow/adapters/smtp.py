"""The postman: takes letters from the outbox to the mail server, each once.

A row of the outbox is claimed before and settled after each attempt, so a crash at any moment leaves either a mail
that was not sent or one that is in doubt. One in doubt is sent once more under the same Message-ID and then never
again: a second copy can be recognised, a missing letter cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import re
import ssl
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formataddr, parseaddr
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiosmtplib
import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from kcity_flow.adapters.stores import StoreFailed
from kcity_flow.adapters.vault import Outgoing, State, Vault
from kcity_flow.settings import Settings

POLL = timedelta(seconds=1)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=5)
"""How long a mail that is only refused for now is tried; RFC 5321, 4.5.4.1 wants four to five days."""

TIMEOUT = 20.0
"""Seconds the server has for each of its answers."""

log = structlog.get_logger(__name__)


def pause(attempts: int) -> timedelta:
    """How long to wait after the so-manieth attempt."""
    return min(FIRST_PAUSE * int(4 ** min(attempts - 1, 8)), LONGEST_PAUSE)


class Unreachable(Exception):
    """The mail server does not let us in; no mail is to blame."""


class Postman:
    """Sends what is in the outbox, at once when woken, else every second.

    Used as ``async with Postman(vault, settings)``. Without a mail server in the settings it starts a
    :class:`Catcher` of its own.
    """

    def __init__(self, vault: Vault, settings: Settings) -> None:
        self._vault = vault
        self._settings = settings
        self._sender = parseaddr(settings.mail_from)
        self._awake = asyncio.Event()
        self._told_to_stop = asyncio.Event()
        self._one_round = asyncio.Lock()
        self._failures = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self.catcher = Catcher(settings.mails) if settings.smtp_host is None else None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        if self.catcher:
            await self.catcher.start()
        self._task = asyncio.create_task(self._run(), name="postman")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Told, not cancelled: Python 3.11's wait_for, by which the SMTP library reads each answer, swallows a
        # cancellation that comes together with the answer.
        self._told_to_stop.set()
        self._awake.set()
        if self._task:
            await self._task
        if self.catcher:
            await self.catcher.stop()

    def wake(self) -> None:
        """There is a new mail. May be called from any thread, at any time."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._awake.set)

    async def drain(self) -> int:
        """Send everything that is due now; returns how many were sent.

        Raises:
            Unreachable: the mail server cannot be reached; everything stays queued.
            StoreFailed: the vault cannot be read or written.
        """
        sent = 0
        async with self._one_round:
            for left in await asyncio.to_thread(self._vault.interrupted):
                await self._doubt(left, "The program was stopped while it was sending this mail.")
            async with _Line(self._settings, self.catcher) as line:
                while not self._told_to_stop.is_set() and (row := await asyncio.to_thread(self._vault.claim)):
                    # Shielded: when whoever drains is cancelled, the mail under way is still finished.
                    delivery = asyncio.ensure_future(self._deliver(line, row))
                    try:
                        sent += await asyncio.shield(delivery)
                    except asyncio.CancelledError:
                        await delivery
                        raise
        return sent

    async def _run(self) -> None:
        while not self._told_to_stop.is_set():
            self._awake.clear()
            try:
                await self.drain()
                self._failures = 0
                await _until(self._awake, POLL)
            except Exception as error:
                # Nothing may end this loop: a disk that is full now has room later.
                self._failures += 1
                rest = pause(self._failures)
                known = isinstance(error, Unreachable | StoreFailed)
                log.warning("mail_waits", why=str(error), seconds=rest.total_seconds(), exc_info=not known)
                await _until(self._told_to_stop, rest)

    async def _deliver(self, line: _Line, row: Outgoing) -> bool:
        """One attempt at one mail; returns whether it was sent."""
        try:
            message = compose(row, self._settings.mail_from)
            await line.open()
        except Unreachable as error:
            await self._again(row, str(error))
            raise
        except Exception as error:
            await self._settle(row, State.FAILED, why=f"This mail cannot be written: {error}.")
            return False

        in_doubt = False
        try:
            await line.smtp.mail(self._sender[1])
            await line.smtp.rcpt(row.address)
            in_doubt = True
            await line.smtp.data(message)
        except aiosmtplib.SMTPResponseException as error:
            line.drop()
            why = f"The mail server answered {error.code} {' '.join(error.message.split())}"
            if 400 <= error.code < 500:
                await self._again(row, why)
            else:
                await self._settle(row, State.FAILED, why=why)
            return False
        except (aiosmtplib.SMTPException, OSError) as error:
            line.drop()
            if in_doubt:
                await self._doubt(row, f"The connection was lost while the mail was being handed over: {error}")
            else:
                await self._again(row, f"The mail server stopped answering: {error}")
            return False
        except (UnicodeError, ValueError) as error:
            line.drop()
            await self._settle(row, State.FAILED, why=f"{row.person}'s address cannot be used: {error}")
            return False
        await self._settle(row, State.SENT)
        return True

    async def _again(self, row: Outgoing, why: str) -> None:
        waited = datetime.now(UTC) - datetime.fromisoformat(row.queued_at)
        if waited > GIVE_UP_AFTER:
            await self._settle(row, State.FAILED, why=f"Given up after {waited.days} days. {why}")
        else:
            await self._settle(row, State.QUEUED, why=why, pause=pause(row.attempts))

    async def _doubt(self, row: Outgoing, why: str) -> None:
        if row.in_doubt:
            await self._settle(row, State.FAILED, why=f"It may have arrived, twice at most. {why}")
        else:
            await self._settle(row, State.QUEUED, why=why, in_doubt=True)

    async def _settle(self, row: Outgoing, state: State, **details: Any) -> None:
        if state is State.FAILED:
            log.error("mail_failed", key=row.key, message_id=row.message_id, why=details.get("why"))
        await asyncio.to_thread(self._vault.settle, row, state, **details)


async def _until(event: asyncio.Event, longest: timedelta) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(longest.total_seconds()):
            await event.wait()


def compose(row: Outgoing, sender: str) -> bytes:
    """The mail as it goes over the wire. The same row always makes the same bytes.

    Raises:
        ValueError: the address or the subject line cannot be used.
    """
    message = EmailMessage(policy=email.policy.SMTP)
    name, address = parseaddr(sender)
    message["From"] = sender
    # Parsed strictly: the SMTP library would make do with a part of it.
    message["To"] = Address(addr_spec=row.address)
    message["Subject"] = row.subject_line
    message["Date"] = datetime.fromisoformat(row.queued_at)
    message["Message-ID"] = row.message_id
    # The reference stands in the name: not every mail server delivers desk+reference@.
    message["Reply-To"] = formataddr((f"{name} {row.about}".strip(), address))
    # So that no absence note answers.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(row.body, cte="quoted-printable")
    return message.as_bytes()


class _Line:
    """A connection to the mail server, opened when first needed and used for a whole round."""

    def __init__(self, settings: Settings, catcher: Catcher | None) -> None:
        self._settings = settings
        self._catcher = catcher
        self._smtp: aiosmtplib.SMTP | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._smtp:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await self._smtp.quit()
            self.drop()

    @property
    def smtp(self) -> aiosmtplib.SMTP:
        if self._smtp is None:
            raise Unreachable("There is no connection to the mail server.")
        return self._smtp

    async def open(self) -> None:
        if self._smtp is not None:
            return
        settings = self._settings
        if self._catcher:
            smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=self._catcher.port, timeout=TIMEOUT, start_tls=False)
        else:
            password = settings.smtp_password
            smtp = aiosmtplib.SMTP(
                hostname=settings.smtp_host,
                port=settings.smtp_port,
                timeout=TIMEOUT,
                username=settings.smtp_username,
                password=password.get_secret_value() if password else None,
                use_tls=settings.smtp_security == "tls",
                start_tls=settings.smtp_security == "starttls",
            )
        try:
            await smtp.connect()
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
            smtp.close()
            raise Unreachable(
                f"The mail server {smtp.hostname}:{smtp.port} cannot be used: {' '.join(str(error).split())}. "
                "Letters wait in the outbox and go out by themselves once it answers; see KCITY_SMTP_HOST."
            ) from error
        self._smtp = smtp

    def drop(self) -> None:
        if self._smtp:
            self._smtp.close()
            self._smtp = None


class Catcher:
    """A mail server that keeps every mail as a file and sends nothing on.

    Files are ``000042-mayor@example.org.eml``, in order of arrival; numbers go on after a restart.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of this machine, :attr:`port`."""
        # Names, addresses and letters: for the owner alone, as the vault is.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number = max((int(path.name[:6]) for path in self.files()), default=0)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, loop=loop, ident="K-City catcher"), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more. The files stay."""
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep one mail; called by aiosmtpd."""
        content = envelope.content or b""
        self._number += 1
        to = re.sub(r"[^\w.@+-]", "_", ",".join(map(str, envelope.rcpt_tos)))[:80]
        path = self.folder / f"{self._number:06d}-{to}.eml"
        # Renamed into place, so that nobody reads half a mail.
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(content if isinstance(content, bytes) else content.encode())
        unfinished.rename(path)
        return "250 kept"

    def files(self) -> list[Path]:
        """Every mail's file, in order of arrival."""
        return sorted(self.folder.glob("[0-9]*-*.eml"))

    def mails(self, to: str | None = None) -> list[EmailMessage]:
        """Every mail, or those to one address, in order of arrival."""
        parsed = (
            email.message_from_bytes(path.read_bytes(), EmailMessage, policy=email.policy.default)
            for path in self.files()
        )
        return [mail for mail in parsed if to is None or parseaddr(mail["To"])[1] == to]

    def duplicates(self) -> dict[str, int]:
        """Message-IDs that came more than once, and how often."""
        counted = Counter(str(mail["Message-ID"]) for mail in self.mails())
        return {message_id: times for message_id, times in counted.items() if times > 1}
