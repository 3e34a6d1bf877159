"""Worker and server are killed with -9 in the middle of a season: it goes on as planned, nothing is lost or doubled."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.smtp import Catcher
from kcity_flow.adapters.stores import StoreFailed
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain.ledger import breaks
from kcity_flow.domain.messages import Entry
from kcity_flow.domain.stages import Role
from kcity_flow.rehearsal.plan import plan
from kcity_flow.settings import Settings

APPLICATIONS, SEED = 4, 7
DAY = 0.75
"""Seconds a business day takes: nearly as long a command may be late without coming too late."""
KILLED_AT = (40, 90, 150)
"""Entries in the register at which everything is killed, and started again."""
LAST = 220
"""Entries at which the season has been played for long enough: in the decisions of June."""
PATIENCE = 120.0
"""Seconds in which a slow machine comes from one of these to the next."""

PLAYER = f"""
import asyncio
from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.adapters.register import Register
from kcity_flow.audit import histories
from kcity_flow.adapters.smtp import Postman
from kcity_flow.adapters.vault import Vault
from kcity_flow.process import leave
from kcity_flow.rehearsal.live import going_on, rehearse
from kcity_flow.server import connect, serving
from kcity_flow.settings import Settings
from worker import assemble, working

async def main():
    settings = Settings.read()
    edition = read_edition("2021")
    async with serving(settings) as server:
        register, vault = Register(settings.register_url), Vault(settings.vault_url)
        register.prepare()
        vault.prepare()
        client = await connect(server.address, settings)
        programme = assemble(client, register, vault, Postman(vault, settings), settings)
        async with going_on(programme, edition, settings), working(programme):
            season = dict(applications={APPLICATIONS}, seed={SEED}, day={DAY})
            playing = asyncio.create_task(rehearse(programme, edition, **season, settings=settings))
            while sum(view.entries for view in register.subjects()) < {LAST}:
                assert not playing.done()
                await asyncio.sleep(0.1)
            playing.cancel()
            await asyncio.wait([playing])
            await programme.postman.drain()
            for _ in range(20):
                differences = await histories.check(client, vault, register)
                if not differences:
                    return 0
                await asyncio.sleep(0.5)  # what was recorded last is on its way
            print(differences)
            return 1

leave(asyncio.run(main()))
"""


def play(var: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "KCITY_VAR_DIR": str(var)}
    return subprocess.Popen([sys.executable, "-c", PLAYER], env=environment, stdout=subprocess.DEVNULL)


def entries(var: Path) -> int:
    """How many the register has; none before there is one."""
    try:
        return sum(view.entries for view in Register(Settings.read(var_dir=var).register_url).subjects())
    except StoreFailed:
        return 0


def kill_everything(player: subprocess.Popen[bytes], var: Path) -> None:
    """The worker's process and the server's, at once and without warning."""
    server = json.loads((var / "server.json").read_text())
    for pid in (server["pid"], player.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    player.wait()


def test_a_season_killed_three_times_goes_on_as_one_that_was_not(tmp_path):
    for many in KILLED_AT:
        player, until = play(tmp_path), time.monotonic() + PATIENCE
        try:
            while entries(tmp_path) < many:
                assert player.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
        finally:
            kill_everything(player, tmp_path)

    # It ends with 0 when the register says what the histories say.
    player = play(tmp_path)
    try:
        assert player.wait(timeout=PATIENCE) == 0
    finally:
        if player.poll() is None:
            kill_everything(player, tmp_path)

    settings = Settings.read(var_dir=tmp_path)
    register = Register(settings.register_url)
    planned = plan(read_edition("2021"), APPLICATIONS, SEED)
    ledgers = {view.subject: register.entries(view.subject) for view in register.subjects() if view.programme}
    assert len(ledgers) == APPLICATIONS
    for ref, ledger in ledgers.items():
        done = moves_of_people(ledger)
        assert len(done) > 30
        assert done == moves_of_people([e for e in planned.entries if e.subject == ref])[: len(done)]
        assert breaks(ledger) == []
    mails = Catcher(settings.mails)
    assert len(mails.mails()) > 50
    # Whether a mail arrived that was being handed over when the sender was killed, nobody can know: it goes once more.
    in_doubt = {row.message_id for row in Vault(settings.vault_url).outbox() if row.in_doubt}
    assert set(mails.duplicates().values()) <= {2}
    assert set(mails.duplicates()) <= in_doubt
    assert len(in_doubt) <= len(KILLED_AT)


def moves_of_people(ledger: list[Entry]) -> list[tuple[str, str, str, str]]:
    """What people did, in order; each once, whatever was sent again after a kill."""
    return [(e.command, e.outcome, e.source, e.dest) for e in ledger if e.role != Role.CLOCK]
