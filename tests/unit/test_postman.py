import asyncio
import contextlib
import email
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from kcity_flow.adapters import smtp
from kcity_flow.adapters import vault as vault_module
from kcity_flow.adapters.smtp import Catcher, Postman, Unreachable, compose, pause
from kcity_flow.adapters.vault import Outgoing, State, Vault, message_id
from kcity_flow.letters import Mail
from kcity_flow.settings import Settings


@pytest.fixture
def vault(tmp_path: Path):
    vault = Vault(f"sqlite:///{tmp_path / 'vault.db'}")
    vault.prepare()
    yield vault
    vault.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch):
    """Retries come at once; how the pauses grow is tested by itself."""
    monkeypatch.setattr(smtp, "pause", lambda attempts: timedelta(milliseconds=10))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var_dir=tmp_path)


def mail(key: str = "k1", address: str = "nino@example.org", body: str = "Dear Nino Beridze,\n\nwelcome.\n") -> Mail:
    return Mail(key, "KC2021-PLA-0001", "acknowledgement", "P-NINO", address, "Received [KC2021-PLA-0001]", body)


SENDER = "K-City Network <desk@kcity.example>"


def row(**fields: Any) -> Outgoing:
    made: dict[str, Any] = {
        **mail()._asdict(),
        "message_id": message_id("k1"),
        "state": State.QUEUED,
        "attempts": 0,
        "in_doubt": False,
        "queued_at": "2021-03-02T05:00:00.123456Z",
        "next_attempt_at": "2021-03-02T05:00:00.000000Z",
        "claimed_by": "",
        "claimed_at": None,
        "sent_at": None,
    }
    return Outgoing(**{**made, **fields})


def states(vault: Vault) -> list[str]:
    return [row.state for row in vault.outbox()]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def server(handler: object, tmp_path: Path) -> AsyncIterator[Settings]:
    """A mail server that behaves as ``handler`` says, and the settings that lead to it."""
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(handler, loop=loop), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    yield Settings(var_dir=tmp_path, smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
    listening.close()
    await listening.wait_closed()


class Server:
    """A server that gives these answers to what it is handed, then accepts."""

    def __init__(self, *answers: str | None, at: str = "DATA") -> None:
        self.answers, self.at = list(answers), at
        self.kept: list[bytes] = []
        self.handed_over = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.at == "RCPT" and self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        self.handed_over += 1
        if self.at == "DATA" and self.answers:
            answer = self.answers.pop(0)
            if answer is None:  # the mail was taken, and the line went dead before the answer
                self.kept.append(envelope.content)
                server.transport.abort()
                return "421 gone"
            return answer
        self.kept.append(envelope.content)
        return "250 ok"


# --- with the embedded catcher ---


async def test_a_letter_goes_out_once_and_as_it_was_written(vault: Vault, settings: Settings):
    vault.queue([mail(body="Dear 니노,\n\n.a line that begins with a dot\n" + "word " * 300 + "\n")])

    async with Postman(vault, settings) as postman:
        await until(lambda: states(vault) == ["sent"])
        assert postman.catcher
        (caught,) = postman.catcher.mails()

    assert caught["To"] == "nino@example.org"
    assert caught["From"] == "K-City Network <desk@kcity.example>"
    assert caught["Reply-To"] == "K-City Network KC2021-PLA-0001 <desk@kcity.example>"
    assert caught["Subject"] == "Received [KC2021-PLA-0001]"
    assert caught["Message-ID"] == vault.outbox()[0].message_id
    assert caught["Date"]
    assert (
        caught.get_body(("plain",)).get_content().replace("\r\n", "\n")
        == "Dear 니노,\n\n.a line that begins with a dot\n" + "word " * 300 + "\n"
    )
    assert [path.name for path in Catcher(settings.mails).files()] == ["000001-nino@example.org.eml"]


def read(mail: bytes) -> EmailMessage:
    """A mail as whoever receives it reads it."""
    return email.message_from_bytes(mail, EmailMessage, policy=email.policy.default)


def composed(**fields: Any) -> EmailMessage:
    return read(compose(row(**fields), SENDER))


def test_the_same_row_always_makes_the_same_mail():
    assert compose(row(), SENDER) == compose(row(), SENDER)


def test_a_mail_has_its_text_twice_for_those_who_read_pages_and_for_those_who_do_not():
    body = "Dear <Nino>,\n\n  City:   Tbilisi\n  Score:  79.67\n\nPlease tell us\nat once:\n\n  - who\n  - when\n"
    mail = composed(body=body, subject_line="Received", language="ko")
    plain, page = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())

    assert mail.get_content_type() == "multipart/alternative"
    assert plain == body
    assert '<html lang="ko">' in page
    assert "<p>Dear &lt;Nino&gt;,</p>" in page
    assert (
        '<tr><th scope="row">City</th><td>Tbilisi</td></tr>\n<tr><th scope="row">Score</th><td>79.67</td></tr>' in page
    )
    assert "<p>Please tell us at once:</p>\n<ul>\n<li>who</li>\n<li>when</li>\n</ul>" in page


