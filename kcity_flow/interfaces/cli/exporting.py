"""``kcity export``: what is published."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from kcity_flow.interfaces.cli.shell import AsJson, EditionArgument, answer, with_office, write

commands = typer.Typer()


@commands.command(epilog="Example: kcity export 2021 --format ocds -o contracting.json")
def export(
    edition: EditionArgument,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE|-", help="Where to write it; -: here.")],
    form: Annotated[Literal["ocds"], typer.Option("--format", help="ocds: open contracting.")] = "ocds",
    as_json: AsJson = False,
) -> None:
    """Write what may be published of an edition: each procurement's releases, and how it stands after them."""
    from kcity_flow.interfaces.exporting import procurements, written
    from kcity_flow.interfaces.office import as_year
    from kcity_flow.settings import UNREGISTERED, Settings

    found = with_office(lambda office: procurements(office, as_year(edition)))
    if Settings.read().ocid_prefix == UNREGISTERED and not as_json:
        print(f"Set KCITY_OCID_PREFIX before this is published: {UNREGISTERED} is nobody's.", file=sys.stderr)
    if output == "-":
        print(written(found), end="")
        return
    write(Path(output), written(found))
    told = {"file": output, "records": len(found.records), "releases": sum(len(r.releases) for r in found.records)}
    answer(as_json, told, lambda: "{records} procurements, {releases} releases: {file}".format(**told))
