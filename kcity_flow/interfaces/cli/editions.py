"""``kcity edition``: each year's call, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kcity_flow.interfaces.cli.shell import REFUSED, AsJson, answer, with_office
from kcity_flow.interfaces.misuse import Misused

commands = typer.Typer(
    name="edition",
    help="Editions: each year's call, as data.",
    no_args_is_help=True,
    epilog="Example: kcity edition show 2021",
)


@commands.command("check", epilog="Example: kcity edition check 2022.toml")
def edition_check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An edition's TOML file.")], as_json: AsJson = False
) -> None:
    """Read an edition's file and name every fault with its line."""
    from kcity_flow.adapters.edition_files import EditionFileError, load_edition

    try:
        edition = load_edition(file)
    except OSError as error:
        raise Misused(f"The file {file} cannot be read: {error.strerror}.") from None
    except EditionFileError as error:
        if not as_json:
            raise
        faults = [fault._asdict() for fault in error.faults]
        answer(as_json, {"file": str(file), "faults": faults}, str)
        raise typer.Exit(REFUSED) from None
    told = {"file": str(file), "year": edition.year, "version": edition.version, "faults": []}
    answer(as_json, told, lambda: f"{file} can be used: edition {edition.year}, version {edition.version}.")


@commands.command("list", epilog="Example: kcity edition list --json")
def edition_list(as_json: AsJson = False) -> None:
    """List the editions that come with the program, and those that were opened."""
    from kcity_flow.adapters.edition_files import load_edition, shipped
    from kcity_flow.interfaces.office import stores
    from kcity_flow.settings import Settings

    with stores(Settings.read()) as (register, _):
        opened = {view.edition: view for view in register.subjects() if view.subject.startswith("edition/")}
    found = []
    for name, path in shipped().items():
        edition = load_edition(path)
        stage = opened[edition.year].stage if edition.year in opened else None
        found.append({"name": name, "year": edition.year, "title": edition.title.en, "stage": stage})
    shown = {row["year"] for row in found}
    found += [
        {"name": str(year), "year": year, "title": view.title, "stage": view.stage}
        for year, view in opened.items()
        if year not in shown
    ]
    lines = (f"{row['name']:<12}{row['year']}  {row['stage'] or 'not opened':<12}{row['title']}" for row in found)
    answer(as_json, found, lambda: "\n".join(lines))


@commands.command("show", epilog="Example: kcity edition show 2021")
def edition_show(
    edition: Annotated[str, typer.Argument(metavar="E", help="A shipped edition, a file, or an opened year.")],
    as_json: AsJson = False,
) -> None:
    """Show an edition's rules, and which of them nobody announced."""
    from kcity_flow.adapters.edition_files import read_edition, shipped
    from kcity_flow.gateway import is_year
    from kcity_flow.interfaces import tables

    if edition in shipped() or not is_year(edition):
        found = read_edition(edition)
    else:
        found = with_office(lambda office: office.gateway.rules(int(edition))).edition
    answer(as_json, tables.edition_data(found), lambda: tables.edition(found))


@commands.command("open", epilog="Example: kcity edition open 2021")
def edition_open(
    edition: Annotated[str, typer.Argument(metavar="E", help="A shipped edition, or a file.")], as_json: AsJson = False
) -> None:
    """Start an edition, in draft. Two persons then open its call with the move open_call."""
    from kcity_flow.adapters.edition_files import read_edition

    found = read_edition(edition)
    with_office(lambda office: office.gateway.open_edition(found))
    answer(
        as_json,
        {"year": found.year, "version": found.version, "stage": "draft"},
        lambda: f"Edition {found.year} stands in draft; open its call with `kcity do {found.year} open_call --as P-…`.",
    )


@commands.command("new", epilog="Example: kcity edition new 2022 --from 2021")
def edition_new(
    year: Annotated[int, typer.Argument(min=2020, max=2200)],
    origin: Annotated[str, typer.Option("--from", metavar="E", help="The edition to begin with.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; YEAR.toml if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Begin the next year's edition: the same rules, every date moved on to a working day.

    What the register knows of the year before fills in projects and statistics. Prints all that is assumed.
    """
    from kcity_flow.interfaces.editions import begin
    from kcity_flow.interfaces.office import stores
    from kcity_flow.settings import Settings

    with stores(Settings.read()) as (register, _):
        begun = begin(year, origin, output, register)
    told = {"file": str(begun.file), "assumed": begun.assumed, "from_register": begun.from_register}
    listed = "".join(f"\n  {path}: {said}" for path, said in begun.assumed.items())
    known = "the register's" if begun.from_register else "those of the file, as the register knows none"
    answer(
        as_json,
        told,
        lambda: (
            f"{begun.file} is written; nothing in it is announced yet. Projects and statistics are {known}. "
            f"Assumed, and to be gone through:{listed}"
        ),
    )
