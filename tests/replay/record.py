"""Record the goldens anew: ``python -m tests.replay.record``.

They are the histories of two seasons: for each end the shortest life that came to it, and the edition. Until
version 1.0 they may be recorded again, with a reason in the commit; from then on they are frozen.
"""

import asyncio
import gzip
import tempfile
from pathlib import Path

from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.smtp import Postman
from kcity_flow.adapters.vault import Vault
from kcity_flow.audit import histories
from kcity_flow.domain.edition import transformed
from kcity_flow.domain.messages import edition_id
from kcity_flow.domain.stages import ENDS
from kcity_flow.process import leave
from kcity_flow.rehearsal.director import Director, SkippingClock
from kcity_flow.rehearsal.plan import plan
from kcity_flow.rehearsal.season import people_the
from kcity_flow.server import skipping_server
from kcity_flow.settings import Settings
from worker import assemble, working

GOLDENS = Path(__file__).parent / "goldens"
SEASONS = (("2021", 24, 7), ("rehearsal", 40, 7))
"""Edition, applications, seed: between them every end."""


async def record() -> None:
    """Play the seasons and write the goldens."""
    GOLDENS.mkdir(exist_ok=True)
    for old in GOLDENS.glob("*.json.gz"):
        old.unlink()
    wanted = {stage.value for stage in ENDS}
    for name, applications, seed in SEASONS:
        with tempfile.TemporaryDirectory() as folder:
            wanted -= await _season(name, applications, seed, Path(folder), wanted)
    print("not met:", ", ".join(sorted(wanted)) or "none")


async def _season(name: str, applications: int, seed: int, folder: Path, wanted: set[str]) -> set[str]:
    planned = plan(read_edition(name), applications, seed)
    settings = Settings.read(var_dir=folder)
    register, vault = Register(settings.register_url), Vault(settings.vault_url)
    register.prepare()
    vault.prepare()
    async with skipping_server() as environment:
        now = await environment.get_current_time()
        edition = transformed(planned.edition, starts_at=now, origin_at=planned.origin_at)
        programme = assemble(environment.client, register, vault, Postman(vault, settings), settings)
        async with working(programme):
            people_the(vault, planned.cast)
            await programme.gateway.open_edition(edition)
            clock = SkippingClock(environment, edition.tempo)
            await Director(planned, programme.gateway, register, clock).play()
        shortest = {}
        for view in sorted(register.subjects(), key=lambda view: -view.entries):
            if view.subject != edition_id(view.edition) and view.stage in wanted:
                shortest[view.stage] = view.subject
        for label, subject in {**shortest, f"edition-{name}": edition_id(planned.edition.year)}.items():
            [history] = await histories.runs(environment.client, subject)
            packed = gzip.compress(history.to_json().encode(), mtime=0)
            (GOLDENS / f"{label}.json.gz").write_bytes(packed)
            print(f"{label}: {subject}, {len(history.events)} events, {len(packed):,} bytes")
    return set(shortest)


if __name__ == "__main__":
    asyncio.run(record())
    leave(0)
