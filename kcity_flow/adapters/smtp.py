"""The postman: takes letters from the outbox to the mail server, each once.

A row of the outbox is claimed before and settled after each attempt, so a crash at any moment leaves either a mail
that was not sent or one that is in doubt. One in doubt is sent once more under the same Message-ID and then never
again: a second copy can be recognised, a missing letter cannot.

What goes wrong before the server has taken ``MAIL`` is no mail's fault: all of them wait. What it answers after that
is about the one mail. In doubt is what was handed over whole and got no answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import re
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
from kcity_flow.letters import calendar
from kcity_flow.letters.document import DECISIONS, pdf
from kcity_flow.letters.page import html
from kcity_flow.settings import Settings

POLL = timedelta(seconds=1)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
LONGEST_REST = timedelta(minutes=5)
"""How long the postman rests at most when the server does not let it in: as late a letter is once it is back."""

GIVE_UP_AFTER = timedelta(days=5)
"""How long a mail that is only refused for now is tried; RFC 5321, 4.5.4.1 wants four to five days."""

TIMEOUT = 60.0
"""Seconds the server has for each of its answers but the last."""

TAKEN_WITHIN = 600.0
"""Seconds it has to take a mail that it was handed. RFC 5321, 4.5.3.2.6: who waits less sends many mails twice."""

STOPS_WITHIN = 10.0
"""Seconds that the mail under way has when the postman is told to stop; then he hangs up."""

GOODBYE = 2.0
"""Seconds he waits for the answer to his goodbye, on which nothing depends."""

log = structlog.get_logger(__name__)


def pause(attempts: int) -> timedelta:
    """How long to wait after the so-manieth attempt."""
    return min(FIRST_PAUSE * int(4 ** min(attempts - 1, 8)), LONGEST_PAUSE)


class Unreachable(Exception):
    """The mail server does not let us in; no mail is to blame."""


class _Refused(Exception):
    """The server's answer to this mail is no: ``for_good``, or only for now."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"The mail server answered {code} {' '.join(text.split())}")
        self.for_good = code >= 500


class _Lost(Exception):
    """The line went dead, or the server spoke nonsense; ``in_doubt`` if it had been handed the whole mail."""

    def __init__(self, why: Exception, *, in_doubt: bool) -> None:
        at = "while the mail was being handed over" if in_doubt else "before the mail was handed over"
        super().__init__(f"The connection was lost {at}: {' '.join(str(why).split())}")
        self.in_doubt = in_doubt