def test_a_page_fetches_nothing():
    page = composed().get_body(("html",))

    assert page
    assert not re.search(r"src=|href=|url\(|@import|<script|<img", page.get_content())


async def test_a_woken_postman_does_not_wait_for_its_round(vault: Vault, settings: Settings, monkeypatch):
    monkeypatch.setattr(smtp, "POLL", timedelta(hours=1))
    async with Postman(vault, settings) as postman:
        await asyncio.sleep(0.2)
        vault.queue([mail()])
        await asyncio.to_thread(postman.wake)
        await until(lambda: states(vault) == ["sent"])


async def test_what_another_process_queued_is_found_by_itself(vault: Vault, settings: Settings, monkeypatch):
    monkeypatch.setattr(smtp, "POLL", timedelta(milliseconds=20))
    async with Postman(vault, settings):
        await asyncio.sleep(0.1)
        vault.queue([mail()])
        await until(lambda: states(vault) == ["sent"])


async def test_draining_leaves_nothing_that_is_due(vault: Vault, settings: Settings):
    vault.queue([mail(f"k{number}", f"p{number}@example.org") for number in range(30)])

    async with Postman(vault, settings) as postman:
        await postman.drain()
        assert set(states(vault)) == {"sent"}
        assert postman.catcher
        assert len(postman.catcher.files()) == 30
        assert postman.catcher.duplicates() == {}
        assert len(postman.catcher.mails("p7@example.org")) == 1


async def test_two_postmen_at_one_outbox_send_each_letter_once(vault: Vault, settings: Settings, tmp_path: Path):
    kept = Server()
    other = Vault(str(vault.url))
    vault.queue([mail(f"k{number}") for number in range(40)])

    async with server(kept, tmp_path) as there, Postman(vault, there) as one, Postman(other, there) as another:
        await asyncio.gather(one.drain(), another.drain())

    assert len(kept.kept) == 40
    assert set(states(vault)) == {"sent"}
    other.close()


async def test_the_catcher_counts_on_after_a_restart_and_finds_what_came_twice(vault: Vault, settings: Settings):
    for again in range(2):
        if again:
            with vault.writing() as connection:
                connection.exec_driver_sql("UPDATE outbox SET state = 'queued'")
        else:
            vault.queue([mail()])
        async with Postman(vault, settings) as postman:
            await postman.drain()

    catcher = Catcher(settings.mails)
    assert [path.name[:6] for path in catcher.files()] == ["000001", "000002"]
    assert catcher.duplicates() == {vault.outbox()[0].message_id: 2}


# --- with servers that misbehave ---


@pytest.mark.parametrize("at", ["RCPT", "DATA"])
async def test_refused_for_now_is_tried_again_until_it_is_taken(vault: Vault, tmp_path: Path, at: str):
    grey = Server("451 greylisted", "452 full", at=at)
    vault.queue([mail()])

    async with server(grey, tmp_path) as settings, Postman(vault, settings) as postman:
        for _ in range(3):
            await postman.drain()
            await asyncio.sleep(0.02)

    assert [(row.state, row.attempts) for row in vault.outbox()] == [("sent", 3)]
    assert len(grey.kept) == 1


