"""Whatever the mail server does: every letter arrives, and none twice but one that was in doubt."""

import asyncio
import contextlib
import operator
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as drawn
from hypothesis import strategies as st

from kcity_flow.adapters import smtp
from kcity_flow.adapters.smtp import Postman, Unreachable
from kcity_flow.adapters.vault import State, Vault
from kcity_flow.letters import Mail
from kcity_flow.settings import Settings
from tests.mailserver import MailServer

BEFORE_ANY_MAIL = ("greeting", "EHLO", "MAIL")


@pytest.fixture
def vault(tmp_path: Path):
    vault = Vault(f"sqlite:///{tmp_path / 'vault.db'}")
    vault.prepare()
    yield vault
    vault.close()


@pytest.fixture(autouse=True, scope="module")
def at_once():
    """Retries come at once, and who hangs is not waited for long."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(smtp, "pause", lambda attempts: timedelta(milliseconds=1))
        patched.setattr(smtp, "TIMEOUT", 0.5)
        patched.setattr(smtp, "TAKEN_WITHIN", 0.5)
        patched.setattr(smtp, "GOODBYE", 0.1)
        yield


def mail(number: int) -> Mail:
    body = "Dear Nino Beridze,\n\n.welcome.\n"
    return Mail(f"k{number}", "KC2021-PLA-0001", "acknowledgement", "P-N", f"n{number}@example.org", "Received", body)


async def recovered(vault: Vault, settings: Settings) -> int:
    """Go on until nothing waits any more; returns how often the server was found unreachable."""
    postman, unreachable = Postman(vault, settings), 0
    for _ in range(100):
        try:
            await postman.drain()
        except Unreachable:
            unreachable += 1
        if not vault.outbox(State.QUEUED, State.SENDING):
            return unreachable
        await asyncio.sleep(0.002)
    raise AssertionError("it never came to an end")


def stands(vault: Vault, server: MailServer) -> list[tuple[str, bool, int]]:
    """State, whether in doubt, and how many copies arrived, of each mail."""
    rows = sorted(vault.outbox(), key=lambda row: row.key)
    return [(row.state, row.in_doubt, len(server.copies(row.message_id))) for row in rows]


@pytest.mark.parametrize("how", ["hang", "drop", "421 too busy", "554 not today", "what?", "slow"])
@pytest.mark.parametrize("place", BEFORE_ANY_MAIL)
async def test_what_goes_wrong_before_the_server_takes_a_mail_is_no_mails_fault(
    vault: Vault, tmp_path: Path, place: str, how: str
):
    vault.queue([mail(1), mail(2)])

    async with MailServer({place: [how]}) as server:
        unreachable = await recovered(vault, server.settings(tmp_path))

    assert stands(vault, server) == [("sent", False, 1), ("sent", False, 1)]
    assert unreachable == (how != "slow")


@pytest.mark.parametrize(
    ("faults", "first"),
    [
        ({"RCPT": ["hang"]}, ("sent", False, 1)),
        ({"RCPT": ["drop"]}, ("sent", False, 1)),
        ({"RCPT": ["slow"]}, ("sent", False, 1)),
        ({"RCPT": ["what?"]}, ("sent", False, 1)),
        ({"RCPT": ["451 greylisted", "450 greylisted", "451 greylisted"]}, ("sent", False, 1)),
        ({"RCPT": ["421 too busy"]}, ("sent", False, 1)),
        ({"RCPT": ["550 no such user"]}, ("failed", False, 0)),
        ({"DATA": ["hang"]}, ("sent", False, 1)),
        ({"DATA": ["drop"]}, ("sent", False, 1)),
        ({"DATA": ["slow"]}, ("sent", False, 1)),
        ({"DATA": ["what?"]}, ("sent", False, 1)),
        ({"DATA": ["452 full"]}, ("sent", False, 1)),
        ({"DATA": ["554 no"]}, ("failed", False, 0)),
        ({"text": ["451 busy"]}, ("sent", False, 1)),
        ({"text": ["421 going down"]}, ("sent", False, 1)),
        ({"text": ["552 too big"]}, ("failed", False, 0)),
        ({"text": ["251 taken"]}, ("sent", False, 1)),
        ({"text": ["slow"]}, ("sent", False, 1)),
        ({"text": ["half, then drop"]}, ("sent", True, 1)),
        ({"text": ["hang"]}, ("sent", True, 1)),
        ({"text": ["drop"]}, ("sent", True, 1)),
        ({"text": ["what?"]}, ("sent", True, 1)),
        ({"text": ["kept, then drop"]}, ("sent", True, 2)),
        ({"text": ["kept, then hang"]}, ("sent", True, 2)),
        ({"text": ["drop", "550 spam"]}, ("failed", True, 0)),
        ({"text": ["kept, then drop", "451 busy"]}, ("sent", True, 2)),
        ({"text": ["drop", "drop"]}, ("failed", True, 0)),
        ({"text": ["kept, then drop", "kept, then drop"]}, ("failed", True, 2)),
        ({"RCPT": ["451 greylisted"], "RSET": ["hang"]}, ("sent", False, 1)),
        ({"RCPT": ["451 greylisted"], "RSET": ["drop"]}, ("sent", False, 1)),
        ({"QUIT": ["hang"]}, ("sent", False, 1)),
        ({"QUIT": ["drop"]}, ("sent", False, 1)),
        ({"QUIT": ["what?"]}, ("sent", False, 1)),
    ],
    ids=str,
)
async def test_what_goes_wrong_with_a_mail_is_its_own(
    vault: Vault, tmp_path: Path, faults: dict[str, list[str]], first: tuple[str, bool, int]
):
    vault.queue([mail(1)])

    async with MailServer(faults) as server:
        await recovered(vault, server.settings(tmp_path))
        vault.queue([mail(2)])
        await recovered(vault, server.settings(tmp_path))

    assert stands(vault, server) == [first, ("sent", False, 1)]
    (row,) = vault.outbox(keys=["k1"])
    copies = server.copies(row.message_id)
    assert copies == copies[:1] * len(copies)  # byte for byte: whoever gets both sees that they are one


PLACE = st.sampled_from(["greeting", "EHLO", "MAIL", "RCPT", "DATA", "text", "RSET", "QUIT"])
HOW = st.sampled_from(["", "drop", "451 later", "421 bye", "550 never", "what?", "slow", "kept, then drop"])


@drawn(max_examples=50)
@given(faults=st.dictionaries(PLACE, st.lists(HOW, max_size=4), max_size=4), count=st.integers(1, 4))
def test_after_any_faults_each_mail_arrived_once_or_was_in_doubt_or_refused(faults: dict[str, list[str]], count: int):
    # To keep a mail is something that only the text can come to.
    faults = {
        place: [how if place == "text" else how.removeprefix("kept, then ") for how in hows]
        for place, hows in faults.items()
    }

    async def lived(folder: Path) -> None:
        vault = Vault(f"sqlite:///{folder / 'vault.db'}")
        vault.prepare()
        vault.queue([mail(number) for number in range(count)])
        async with MailServer(faults) as server:
            await recovered(vault, server.settings(folder))
        for state, in_doubt, copies in stands(vault, server):
            assert copies <= 1 + in_doubt
            assert (state, copies > 0) != (State.SENT, False)
            assert state in (State.SENT, State.FAILED)
        refused = [row for row in vault.outbox(State.FAILED) if not row.in_doubt]
        assert all("The mail server answered 550 never" in row.why for row in refused)
        vault.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(lived(Path(folder)))


async def test_a_server_that_lets_nobody_stay_is_still_given_every_mail_at_once(vault: Vault, tmp_path: Path):
    """As servers do that take so many mails on a line: no mail waits for it, and no attempt counts."""
    vault.queue([mail(number) for number in range(6)])

    async with MailServer({"MAIL": ["", "421 enough", "", "drop", "", "550 enough", ""]}) as server:
        assert await Postman(vault, server.settings(tmp_path)).drain() == 6

    assert stands(vault, server) == [("sent", False, 1)] * 6
    assert {row.attempts for row in vault.outbox()} == {1}
    assert server.lines == 4


async def test_mails_that_are_refused_need_no_line_of_their_own(vault: Vault, tmp_path: Path):
    vault.queue([mail(number) for number in range(5)])

    async with MailServer({"RCPT": ["451 greylisted"] * 5}) as server:
        await Postman(vault, server.settings(tmp_path)).drain()

    assert server.lines == 1


async def test_one_mail_that_kills_the_line_holds_up_no_other(vault: Vault, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(smtp, "pause", lambda attempts: timedelta(hours=1))
    vault.queue([mail(number) for number in range(4)])

    async with MailServer({"RCPT": ["drop"]}) as server:
        assert await Postman(vault, server.settings(tmp_path)).drain() == 3


async def test_a_server_that_loses_one_line_after_another_is_left_alone_for_a_while(vault: Vault, tmp_path: Path):
    vault.queue([mail(number) for number in range(4)])

    async with MailServer({"RCPT": ["drop"] * 4}) as server:
        with pytest.raises(Unreachable, match="was lost before the mail was handed over"):
            await Postman(vault, server.settings(tmp_path)).drain()

    assert server.lines == 2


async def test_a_crowd_goes_out_at_the_rate_that_is_set_whoever_sends_it(vault: Vault, tmp_path: Path):
    vault.queue([mail(number) for number in range(8)])
    other = Vault(str(vault.url))

    async with MailServer({"RCPT": ["", "451 later"]}) as server:
        settings = server.settings(tmp_path, smtp_per_minute=1200)
        async with asyncio.timeout(30), Postman(vault, settings), Postman(other, settings):
            while vault.outbox(State.QUEUED, State.SENDING):
                await asyncio.sleep(0.01)

    assert stands(vault, server) == [("sent", False, 1)] * 8
    taken = sorted(datetime.fromisoformat(str(row.claimed_at)) for row in vault.outbox())
    assert [gap for gap in map(operator.sub, taken[1:], taken) if gap < timedelta(milliseconds=50)] == []
    other.close()


# --- TLS ---


@pytest.mark.parametrize(
    ("security", "tls", "faults", "why"),
    [
        ("starttls", True, {}, "CERTIFICATE_VERIFY_FAILED"),
        ("starttls", False, {}, "STARTTLS extension not supported"),
        ("starttls", True, {"STARTTLS": ["454 not available"]}, "not available"),
        ("starttls", True, {"STARTTLS": ["hang"]}, "Timed out"),
        ("starttls", True, {"STARTTLS": ["drop"]}, "Connection lost|Unexpected EOF"),
        ("starttls", True, {"handshake": ["hang"]}, "aborted|Timed out"),
        ("tls", False, {}, "SSL|TLS|record layer"),
    ],
)
async def test_without_the_encryption_that_is_set_nothing_is_said_and_every_mail_waits(
    vault: Vault, tmp_path: Path, security: str, tls: bool, faults: dict[str, list[str]], why: str
):
    vault.queue([mail(1)])

    async with MailServer(faults, tls=tls) as server:
        with pytest.raises(Unreachable, match=why):
            await Postman(vault, server.settings(tmp_path, smtp_security=security)).drain()

    assert stands(vault, server) == [("queued", False, 0)]
    assert set(server.heard) <= {"EHLO", "STARTTLS"}


async def test_a_password_is_not_said_in_the_open(vault: Vault, tmp_path: Path):
    vault.queue([mail(1)])

    async with MailServer() as server:
        settings = server.settings(tmp_path, smtp_security="starttls", smtp_username="desk", smtp_password="hunter2")
        with pytest.raises(Unreachable):
            await Postman(vault, settings).drain()

    assert server.heard == ["EHLO"]


@pytest.mark.parametrize("host", ["..", "no such host", "a" * 70 + ".example"])
async def test_a_host_that_cannot_be_one_is_no_mails_fault(vault: Vault, tmp_path: Path, host: str):
    vault.queue([mail(1)])

    with pytest.raises(Unreachable, match="cannot be used"):
        await Postman(vault, Settings(var_dir=tmp_path, smtp_host=host, smtp_security="none")).drain()

    assert [row.state for row in vault.outbox()] == ["queued"]


# --- stopping, and a vault that is away ---


async def test_told_to_stop_he_hangs_up_on_a_server_that_does_not_answer(vault: Vault, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(smtp, "TAKEN_WITHIN", 3600.0)
    monkeypatch.setattr(smtp, "STOPS_WITHIN", 0.1)
    vault.queue([mail(1)])

    async with MailServer({"text": ["kept, then hang"]}) as server:
        async with Postman(vault, server.settings(tmp_path)):
            async with asyncio.timeout(10):
                while not server.kept:
                    await asyncio.sleep(0.01)
        assert stands(vault, server) == [("queued", True, 1)]
        await recovered(vault, server.settings(tmp_path))

    assert stands(vault, server) == [("sent", True, 2)]


async def test_a_mail_that_was_sent_while_the_vault_was_away_is_not_sent_again(
    vault: Vault, tmp_path: Path, monkeypatch
):
    settle, failures = vault.settle, [1, 1]

    def failing(*given, **details):
        if failures:
            failures.pop()
            raise smtp.StoreFailed("The vault cannot be written.")
        settle(*given, **details)

    monkeypatch.setattr(vault, "settle", failing)
    vault.queue([mail(1)])
    async with MailServer() as server:
        postman = Postman(vault, server.settings(tmp_path))
        for _ in range(4):
            with contextlib.suppress(smtp.StoreFailed):
                await postman.drain()

    assert stands(vault, server) == [("sent", False, 1)]
