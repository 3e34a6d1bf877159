"""One application or all of them: received, listed, shown, explained, moved."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kcity_flow.domain.stages import Role
from kcity_flow.interfaces.cli.shell import (
    REFUSED,
    As,
    AsJson,
    EditionArgument,
    Subject,
    answer,
    as_reference,
    bar,
    progress,
    told_of,
    with_office,
)
from kcity_flow.interfaces.misuse import Misused

if TYPE_CHECKING:
    from kcity_flow.domain.messages import Receipt
    from kcity_flow.gateway import OrdersUnderWay
    from kcity_flow.interfaces.files import Row
    from kcity_flow.interfaces.office import Office


commands = typer.Typer()


@commands.command(epilog="Example: kcity receive 2021 applications.csv --as P-DESK")
def receive(
    edition: EditionArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .toml, .json or .csv.")],
    partial: Annotated[bool, typer.Option("--partial", help="Take the sound rows of a file with faulty ones.")] = False,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Receive the applications of a file; all of them, or none if one is at fault.

    A CSV file begins with the header row programme,title,city,country,kind,organisation,contact,address,received_at,
    channel,partners,months,matching_krw,matching_sha256,documents; the last five may be missing (docs/commands.md has
    more). TOML and JSON hold one application with these fields, or a list called applications.
    """
    from kcity_flow.domain.errors import Refusal
    from kcity_flow.interfaces import files
    from kcity_flow.interfaces.office import as_year

    year, found = as_year(edition), files.read(file)

    async def work(office: Office) -> tuple[list[Row], dict[str, str], dict[str, str]]:
        actor = office.actor(person, None, ["desk", "head"], "receive")
        rules = (await office.gateway.rules(year)).edition
        keep = lambda path: office.keep(file.parent / path)  # noqa: E731  # it says what it is where it is used
        rows = files.rows(found, rules, await office.now(year), keep)
        taken: dict[str, str] = {}
        refused: dict[str, str] = {}
        if partial or not any(row.faults for row in rows):
            for row in progress([row for row in rows if not row.faults], "Receiving", as_json):
                try:
                    receipt = await office.gateway.receive(year, files.with_ids(row.data, office.vault), actor)
                    taken[row.where] = receipt.subject
                except Refusal as refusal:
                    refused[row.where] = refusal.sentence
        return rows, taken, refused

    rows, taken, refused = with_office(work)
    faults = {row.where: "; ".join(row.faults) for row in rows if row.faults}
    told = {"taken": taken, "faults": faults, "refused": refused}
    lines = [f"{ref} received from {where}" for where, ref in taken.items()]
    answer(as_json, told, lambda: "\n".join([*lines, f"{len(taken)} of {len(rows)} applications were received."]))
    if not as_json:
        for where, why in {**faults, **refused}.items():
            print(f"{file}, {where}: {why.rstrip('.')}.", file=sys.stderr)
        if faults and not partial:
            print("Nothing was taken; mend these, or take the others with --partial.", file=sys.stderr)
    if faults or refused:
        raise typer.Exit(REFUSED)