class Postman:
    """Sends what is in the outbox, at once when woken, else every second.

    Used as ``async with Postman(vault, settings)``. Without a mail server in the settings it starts a
    :class:`Catcher` of its own.
    """

    def __init__(self, vault: Vault, settings: Settings) -> None:
        self._vault = vault
        self._settings = settings
        self._sender = parseaddr(settings.mail_from)[1]
        self._awake = asyncio.Event()
        self._told_to_stop = asyncio.Event()
        self._one_round = asyncio.Lock()
        self._failures = 0
        self._pace = timedelta(minutes=1) / settings.smtp_per_minute if settings.smtp_per_minute else timedelta()
        self._line: _Line | None = None
        self._unsettled: tuple[Outgoing, State, dict[str, Any]] | None = None
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
            _, late = await asyncio.wait({self._task}, timeout=STOPS_WITHIN)
            if late and self._line:
                self._line.hang_up()
            await self._task
        if self.catcher:
            await self.catcher.stop()

    def wake(self) -> None:
        """There is a new mail. May be called from any thread, at any time."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._awake.set)

    async def drain(self) -> int:
        """Send everything that is due now, at the rate that is set; returns how many were sent.

        Raises:
            Unreachable: the mail server cannot be reached; everything stays queued.
            StoreFailed: the vault cannot be read or written.
        """
        sent = 0
        async with self._one_round:
            if self._unsettled:
                last, state, details = self._unsettled
                await self._settle(last, state, **details)
            for left in await asyncio.to_thread(self._vault.interrupted):
                await self._doubt(left, "The program was stopped while it was sending this mail.", timedelta())
            async with _Line(self._settings, self.catcher) as self._line:
                # Another worker may have taken the turn: then this round ends, and the next one asks again.
                while not self._told_to_stop.is_set() and (
                    row := await asyncio.to_thread(self._vault.claim, self._pace)
                ):
                    # Shielded: when whoever drains is cancelled, the mail under way is still finished.
                    delivery = asyncio.ensure_future(self._deliver(self._line, row))
                    try:
                        sent += await asyncio.shield(delivery)
                    except asyncio.CancelledError:
                        await delivery
                        raise
                    if self._pace:
                        turn = datetime.fromisoformat(str(row.claimed_at)) + self._pace
                        await _until(self._told_to_stop, turn - datetime.now(UTC))
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
                rest = min(pause(self._failures), LONGEST_REST)
                known = isinstance(error, Unreachable | StoreFailed)
                log.warning("mail_waits", why=str(error), seconds=rest.total_seconds(), exc_info=not known)
                await _until(self._told_to_stop, rest)

    async def _deliver(self, line: _Line, row: Outgoing) -> bool:
        """One attempt at one mail; returns whether it was sent."""
        try:
            message = compose(row, self._settings.mail_from)
        except Exception as error:
            await self._settle(row, State.FAILED, why=f"This mail cannot be written: {error}.")
            return False
        try:
            await line.begin(self._sender)
            await line.hand_over(row.address, message)
        except Unreachable as error:
            await self._again(row, str(error), timedelta())
            raise
        except _Refused as answer:
            if answer.for_good:
                await self._settle(row, State.FAILED, why=str(answer))
            else:
                await self._again(row, str(answer), pause(row.attempts))
            await line.reset()
            return False
        except _Lost as loss:
            if loss.in_doubt:
                await self._doubt(row, str(loss), pause(row.attempts))
            else:
                await self._again(row, str(loss), pause(row.attempts))
            if line.lost > 1:
                # One mail alone may be at fault; where the next fares no better, it is the server.
                raise Unreachable(str(loss)) from loss
            return False
        except ValueError as error:
            await self._settle(row, State.FAILED, why=f"{row.person}'s address cannot be used: {error}.")
            await line.reset()
            return False
        await self._settle(row, State.SENT)
        return True

    async def _again(self, row: Outgoing, why: str, rest: timedelta) -> None:
        waited = datetime.now(UTC) - datetime.fromisoformat(row.queued_at)
        if waited > GIVE_UP_AFTER:
            await self._settle(row, State.FAILED, why=f"Given up after {waited.days} days. {why}")
        else:
            await self._settle(row, State.QUEUED, why=why, pause=rest)

    async def _doubt(self, row: Outgoing, why: str, rest: timedelta) -> None:
        if row.in_doubt:
            await self._settle(row, State.FAILED, why=f"It may have arrived, twice at most. {why}")
        else:
            await self._settle(row, State.QUEUED, why=why, pause=rest, in_doubt=True)

    async def _settle(self, row: Outgoing, state: State, **details: Any) -> None:
        if state is State.FAILED:
            log.error("mail_failed", key=row.key, message_id=row.message_id, why=details.get("why"))
        # A vault that cannot be written now is told in the next round; forgotten, a mail that was sent would go again.
        self._unsettled = row, state, details
        await asyncio.to_thread(self._vault.settle, row, state, **details)
        self._unsettled = None


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
    message["Date"] = at = datetime.fromisoformat(row.queued_at)
    message["Message-ID"] = row.message_id
    # The reference stands in the name: not every mail server delivers desk+reference@.
    message["Reply-To"] = formataddr((f"{name} {row.about}".strip(), address))
    # So that no absence note answers.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(row.body, cte="quoted-printable")
    page = html(row.subject_line, row.body, row.language)
    message.add_alternative(page, subtype="html", cte="quoted-printable")
    if row.template in DECISIONS:
        document = pdf(row.subject_line, row.body, row.language, at)
        message.add_attachment(document, "application", "pdf", filename=f"{row.about}.pdf")
    for method, file in calendar.files(row.dates, address, at):
        message.add_attachment(
            file, "text", "calendar", filename=f"{method.lower()}.ics", params={"method": method, "charset": "utf-8"}
        )
    _set_boundaries(message)
    return message.as_bytes()


def _set_boundaries(message: EmailMessage) -> None:
    # Left to itself the library draws them, and a second attempt would be another mail.
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        # An underscore after an equals sign stands in no part: quoted-printable and base64 never write it.
        part.set_boundary(f"=_{message['Message-ID'].strip('<>').partition('@')[0]}_{number}")


class _Line:
    """A connection to the mail server, opened when first needed and used for a whole round.

    ``lost`` counts the mails during which it went dead, one after another.
    """

    def __init__(self, settings: Settings, catcher: Catcher | None) -> None:
        self._settings = settings
        self._catcher = catcher
        self._smtp: aiosmtplib.SMTP | None = None
        self.lost = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._smtp and self._smtp.is_connected:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await self._smtp.quit(timeout=GOODBYE)
        self.hang_up()

    async def begin(self, sender: str) -> None:
        """Have the server take a mail from ``sender``; a line that it has had enough of is opened anew.

        Raises:
            Unreachable: it does not let us in, or takes nothing from us.
        """
        if self._smtp:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, ValueError):
                await self._smtp.mail(sender)
                return
            self.hang_up()
        self._smtp = smtp = self._new()
        try:
            await smtp.connect()
            if smtp.is_ehlo_or_helo_needed:
                await smtp.ehlo()
            await smtp.mail(sender)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self.hang_up()
            raise Unreachable(
                f"The mail server {smtp.hostname}:{smtp.port} cannot be used: {' '.join(str(error).split())}. "
                "Letters wait in the outbox and go out by themselves once it answers; see KCITY_SMTP_HOST."
            ) from error

    async def hand_over(self, address: str, message: bytes) -> None:
        """Bring one mail to one address.

        Raises:
            _Refused: the server does not take it.
            _Lost: it is not known to have taken it, and the line is gone.
            ValueError: the address cannot be put into words that the server knows.
        """
        smtp, in_doubt = self._open, False
        try:
            await smtp.rcpt(address)
            answer = await smtp.execute_command(b"DATA")
            if answer.code != aiosmtplib.SMTPStatus.start_input:
                raise aiosmtplib.SMTPDataError(answer.code, answer.message)
            protocol = smtp.protocol
            if protocol is None:
                raise aiosmtplib.SMTPServerDisconnected("Connection lost")
            # From here on the server may have it all, whatever it says.
            in_doubt = True
            protocol.write(_dotted(message))
            answer = await protocol.read_response(timeout=TAKEN_WITHIN)
            if answer.code // 100 != 2:
                raise aiosmtplib.SMTPDataError(answer.code, answer.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600:
                self.lost = 0
                raise _Refused(error.code, error.message) from error
            self.lost += 1
            self.hang_up()
            raise _Lost(error, in_doubt=in_doubt) from error
        self.lost = 0

    async def reset(self) -> None:
        """Let the server forget the mail that it refused; a line on which it does not is given up."""
        try:
            await self._open.rset()
        except (aiosmtplib.SMTPException, OSError):
            self.hang_up()

    def hang_up(self) -> None:
        """End the connection without a word; whoever waits on it for an answer is told that it was lost."""
        if self._smtp:
            # Not closed, which would wait until the other side has read what is under way.
            if isinstance(self._smtp.transport, asyncio.WriteTransport):
                self._smtp.transport.abort()
            self._smtp.close()
            self._smtp = None

    @property
    def _open(self) -> aiosmtplib.SMTP:
        if self._smtp is None:
            raise aiosmtplib.SMTPServerDisconnected("There is no connection to the mail server.")
        return self._smtp

    def _new(self) -> aiosmtplib.SMTP:
        settings = self._settings
        if self._catcher:
            return aiosmtplib.SMTP(hostname="127.0.0.1", port=self._catcher.port, timeout=TIMEOUT, start_tls=False)
        password = settings.smtp_password
        return aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            timeout=TIMEOUT,
            username=settings.smtp_username,
            password=password.get_secret_value() if password else None,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
        )


def _dotted(message: bytes) -> bytes:
    """A mail as it is handed over: a line that begins with a dot gets one more, and a dot alone ends it."""
    return re.sub(rb"(?m)^\.", b"..", message) + b".\r\n"


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
