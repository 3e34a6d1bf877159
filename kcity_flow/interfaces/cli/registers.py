"""``kcity register``: the register against the histories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from kcity_flow.interfaces.cli.shell import REFUSED, AsJson, answer, bar, with_office

if TYPE_CHECKING:
    from kcity_flow.interfaces.office import Office


commands = typer.Typer(
    name="register",
    help="The register against the histories.",
    no_args_is_help=True,
    epilog="Example: kcity register check",
)


@commands.command("check", epilog="Example: kcity register check --json")
def register_check(as_json: AsJson = False) -> None:
    """Compare register and histories, verify every chain of hashes, replay each history; any fault ends it with 1."""

    async def work(office: Office) -> dict[str, Any]:
        from kcity_flow.adapters.vault import JournalBroken
        from kcity_flow.audit import histories
        from worker import WORKFLOWS, workflow_runner

        client, vault, register = office.client, office.vault, office.register
        with bar("Reading histories", as_json) as told:
            differences = await histories.check(client, vault, register, told)
        broken = histories.broken(register)
        with bar("Replaying histories", as_json) as told:
            names = histories.subjects(vault, register)
            replayed, elsewhere = await histories.replay(client, names, WORKFLOWS, workflow_runner(), told)
        try:
            vault.verify()
        except JournalBroken as fault:
            broken.append(str(fault))
        return {
            "matches": not differences,
            "differences": differences,
            "broken": broken,
            "replayed": replayed,
            "led_elsewhere": elsewhere,
        }

    found = with_office(work)
    faults = [*found["differences"], *found["broken"], *found["led_elsewhere"]]
    sound = (
        "The register says what the histories say; the chains of every ledger and of the intake journal hold; "
        f"{found['replayed']} histories, replayed, led to the same place."
    )
    # A replay's failure has a line for each cause.
    lines = [" ".join(fault.split()) for fault in faults]
    answer(as_json, found, lambda: "\n".join(lines) or sound)
    if faults:
        raise typer.Exit(REFUSED)


@commands.command("rebuild", epilog="Example: kcity register rebuild")
def register_rebuild(as_json: AsJson = False) -> None:
    """Make the register again from the histories."""

    async def work(office: Office) -> int:
        from kcity_flow.audit import histories

        with bar("Reading histories", as_json) as told:
            return await histories.rebuild(office.client, office.vault, office.register, told)

    count = with_office(work)
    answer(as_json, {"subjects": count}, lambda: f"The register was made again; it holds {count} files.")