@commands.command("list", epilog="Example: kcity list 2021 --stage screening")
def list_(
    edition: EditionArgument,
    stage: Annotated[str | None, typer.Option(metavar="S", help="Only those that stand here.")] = None,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """List an edition's applications and where they stand; with --as, those that concern that person."""
    from kcity_flow.domain import reading
    from kcity_flow.domain.messages import View
    from kcity_flow.domain.stages import DECIDED, Role, Stage
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.office import as_year, reader, stores
    from kcity_flow.settings import Settings

    if stage is not None and stage not in list(Stage):
        raise Misused(f"There is no stage {stage!r}; stages are {', '.join(Stage)}.")
    year = as_year(edition)
    with stores(Settings.read()) as (register, vault):
        who = reader(vault, person) if person else ("", (Role.DESK,))

        def told(view: View) -> View:
            if view.stage not in DECIDED or reading.informed(view, *who):
                return view
            ledger = register.entries(view.subject)
            known = reading.published(ledger)
            return reading.as_told(view, known) if len(known) < len(ledger) else view

        found = [
            reading.row_for(view, *who)
            for view in map(told, filter(lambda view: reading.listed(view, *who), register.subjects(year)))
            if not view.subject.startswith("edition/") and view.stage != Stage.ABSENT  # refused on arrival
            if stage in (None, view.stage)
        ]
        if not found and register.view(f"edition/{year}") is None:
            from kcity_flow.domain.errors import Unknown

            raise Unknown(f"Edition {year} is not open; open it with `kcity edition open {year}`.")
    answer(as_json, [tables.plain(view) for view in found], lambda: tables.views(found))


@commands.command(epilog="Example: kcity show KC2021-PLA-0001")
def show(subject: Subject, person: As = None, as_json: AsJson = False) -> None:
    """Show an application or edition: facts, ledger, proposals that wait, what is due next.

    Score sheets stay sealed until their step is over; --as shows what that person may read.
    """
    from kcity_flow.domain.messages import Entry, View
    from kcity_flow.interfaces import tables

    async def work(office: Office) -> tuple[dict[str, Any], list[Entry], dict[str, str], list[OrdersUnderWay]]:
        from kcity_flow.domain.reading import without
        from kcity_flow.gateway import kind_of, row_key, year_of

        standing = await office.gateway.standing(subject)
        ledger = await office.ledger(row_key(subject), standing["view"]["entries"])
        orders: list[OrdersUnderWay] = []
        if kind_of(subject) == "application":
            rules = (await office.gateway.rules(year_of(subject))).edition
            read = await office.read(subject, person, rules, standing)
            facts, view = read.application.model_dump(mode="json"), read.view.model_dump(mode="json")
            waiting = [one for one in standing["proposals"] if one["entry"] in read.view.waiting_proposals]
            standing = {**standing, "view": view, "facts": without(read.sheets, facts), "proposals": waiting}
            ledger = read.ledger
        else:
            orders = await office.gateway.orders(year_of(subject))
        return standing, ledger, office.texts(ledger), orders

    standing, ledger, texts, orders = with_office(work)
    view = View.model_validate(standing["view"])
    told = {
        "view": tables.plain(view),
        "facts": standing["facts"],
        "proposals": standing["proposals"],
        "entries": [tables.plain(entry) for entry in ledger],
        "texts": texts,
        "orders": [some._asdict() for some in orders],
    }
    answer(as_json, told, lambda: tables.subject(view, standing["facts"], standing["proposals"], ledger, texts, orders))


@commands.command(epilog="Example: kcity inbox --as P-DESK")
def inbox(
    person: Annotated[
        str | None, typer.Option("--as", metavar="P-…", help="Whose; everything that waits for anybody if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what waits for a person, in every edition, the most urgent first; each line says what to type next."""
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.inbox import opened
    from kcity_flow.interfaces.office import stores
    from kcity_flow.settings import Settings

    with stores(Settings.read()) as (register, vault):
        found = opened(register, vault, person)
    answer(as_json, tables.inbox_data(found, person), lambda: tables.inbox(found, person))


@commands.command(epilog="Example: kcity explain KC2021-PLA-0001")
def explain(
    ref: Annotated[str, typer.Argument(metavar="REF", help="A reference number.", callback=as_reference)],
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Explain in plain sentences what became of an application and why, and what comes next; from histories alone.

    With --as, as far as that person may know: applicants hear of a decision when it is published.
    """
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.explaining import explained

    told = with_office(lambda office: explained(office, ref, person))
    data = {"ref": ref, "chapters": [tables.plain(chapter) for chapter in told]}
    answer(as_json, data, lambda: tables.explanation(ref, told))


@commands.command(epilog="Example: kcity moves KC2021-PLA-0001")
def moves(subject: Subject, as_json: AsJson = False) -> None:
    """Say which moves are legal now: where they lead, who may make them, what they ask for."""
    from kcity_flow.domain.messages import View
    from kcity_flow.interfaces import tables

    async def work(office: Office) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        from kcity_flow.gateway import row_key, year_of

        standing, year = await office.gateway.standing(subject), year_of(subject)
        ledger = await office.ledger(row_key(subject), standing["view"]["entries"])
        rules = (await office.gateway.rules(year)).edition
        return standing, tables.offers(subject, standing, ledger, rules, await office.now(year))

    standing, found = with_office(work)
    view = View.model_validate(standing["view"])
    told = {"subject": subject, "stage": view.stage, "moves": found, "proposals": standing["proposals"]}
    answer(as_json, told, lambda: tables.moves(subject, view, found, standing["proposals"]))


@commands.command(epilog="Example: kcity do KC2021-PLA-0001 acknowledge --as P-DESK")
def do(
    subject: Subject,
    move: Annotated[str, typer.Argument(metavar="MOVE", help="One of those that `kcity moves` lists.")],
    person: As = None,
    role: Annotated[Role | None, typer.Option(metavar="R", help="In what role, where the person has several.")] = None,
    data: Annotated[str | None, typer.Option(metavar="JSON|@FILE", help="The move's fields.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Kept in the vault, not in histories.")] = None,
    evidence: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A document that proves it; may be repeated.")
    ] = None,
    confirm: Annotated[
        int | None, typer.Option(metavar="ENTRY", help="Confirm the proposal of this entry, as its second person.")
    ] = None,
    command_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The same id again is answered, not done again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a move, propose it, or confirm it as the second person."""
    fields = _object(data)

    async def work(office: Office) -> Receipt:
        receipt = await office.do(
            subject,
            move,
            fields,
            person=person,
            role=role,
            reason=reason,
            confirm=confirm,
            evidence=tuple(evidence or ()),
            command_id=command_id,
        )
        await _watched(office, receipt, as_json)
        return receipt

    receipt = with_office(work)
    answer(as_json, receipt.model_dump(mode="json"), lambda: told_of(subject, move, receipt))


async def _watched(office: Office, receipt: Receipt, as_json: bool) -> None:
    """Show how far an edition's orders are, where somebody sees it; Ctrl-C stops looking on and nothing else."""
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.bulk import everybody_told

    with bar("Telling applications", as_json) as told:
        if told and receipt.subject.startswith("edition/") and receipt.outcome == "made":
            year = int(receipt.subject.removeprefix("edition/"))
            try:
                if silent := await everybody_told(office, year, receipt.entry, told):
                    print(f"There is {tables.told_again(silent)}.", file=sys.stderr)
            except asyncio.CancelledError:
                print(f"It goes on by itself; `kcity show {year}` says how far it is.", file=sys.stderr)


def _object(data: str | None) -> dict[str, Any]:
    if data is None:
        return {}
    try:
        text = Path(data[1:]).read_text(encoding="utf-8") if data.startswith("@") else data
        fields = json.loads(text)
        json.dumps(fields, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Misused("--data holds half a character, such as \\ud800; write the whole one.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"The file {data[1:]} cannot be read: {getattr(error, 'strerror', 'it is not UTF-8')}.") from None
    except RecursionError:
        raise Misused("--data is nested too deep; `kcity moves` shows the fields that a move asks for.") from None
    except ValueError as error:  # also for numbers with thousands of digits
        raise Misused(f'--data is not JSON: {error}; write an object such as \'{{"item": "government"}}\'.') from None
    if not isinstance(fields, dict):
        raise Misused(f'--data is {type(fields).__name__}, not an object such as \'{{"item": "government"}}\'.')
    return fields
