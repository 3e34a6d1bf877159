"""``make bench-mail``: ten thousand mails that fall due at one instant, through outbox and postman into the catcher.

The floor is the same bytes, sent by the bare SMTP library on one connection into a catcher like it: half of them
before and half after, so that a machine that slows down slows both. Figures are printed and written to
``bench/mail.json``.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosmtplib

from kcity_flow.adapters.smtp import Catcher, Postman, compose
from kcity_flow.adapters.vault import Vault
from kcity_flow.letters import Mail
from kcity_flow.process import leave
from kcity_flow.settings import Settings

BODY = "Dear Sir or Madam,\n\n" + "the results of this year's call are published.\n" * 20


async def main(count: int) -> dict[str, Any]:
    """Measure one crowd of this size."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.read(var_dir=Path(folder), smtp_host=None)
        vault = Vault(settings.vault_url)
        vault.prepare()
        vault.queue([letter(number) for number in range(count)])
        mails = [(row.address, compose(row, settings.mail_from)) for row in vault.outbox()]
        bare = Catcher(Path(folder) / "bare")
        floor = await sent_bare(bare, mails[: count // 2])
        ours, postman = await sent(vault, settings)
        floor += await sent_bare(bare, mails[count // 2 :])
        assert postman.catcher
        return {
            "mails": count,
            "last_late_seconds": round(ours, 1),
            "floor_seconds": round(floor, 1),
            "mails_a_second": round(count / ours, 1),
            "floor_a_second": round(count / floor, 1),
            "ratio": round(floor / ours, 2),
            "caught": len(postman.catcher.files()),
            "duplicates": len(postman.catcher.duplicates()),
        }


async def sent(vault: Vault, settings: Settings) -> tuple[float, Postman]:
    """How late the last of all that are due now is sent, in seconds, and the postman who sent it."""
    due = datetime.now(UTC)
    async with Postman(vault, settings) as postman:
        await postman.drain()
    last = max(datetime.fromisoformat(str(row.sent_at)) for row in vault.outbox())
    return (last - due).total_seconds(), postman


async def sent_bare(catcher: Catcher, mails: Sequence[tuple[str, bytes]]) -> float:
    """The floor: how many seconds these take."""
    await catcher.start()
    begun = time.perf_counter()
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=catcher.port, start_tls=False) as smtp:
        for address, message in mails:
            await smtp.sendmail("desk@kcity.example", [address], message)
    took = time.perf_counter() - begun
    await catcher.stop()
    return took


def letter(number: int) -> Mail:
    """One of the crowd."""
    ref = f"KC2021-PLA-{number:04d}"
    address = f"applicant-{number}@bench.example"
    return Mail(f"{ref}/result_selected/1", ref, "result_selected", f"P-{number}", address, f"Result [{ref}]", BODY)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mails", type=int, nargs="?", default=10_000)
    results = json.dumps(asyncio.run(main(parser.parse_args().mails)), indent=2)
    print(results)
    (Path(__file__).parent / "mail.json").write_text(results + "\n")
    leave(0)
