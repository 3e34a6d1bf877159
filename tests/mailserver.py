"""A mail server that misbehaves as it is told and otherwise does as RFC 5321 says."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kcity_flow.settings import Settings

CERTIFICATE = Path(__file__).with_name("untrusted.pem")
"""Of 127.0.0.1, with its key, signed by itself: nobody trusts it."""

PLACES = ("greeting", "EHLO", "STARTTLS", "handshake", "MAIL", "RCPT", "DATA", "text", "RSET", "QUIT")
GOOD = {"greeting": "220 here", "DATA": "354 go ahead", "STARTTLS": "220 go ahead", "QUIT": "221 bye"}


class MailServer:
    """Used as ``async with MailServer({"RCPT": ["451 greylisted", "hang"]}) as server``.

    At each place what is listed happens in that order, once each; then all is well:

    - ``hang``: no answer ever, until the other side hangs up
    - ``drop``: the line goes dead instead of an answer
    - ``slow``: the good answer, one byte at a time
    - ``kept, then drop`` and ``kept, then hang``: the same after the mail was taken
    - ``half, then drop``: the line goes dead while the text comes
    - anything else: is the answer

    ``kept`` are the mails it took, as they came; ``heard`` what was said to it.
    """

    def __init__(
        self, faults: Mapping[str, Iterable[str]] | None = None, *, tls: bool = False, tick: float = 0.002
    ) -> None:
        self.faults = {place: deque(hows) for place, hows in (faults or {}).items()}
        assert set(self.faults) <= set(PLACES)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if self.tls:
            self.tls.load_cert_chain(CERTIFICATE)
        self.tick = tick
        self.kept: list[bytes] = []
        self.heard: list[str] = []
        self.lines = 0
        self._at_work: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for line in self._at_work:
            line.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)
        await self._server.wait_closed()

    def settings(self, folder: Path, **others: Any) -> Settings:
        """What leads to it."""
        return Settings(
            var_dir=folder, smtp_host="127.0.0.1", smtp_port=self.port, **{"smtp_security": "none", **others}
        )

    def copies(self, message_id: str) -> list[bytes]:
        """The mails it took under this Message-ID."""
        return [mail for mail in self.kept if message_id.encode() in mail]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines += 1
        this = asyncio.current_task()
        assert this
        self._at_work.add(this)
        try:
            await self._speak(reader, writer)
        finally:
            writer.transport.abort()
            self._at_work.discard(this)

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever hangs up on us ends this connection and nothing else.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await self._answer("greeting", reader, writer)
            while line := await reader.readline():
                verb = line.split()[0].decode().upper()
                self.heard.append(verb)
                answered = await self._answer(verb, reader, writer)
                if verb == "STARTTLS" and answered and self.tls:
                    if self._next("handshake"):
                        await reader.read()
                    await writer.start_tls(self.tls)
                if verb == "DATA" and answered:
                    await self._text(reader, writer)
                if verb == "QUIT":
                    break

    async def _text(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        how = self._next("text")
        if how == "half, then drop":
            await reader.readexactly(100)
            raise ConnectionResetError
        text = await reader.readuntil(b"\r\n.\r\n")
        self.heard.append("text")
        _, kept, how = how.rpartition("kept, then ")
        if kept or how in ("", "slow") or how.startswith("2"):
            self.kept.append(text)
        await self._do(how, "250 ok", reader, writer)

    async def _answer(self, place: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the good answer was given."""
        good = GOOD.get(place, "250 ok")
        if place == "EHLO" and self.tls:
            good = "250-here\r\n250 STARTTLS"
        return await self._do(self._next(place), good, reader, writer)

    async def _do(self, how: str, good: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if how == "hang":
            while await reader.read(1000):
                pass
        if how in ("hang", "drop"):
            raise ConnectionResetError
        if how == "slow":
            for byte in f"{good}\r\n".encode():
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(self.tick)
            return True
        writer.write(f"{how or good}\r\n".encode())
        await writer.drain()
        return not how

    def _next(self, place: str) -> str:
        waiting = self.faults.get(place)
        return waiting.popleft() if waiting else ""