@pytest.mark.parametrize("at", ["RCPT", "DATA"])
async def test_refused_for_good_is_not_tried_again_and_says_why(vault: Vault, tmp_path: Path, at: str):
    strict = Server("550 no such user", at=at)
    vault.queue([mail("k1"), mail("k2")])

    async with server(strict, tmp_path) as settings, Postman(vault, settings) as postman:
        await postman.drain()

    assert [(row.state, row.why) for row in vault.outbox()] == [
        ("failed", "The mail server answered 550 no such user"),
        ("sent", ""),
    ]
    assert len(strict.kept) == 1


async def test_a_line_lost_after_the_text_is_tried_once_more_under_the_same_id(vault: Vault, tmp_path: Path):
    dying = Server(None)
    vault.queue([mail()])

    async with server(dying, tmp_path) as settings, Postman(vault, settings) as postman:
        await postman.drain()
        await asyncio.sleep(0.02)
        await postman.drain()

    assert [(row.state, row.in_doubt, row.attempts) for row in vault.outbox()] == [("sent", True, 2)]
    assert len(dying.kept) == 2
    assert dying.kept[0] == dying.kept[1]  # byte for byte: whoever gets both sees that they are one


async def test_a_line_that_is_always_lost_gets_two_copies_and_no_third(vault: Vault, tmp_path: Path):
    dying = Server(None, None, None)
    vault.queue([mail()])

    async with server(dying, tmp_path) as settings, Postman(vault, settings) as postman:
        for _ in range(4):
            await postman.drain()
            await asyncio.sleep(0.02)

    assert dying.handed_over == 2
    assert states(vault) == ["failed"]
    assert "may have arrived" in vault.outbox()[0].why


async def test_what_a_killed_process_was_sending_is_in_doubt(vault: Vault, settings: Settings, monkeypatch):
    vault.queue([mail()])
    monkeypatch.setattr(vault_module, "_THIS_PROCESS", f"{vault_module._THIS_PROCESS[:-8]}previous")
    vault.claim()
    monkeypatch.undo()

    async with Postman(vault, settings) as postman:
        await postman.drain()
        assert [(row.state, row.in_doubt) for row in vault.outbox()] == [("sent", True)]


async def test_no_server_keeps_every_letter_and_blames_none(vault: Vault, tmp_path: Path):
    nowhere = Settings(var_dir=tmp_path, smtp_host="127.0.0.1", smtp_port=9, smtp_security="none")
    vault.queue([mail("k1"), mail("k2")])
    postman = Postman(vault, nowhere)

    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9 cannot be used"):
        await postman.drain()

    assert states(vault) == ["queued", "queued"]
    assert sorted(row.attempts for row in vault.outbox()) == [0, 1]


async def away_and_back(vault: Vault, tmp_path: Path) -> Server:
    """A server that is away when a letter is due, and comes back; returns when the letter is sent."""
    kept = Server()
    async with server(kept, tmp_path) as settings:
        pass  # only to know a port that nobody listens on
    vault.queue([mail()])

    async with Postman(vault, settings):
        await until(lambda: vault.outbox()[0].attempts > 1)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: SMTP(kept, loop=loop), "127.0.0.1", settings.smtp_port)
        await until(lambda: states(vault) == ["sent"])
        listening.close()
    return kept


async def test_letters_go_out_by_themselves_once_the_server_is_back(vault: Vault, tmp_path: Path):
    kept = await away_and_back(vault, tmp_path)

    assert len(kept.kept) == 1


async def test_once_the_server_is_back_no_letter_waits_for_how_long_it_was_away(
    vault: Vault, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(smtp, "pause", lambda attempts: timedelta(hours=1))
    monkeypatch.setattr(smtp, "LONGEST_REST", timedelta(milliseconds=10))
    await away_and_back(vault, tmp_path)


async def test_what_was_held_for_a_week_is_not_given_up_the_day_it_is_released(vault: Vault, tmp_path: Path):
    vault.queue([mail()._replace(why="Held.")])
    with vault.writing() as connection:
        connection.exec_driver_sql("UPDATE outbox SET queued_at = '2021-01-01T00:00:00.000000Z'")
    vault.treat(vault_module.Act.RELEASE, ["k1"], "P-DESK")

    async with server(Server("451 not now"), tmp_path) as settings, Postman(vault, settings) as postman:
        await postman.drain()
        await until(lambda: states(vault) == ["sent"])


async def test_a_server_that_refuses_for_days_is_given_up(vault: Vault, tmp_path: Path):
    vault.queue([mail()])
    with vault.writing() as connection:
        connection.exec_driver_sql("UPDATE outbox SET queued_at = '2021-01-01T00:00:00.000000Z'")

    async with server(Server("451 not now"), tmp_path) as settings, Postman(vault, settings) as postman:
        await postman.drain()

    (row,) = vault.outbox()
    assert row.state == State.FAILED
    assert row.why.endswith("The mail server answered 451 not now")


@pytest.mark.parametrize("address", ["nino@exämple.org", "no address at all", "nino@example.org\nBcc: spy@example.org"])
async def test_an_address_that_cannot_be_used_fails_alone(vault: Vault, settings: Settings, address: str):
    vault.queue([mail("k1", address), mail("k2")])

    async with Postman(vault, settings) as postman:
        await postman.drain()
        assert states(vault) == ["failed", "sent"]
        assert postman.catcher
        assert [str(caught["To"]) for caught in postman.catcher.mails()] == ["nino@example.org"]


async def test_a_postman_told_to_stop_finishes_the_letter_in_its_hand(vault: Vault, tmp_path: Path):
    class Slow(Server):
        async def handle_DATA(self, server, session, envelope):
            await asyncio.sleep(0.2)
            return await super().handle_DATA(server, session, envelope)

    slow = Slow()
    vault.queue([mail()])
    async with server(slow, tmp_path) as settings:
        async with Postman(vault, settings):
            await until(lambda: states(vault) == ["sending"])
        assert states(vault) == ["sent"]


async def test_a_vault_that_fails_for_a_while_does_not_stop_the_postman(vault: Vault, settings: Settings, monkeypatch):
    claim, failures = vault.claim, [1, 1]

    def failing(pace):
        if failures:
            failures.pop()
            raise vault_module_failure()
        return claim(pace)

    def vault_module_failure() -> Exception:
        return smtp.StoreFailed("The vault cannot be read.")

    monkeypatch.setattr(vault, "claim", failing)
    vault.queue([mail()])

    async with Postman(vault, settings):
        await until(lambda: states(vault) == ["sent"])


def test_pauses_grow_up_to_an_hour():
    assert [pause(attempts).total_seconds() for attempts in (1, 2, 3, 4, 5, 6, 100)] == [
        5,
        20,
        80,
        320,
        1280,
        3600,
        3600,
    ]


async def test_it_stops_also_while_the_mail_server_says_goodbye(vault, settings, monkeypatch):
    say_goodbye, leaving = smtp.aiosmtplib.SMTP.quit, asyncio.Event()

    async def goodbye(self, **how):
        leaving.set()
        # Whatever comes in this moment is swallowed, as Python 3.11's wait_for does.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)
        return await say_goodbye(self, **how)

    monkeypatch.setattr(smtp.aiosmtplib.SMTP, "quit", goodbye)
    vault.queue([mail()])
    async with asyncio.timeout(5) as patience, Postman(vault, settings):
        await leaving.wait()

    assert not patience.expired()


async def test_it_stops_also_when_it_is_woken_in_that_moment(vault, settings):
    async with asyncio.timeout(5) as patience, Postman(vault, settings) as postman:
        await postman.drain()
        await asyncio.sleep(0.2)  # it waits to be woken
        postman.wake()
        await asyncio.sleep(0)

    assert not patience.expired()
