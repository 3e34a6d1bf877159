"""``kcity``, the command line: what the secretariat types.

Every command prints for people, or with ``--json`` plain JSON and nothing else. It ends with 0 when done, 1 when
refused, 2 when misused; what is wrong stands on standard error in one sentence. What a command needs is imported
within it, so that ``kcity --help`` answers at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeVar

import typer
from typer.exceptions import TyperException

from kcity_flow.domain.stages import Role
from kcity_flow.interfaces.misuse import Misused
from kcity_flow.process import leave

if TYPE_CHECKING:
    from kcity_flow.domain.messages import Receipt
    from kcity_flow.gateway import OrdersUnderWay
    from kcity_flow.interfaces.bulk import Command
    from kcity_flow.interfaces.files import Row
    from kcity_flow.interfaces.office import Office
    from kcity_flow.interfaces.ranking import Ranking

T = TypeVar("T")

DONE, REFUSED, MISUSED, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="kcity",
    help="The K-City Network season: from the call to the closure of each project.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Example: kcity up --rehearse 2021",
)
editions = typer.Typer(
    help="Editions: each year's call, as data.",
    no_args_is_help=True,
    epilog="Example: kcity edition show 2021",
)
people = typer.Typer(
    help="People and their roles.", no_args_is_help=True, epilog="Example: kcity person list --role desk"
)
mails = typer.Typer(
    help="The mails that the embedded catcher keeps.",
    invoke_without_command=True,
    epilog="Example: kcity mail show 12",
)
registers = typer.Typer(
    help="The register against the histories.", no_args_is_help=True, epilog="Example: kcity register check"
)
for name, group in (("edition", editions), ("person", people), ("mail", mails), ("register", registers)):
    app.add_typer(group, name=name)

AsJson = Annotated[bool, typer.Option("--json", help="Plain JSON on standard output, and nothing else.")]
As = Annotated[str | None, typer.Option("--as", metavar="P-…", help="Who acts; needed where several people could.")]
EditionArgument = Annotated[str, typer.Argument(metavar="E", help="An edition's year, such as 2021.")]


def _subject(subject: str) -> str:
    from kcity_flow.domain.errors import Unknown
    from kcity_flow.gateway import kind_of

    try:
        kind_of(subject)
    except Unknown as refusal:
        raise Misused(refusal.sentence) from None
    return subject


Subject = Annotated[
    str, typer.Argument(metavar="REF|E", help="A reference number, or an edition's year.", callback=_subject)
]


def _reference(ref: str) -> str:
    from kcity_flow.gateway import kind_of

    if kind_of(_subject(ref)) != "application":
        raise Misused(f"{ref!r} is an edition; explain takes an application's reference number.")
    return ref


def main() -> NoReturn:
    """Run one command and end the process."""
    leave(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    as_json = "--json" in arguments
    try:
        code = app(args=arguments, prog_name="kcity", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return DONE  # the reader of our pipe had enough
    except TyperException as error:
        if not (sentence := _usage(error)):
            return MISUSED  # help was asked for by saying nothing, and was printed
        return _tell(Misused(sentence), as_json)
    except Exception as error:
        return _tell(error, as_json)


def _usage(error: TyperException) -> str:
    said = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{said}; see `{context.command_path if context else 'kcity'} --help`." if said else ""


def _tell(error: Exception, as_json: bool) -> int:
    """Say what is wrong on standard error; returns the exit code."""
    from kcity_flow.adapters.edition_files import EditionFileError
    from kcity_flow.adapters.stores import StoreFailed
    from kcity_flow.domain.errors import Refusal
    from kcity_flow.settings import BadSetting, CannotStart

    expected = isinstance(error, Refusal | Misused | CannotStart | EditionFileError | StoreFailed | OSError)
    fields = ("trigger", "stage", "role", "guard", "missing")
    told = {"code": getattr(error, "code", type(error).__name__), "sentence": str(error)}
    told |= {name: str(getattr(error, name, "")) for name in fields}
    if not expected:
        traceback.print_exc()
    elif as_json:
        print(json.dumps(told, ensure_ascii=False), file=sys.stderr)
    else:
        print(told["sentence"], file=sys.stderr)
    return MISUSED if isinstance(error, Misused | BadSetting) else REFUSED


def _answer(as_json: bool, data: Any, show: Callable[[], Any]) -> None:
    """Print data as JSON, or what ``show`` makes of them."""
    if as_json:
        print(json.dumps(data, ensure_ascii=False, indent=2, default=str))
        return
    from kcity_flow.interfaces.tables import console

    console().print(show(), markup=False)


def _with_office(work: Callable[[Office], Coroutine[Any, Any, T]]) -> T:
    """Do something at the server that runs."""
    from temporalio.runtime import Runtime, TelemetryConfig
    from temporalio.service import RPCError

    from kcity_flow.domain.errors import Unavailable
    from kcity_flow.interfaces.office import connected

    # The SDK's core says on standard output each time that it tries again; we say it once, in a sentence.
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)), error_if_already_set=False)

    async def at_work() -> T:
        async with connected() as office:
            try:
                return await work(office)
            except RPCError as error:
                raise Unavailable(
                    f"Temporal does not answer ({error.message}); see that `kcity up` is running."
                ) from None

    return asyncio.run(at_work())


# --- running ----------------------------------------------------------------------------------------------------------


@app.command(epilog="Example: kcity up --rehearse 2021")
def up(
    rehearse: Annotated[
        str | None, typer.Option(metavar="E", help="Play this edition with an invented cast, a day in about a second.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring everything up and show it: server, worker, mail. Ctrl-C stops; the next start goes on from there."""
    from kcity_flow.interfaces.running import run_everything

    asyncio.run(run_everything(rehearse, as_json))


@app.command(epilog="Example: KCITY_TEMPORAL_ADDRESS=10.0.0.5:7233 kcity worker")
def worker(as_json: AsJson = False) -> None:
    """Run one more worker at the server that runs, until Ctrl-C."""
    from kcity_flow.interfaces.running import run_worker

    asyncio.run(run_worker(as_json))


# --- editions ---------------------------------------------------------------------------------------------------------


@editions.command("check", epilog="Example: kcity edition check 2022.toml")
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
        _answer(as_json, {"file": str(file), "faults": faults}, str)
        raise typer.Exit(REFUSED) from None
    told = {"file": str(file), "year": edition.year, "version": edition.version, "faults": []}
    _answer(as_json, told, lambda: f"{file} can be used: edition {edition.year}, version {edition.version}.")


@editions.command("list", epilog="Example: kcity edition list --json")
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
    _answer(as_json, found, lambda: "\n".join(lines))


@editions.command("show", epilog="Example: kcity edition show 2021")
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
        found = _with_office(lambda office: office.gateway.rules(int(edition))).edition
    _answer(as_json, tables.edition_data(found), lambda: tables.edition(found))


@editions.command("open", epilog="Example: kcity edition open 2021")
def edition_open(
    edition: Annotated[str, typer.Argument(metavar="E", help="A shipped edition, or a file.")], as_json: AsJson = False
) -> None:
    """Start an edition, in draft. Two persons then open its call with the move open_call."""
    from kcity_flow.adapters.edition_files import read_edition

    found = read_edition(edition)
    _with_office(lambda office: office.gateway.open_edition(found))
    _answer(
        as_json,
        {"year": found.year, "version": found.version, "stage": "draft"},
        lambda: f"Edition {found.year} stands in draft; open its call with `kcity do {found.year} open_call --as P-…`.",
    )


@editions.command("new", epilog="Example: kcity edition new 2022 --from 2021")
def edition_new(
    year: Annotated[int, typer.Argument(min=2020, max=2200)],
    origin: Annotated[str, typer.Option("--from", metavar="E", help="The edition to begin with.")],
    as_json: AsJson = False,
) -> None:
    """Begin the next year's edition: the same rules, every date moved on, in the file YEAR.toml."""
    from kcity_flow.interfaces.editions import begin

    path, to_see = begin(year, origin)
    told = {"file": str(path), "to_see_to": to_see}
    listed = "".join(f"\n  {line}" for line in to_see)
    _answer(as_json, told, lambda: f"{path} is written; nothing in it is announced yet. See to:{listed}")


# --- applications -----------------------------------------------------------------------------------------------------


@app.command(epilog="Example: kcity receive 2021 applications.csv --as P-DESK")
def receive(
    edition: EditionArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .toml, .json or .csv.")],
    partial: Annotated[bool, typer.Option("--partial", help="Take the sound rows of a file with faulty ones.")] = False,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Receive the applications of a file; all of them, or none if one is at fault.

    A CSV file begins with the header row programme,title,city,country,kind,organisation,contact,address,received_at,
    channel,partners,months,matching_krw,matching_sha256,documents; the last five may be missing. TOML and JSON hold one
    application with these fields, or a list called applications.
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
            for row in _progress([row for row in rows if not row.faults], "Receiving", as_json):
                try:
                    receipt = await office.gateway.receive(year, files.with_ids(row.data, office.vault), actor)
                    taken[row.where] = receipt.subject
                except Refusal as refusal:
                    refused[row.where] = refusal.sentence
        return rows, taken, refused

    rows, taken, refused = _with_office(work)
    faults = {row.where: "; ".join(row.faults) for row in rows if row.faults}
    told = {"taken": taken, "faults": faults, "refused": refused}
    lines = [f"{ref} received from {where}" for where, ref in taken.items()]
    _answer(as_json, told, lambda: "\n".join([*lines, f"{len(taken)} of {len(rows)} applications were received."]))
    if not as_json:
        for where, why in {**faults, **refused}.items():
            print(f"{file}, {where}: {why.rstrip('.')}.", file=sys.stderr)
        if faults and not partial:
            print("Nothing was taken; mend these, or take the others with --partial.", file=sys.stderr)
    if faults or refused:
        raise typer.Exit(REFUSED)


@app.command("list", epilog="Example: kcity list 2021 --stage screening")
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
    _answer(as_json, [tables.plain(view) for view in found], lambda: tables.views(found))


@app.command(epilog="Example: kcity show KC2021-PLA-0001")
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

    standing, ledger, texts, orders = _with_office(work)
    view = View.model_validate(standing["view"])
    told = {
        "view": tables.plain(view),
        "facts": standing["facts"],
        "proposals": standing["proposals"],
        "entries": [tables.plain(entry) for entry in ledger],
        "texts": texts,
        "orders": [some._asdict() for some in orders],
    }
    _answer(
        as_json, told, lambda: tables.subject(view, standing["facts"], standing["proposals"], ledger, texts, orders)
    )


# --- what waits, and why ----------------------------------------------------------------------------------------------


@app.command(epilog="Example: kcity inbox --as P-DESK")
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
    _answer(as_json, tables.inbox_data(found, person), lambda: tables.inbox(found, person))


@app.command(epilog="Example: kcity explain KC2021-PLA-0001")
def explain(
    ref: Annotated[str, typer.Argument(metavar="REF", help="A reference number.", callback=_reference)],
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Explain in plain sentences what became of an application and why, and what comes next; from histories alone.

    With --as, as far as that person may know: applicants hear of a decision when it is published.
    """
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.explaining import explained

    told = _with_office(lambda office: explained(office, ref, person))
    data = {"ref": ref, "chapters": [tables.plain(chapter) for chapter in told]}
    _answer(as_json, data, lambda: tables.explanation(ref, told))


# --- moves ------------------------------------------------------------------------------------------------------------


@app.command(epilog="Example: kcity moves KC2021-PLA-0001")
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

    standing, found = _with_office(work)
    view = View.model_validate(standing["view"])
    told = {"subject": subject, "stage": view.stage, "moves": found, "proposals": standing["proposals"]}
    _answer(as_json, told, lambda: tables.moves(subject, view, found, standing["proposals"]))


@app.command(epilog="Example: kcity do KC2021-PLA-0001 acknowledge --as P-DESK")
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

    receipt = _with_office(work)
    _answer(as_json, receipt.model_dump(mode="json"), lambda: _told(subject, move, receipt))


async def _watched(office: Office, receipt: Receipt, as_json: bool) -> None:
    """Show how far an edition's orders are, where somebody sees it; Ctrl-C stops looking on and nothing else."""
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.bulk import everybody_told

    with _bar("Telling applications", as_json) as told:
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


def _told(subject: str, move: str, receipt: Any) -> str:
    before = " before" if receipt.repeated else ""
    if receipt.outcome == "proposed":
        return (
            f"{move} was proposed{before} as entry {receipt.entry}; a second person makes it with "
            f"`kcity do {subject} {move} --confirm {receipt.entry} --as P-…`."
        )
    return f"{move} was done{before}; {subject} stands at {receipt.stage} (entry {receipt.entry}, {receipt.hash[:8]})."


# --- reviewers and sheets ---------------------------------------------------------------------------------------------


@app.command(epilog="Example: kcity checklist KC2021-DEM-0001")
def checklist(subject: Subject, as_json: AsJson = False) -> None:
    """Show an application's screening checklist: what the record answers, and what the desk has to."""
    from kcity_flow.domain.application import Application
    from kcity_flow.domain.screening import checklist as lines_of
    from kcity_flow.interfaces import tables

    async def work(office: Office) -> tuple[Application, Any]:
        from kcity_flow.gateway import year_of

        application = Application.model_validate((await office.gateway.standing(subject))["facts"])
        return application, (await office.gateway.rules(year_of(subject))).edition

    application, rules = _with_office(work)
    lines = lines_of(application, rules.programme(application.programme))
    _answer(as_json, [line._asdict() for line in lines], lambda: tables.checklist(subject, lines))


@app.command(epilog="Example: kcity reviewers 2021 pool.csv --as P-HEAD")
def reviewers(
    edition: EditionArgument,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Ends in .toml, .json or .csv: names the pool anew.")
    ] = None,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Show the pool of reviewers, or name it from a file with person,organisations,expertise,capacity for each.

    A CSV file has these as its header row; TOML and JSON hold a list called reviewers. In a CSV file several
    organisations or subjects of one reviewer are separated by ;. Subjects are the edition's programmes, kinds
    of site and sectors.
    """
    from kcity_flow.interfaces import reviewing, tables
    from kcity_flow.interfaces.office import as_year

    year = as_year(edition)

    async def work(office: Office) -> tuple[Any, Any]:
        rules = (await office.gateway.rules(year)).edition
        if file is not None:
            pool = reviewing.read_pool(file, rules, office.vault)
            receipt = await office.do(str(year), "name_reviewers", {"reviewers": pool}, person=person)
            await office.ledger(f"edition/{year}", receipt.entry)
        return reviewing.pool_of(year, office.register), office.register.subjects(year)

    pool, views = _with_office(work)
    seats = {one.person: sum(one.person in view.reviewers for view in views) for one in pool.reviewers}
    told = [{**tables.plain(one), "applications": seats[one.person]} for one in pool.reviewers]
    _answer(as_json, {"entry": pool.entry, "reviewers": told}, lambda: tables.pool(pool.entry, told))


@app.command(epilog="Example: kcity assign 2021 planning --yes --as P-DESK")
def assign(
    edition: EditionArgument,
    programme: str,
    step: Annotated[
        Literal["paper_review", "presentation"], typer.Option(help="The step whose seats are to be filled.")
    ] = "paper_review",
    yes: Annotated[bool, typer.Option("--yes", help="Assign them; without it they are only proposed.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Propose again all that was assigned, and compare.")] = False,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Propose a reviewer for every empty seat of a programme, pair by pair with why; assign them with --yes."""
    from kcity_flow.interfaces import bulk, reviewing, tables
    from kcity_flow.interfaces.office import as_year

    year = as_year(edition)
    if check:
        checked = _with_office(lambda office: _check_assignments(office, year, programme))
        _answer(as_json, checked._asdict(), lambda: tables.checked_assignments(checked))
        if checked.otherwise:
            raise typer.Exit(REFUSED)
        return

    async def work(office: Office) -> tuple[Any, dict[str, str]]:
        rules = (await office.gateway.rules(year)).edition
        found = reviewing.proposal(rules, programme, step, await office.now(year), office.register)
        commands = bulk.assigning(found.pairs, step) if yes else []
        return found, await _sent(office, year, commands, ["desk", "head"], person, "Assigning", as_json)

    found, refused = _with_office(work)
    told = {"assigned": yes, **tables.assignment_data(found), "refused": refused}
    _answer(as_json, told, lambda: tables.assignment(found, yes))
    _refused(None, refused, as_json)
    if found.short:
        raise typer.Exit(REFUSED)


async def _check_assignments(office: Office, year: int, programme: str) -> Any:
    from kcity_flow.interfaces import reviewing

    return reviewing.check((await office.gateway.rules(year)).edition, programme, office.register)


@app.command(epilog="Example: kcity sheets KC2021-PLA-0001 --as P-CHAIR")
def sheets(subject: Subject, person: As = None, as_json: AsJson = False) -> None:
    """Show an application's score sheets, as far as one may read them: nobody another's before the step is over."""
    from kcity_flow.interfaces import tables

    async def work(office: Office) -> tuple[Any, Any]:
        from kcity_flow.gateway import year_of

        rules = (await office.gateway.rules(year_of(subject))).edition
        return await office.read(subject, person, rules), rules

    read, rules = _with_office(work)
    data = tables.sheets_data(read.application, rules.programme(read.application.programme), read.sheets)
    _answer(as_json, data, lambda: tables.sheets(data))


@app.command(epilog="Example: kcity slots 2021 demonstration --from 2021-06-08T09:30 --yes --as P-DESK")
def slots(
    edition: EditionArgument,
    programme: str,
    first: Annotated[str, typer.Option("--from", metavar="TIME", help="The first that may be; Korean time.")],
    minutes: Annotated[int, typer.Option(min=5, max=240, help="How long each lasts.")] = 40,
    pause: Annotated[int, typer.Option(min=0, max=120, help="Minutes between two.")] = 10,
    yes: Annotated[bool, typer.Option("--yes", help="Schedule them; without it they are only shown.")] = False,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Find a slot for each presentation that has no date, one after another; schedule them with --yes."""
    from kcity_flow.interfaces import bulk, reviewing, tables
    from kcity_flow.interfaces.office import as_instant, as_year

    year = as_year(edition)

    async def work(office: Office) -> tuple[Any, dict[str, str]]:
        start = await office.gateway.rules(year)
        at = as_instant(first, start.edition.zone, "--from")
        found = reviewing.slots_for(start.edition, programme, at, minutes, pause, office.register, start.days_off)
        commands = bulk.scheduling(found if yes else ())
        return found, await _sent(office, year, commands, ["desk"], person, "Scheduling", as_json)

    found, refused = _with_office(work)
    told = {"scheduled": yes, "slots": [{"ref": slot.ref, **slot.data} for slot in found], "refused": refused}
    _answer(as_json, told, lambda: tables.slots(found, yes))
    _refused(None, refused, as_json)


# --- selection --------------------------------------------------------------------------------------------------------


@app.command(epilog="Example: kcity rank 2021 planning")
def rank(
    edition: EditionArgument,
    programme: str,
    entry: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="As it stood when this entry of the edition decided.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rank a programme's shortlist, now or as it was decided: criteria, sheets, means, bonus, which rule decided, sums.

    With --json every sheet is counted again from Temporal's histories alone.
    """
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.office import as_year

    year = as_year(edition)

    async def work(office: Office) -> Any:
        from kcity_flow.audit import histories
        from kcity_flow.gateway import year_of
        from kcity_flow.interfaces.ranking import ranking_told

        rules = (await office.gateway.rules(year)).edition
        if not as_json:
            waiting = office.register.subjects(year, "shortlisted", programme)
            if entry is None and waiting:
                return await _ranking(office, year, programme)
            return ranking_told(rules, programme, office.register, entry)
        before = {preference.years_before for p in rules.programmes for preference in p.preferences}
        years = {year, *(year - count for count in before)}
        names = [name for name in histories.subjects(office.vault, office.register) if year_of(name) in years]
        with _bar("Reading histories", as_json) as told:
            async with histories.told_anew(office.client, names, told) as (fresh, _):
                return ranking_told(rules, programme, fresh, entry)

    found = _with_office(work)
    _answer(as_json, tables.ranking_data(found), lambda: tables.ranking(found))


async def _ranking(office: Office, year: int, programme: str) -> Any:
    from kcity_flow.domain.selection import Call
    from kcity_flow.interfaces.ranking import ranking

    rules = (await office.gateway.rules(year)).edition
    call = Call.model_validate((await office.gateway.standing(str(year)))["facts"])
    return ranking(rules, programme, call, office.register)


@app.command(epilog="Example: kcity select 2021 planning --places 4 --krw 500000000 --as P-COMMITTEE")
def select(
    edition: EditionArgument,
    programme: str,
    places: Annotated[int | None, typer.Option(min=0, help="How many places; all that are left if not given.")] = None,
    reserve: Annotated[
        int | None, typer.Option(min=0, help="How many on the reserve; all others if not given.")
    ] = None,
    krw: Annotated[
        list[str] | None, typer.Option(metavar="SUM|REF=SUM", help="Award, for everybody or for one; may be repeated.")
    ] = None,
    order: Annotated[
        str, typer.Option(metavar="REF,REF", help="The committee's vote on those whom no rule separates.")
    ] = "",
    minutes: Annotated[Path | None, typer.Option(metavar="FILE", help="The minutes of that vote.")] = None,
    override: Annotated[
        str, typer.Option(metavar="REF,REF", help="Who comes first whatever the ranking says; takes a --reason.")
    ] = "",
    without: Annotated[
        str, typer.Option(metavar="REF,REF", help="Who is left out and goes on waiting; takes a --reason.")
    ] = "",
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="For leaving the order of the ranking, or somebody out.")
    ] = None,
    over_quota_reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="For more places than the quota is about.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what it would do, and propose nothing.")] = False,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Propose the decision that follows from the ranking; the ministry confirms it with `do`."""
    from kcity_flow.domain.selection import Call
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.office import as_year
    from kcity_flow.interfaces.ranking import against, decision, unranked

    year = as_year(edition)
    awards = dict(map(_award, krw or ()))

    grounds = {name: text for name, text in (("reason", reason), ("over_quota_reason", over_quota_reason)) if text}
    evidence = (minutes,) if minutes else ()

    def decided(found: Ranking, left_out: list[str]) -> dict[str, Any]:
        return decision(
            found, places, awards, _refs(order), reserve=reserve, override=_refs(override), without=left_out
        )

    async def look(office: Office) -> tuple[dict[str, Any], list[str]]:
        standing, rules = await office.gateway.standing(str(year)), await office.gateway.rules(year)
        call, found = Call.model_validate(standing["facts"]), await _ranking(office, year, programme)
        data = decided(found, [*dict.fromkeys((*_refs(without), *found.incomplete))])
        missing = against(data, call, rules.edition, frozenset(grounds), minuted=bool(evidence))
        incomplete = unranked(found, _refs(without))
        return data, [*([incomplete] if incomplete else []), *missing]

    async def propose(office: Office) -> Any:
        data = decided(await _ranking(office, year, programme), _refs(without)) | grounds
        return await office.do(str(year), "decide_selection", data, person=person, evidence=evidence)

    if preview:
        data, missing = _with_office(look)
        _answer(as_json, {**data, "against": missing}, lambda: tables.preview(data, missing))
        if missing:
            raise typer.Exit(REFUSED)
        return
    receipt = _with_office(propose)
    _answer(as_json, receipt.model_dump(mode="json"), lambda: _told(str(year), "decide_selection", receipt))


def _refs(given: str) -> list[str]:
    return [ref.strip() for ref in given.split(",") if ref.strip()]


def _award(given: str) -> tuple[str, int]:
    ref, _, krw = given.rpartition("=")
    if not re.fullmatch("[0-9]{1,15}", krw := krw.replace("_", "").replace(",", "")):
        raise Misused(f"--krw {given!r} is no sum; write 500000000, or KC2021-PLA-0001=500000000.")
    return ref, int(krw)


# --- many at once -----------------------------------------------------------------------------------------------------


@app.command(epilog="Example: kcity screen 2021 results.csv --check")
def screen(
    edition: EditionArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .toml, .json or .csv.")],
    check: Annotated[bool, typer.Option("--check", help="Judge every row and send nothing.")] = False,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Screen many applications from a file of results; all rows are judged before anything is sent.

    A CSV file begins with the header row ref,complete and a column for each eligibility item; TOML and JSON hold a list
    called applications, each with ref, complete and answers. Answers are yes or no. With all answered yes an
    application passes; the first answered no is proposed as the ground of its ineligibility. Interrupted, it goes on
    when it is started again; nothing is done twice.
    """
    from kcity_flow.gateway import answered
    from kcity_flow.interfaces import bulk
    from kcity_flow.interfaces.office import as_year

    year = as_year(edition)

    async def work(office: Office) -> tuple[list[bulk.Command], bulk.Sent]:
        actor, away = office.actor(person, None, ["desk", "head"], "screen"), _once_told()
        rules = (await answered(lambda: office.gateway.rules(year), away)).edition
        views = {view.subject: view for view in office.register.subjects(year)}
        with _bar("Judging", as_json) as told:
            found = await bulk.judged(office, year, bulk.screening(file, rules, views), actor, told, away)
        if check or any(command.faults for command in found):
            return found, bulk.Sent()
        with _bar("Screening", as_json) as told:
            return found, await bulk.sent(office, found, actor, told, away)

    found, sent = _with_office(work)
    faults = {command.where: "; ".join(command.faults) for command in found if command.faults}
    told = {"faults": faults, "checked": check, **vars(sent)}
    sound = f"{len(found) - len(faults)} of {len(found)} rows can be sent"
    ends = "." if check else "; nothing was sent, mend the others."
    _answer(as_json, told, lambda: sound + ends if check or faults else _became(sent))
    _refused(file, {**faults, **sent.refused}, as_json)


@app.command(epilog='Example: kcity decline 2021 planning --as P-CHAIR --reason "Below the threshold of 70 points."')
def decline(
    edition: EditionArgument,
    programme: str,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="For all of them; kept in the vault, not in histories.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Reject every application of a programme that has its sheets and lies below the threshold.

    Those that lack sheets, or an answer, or lie above it, stay where they are and are counted. Interrupted, it goes on
    when it is started again; nothing is done twice.
    """
    from kcity_flow.gateway import answered
    from kcity_flow.interfaces import bulk
    from kcity_flow.interfaces.office import as_year

    year = as_year(edition)
    if not reason.strip():
        raise Misused("The reason is empty; write why they are rejected.")

    async def work(office: Office) -> tuple[dict[str, int], int, bulk.Sent]:
        actor, away = office.actor(person, None, ["chair"], "reject"), _once_told()
        rules = (await answered(lambda: office.gateway.rules(year), away)).edition
        views = office.register.subjects(year, programme=rules.programme(programme).key)
        with _bar("Judging", as_json) as told:
            found = await bulk.judged(office, year, bulk.declining(views), actor, told, away)
        below = [command for command in found if not command.faults]
        staying = Counter("; ".join(command.faults) for command in found if command.faults)
        if not below or not _agreed(yes, f"{len(below)} applications of {programme} are to be rejected."):
            return staying, len(below), bulk.Sent()
        with _bar("Rejecting", as_json) as told:
            return staying, len(below), await bulk.sent(office, below, actor, told, away, reason=reason)

    staying, below, sent = _with_office(work)
    stay = [f"{count} stay: {why}." for why, count in staying.items()]
    _answer(as_json, {"below": below, "staying": staying, **vars(sent)}, lambda: "\n".join([*stay, _became(sent)]))
    _refused(None, sent.refused, as_json)


async def _sent(
    office: Office, year: int, commands: list[Command], roles: list[str], person: str | None, doing: str, as_json: bool
) -> dict[str, str]:
    """Judge commands and send those nothing speaks against; returns what was refused, by where it was asked for."""
    from kcity_flow.interfaces import bulk

    if not commands:
        return {}
    actor, away = office.actor(person, None, roles, commands[0].trigger), _once_told()
    with _bar("Judging", as_json) as told:
        found = await bulk.judged(office, year, commands, actor, told, away)
    with _bar(doing, as_json) as told:
        sent = await bulk.sent(office, found, actor, told, away)
    return {command.where: "; ".join(command.faults) for command in found if command.faults} | sent.refused


def _agreed(yes: bool, what: str) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Misused(f"{what} Say so with --yes.")
    return typer.confirm(f"{what} Go on?", err=True)


def _once_told() -> Callable[[str], None]:
    """Says on standard error, once, that nobody answers and that it goes on when somebody does."""
    said: list[str] = []

    def away(why: str) -> None:
        if not said:
            print(f"{why} It is tried again until there is an answer.", file=sys.stderr)
        said.append(why)

    return away


def _became(sent: Any) -> str:
    return f"{len(sent.done)} done, {len(sent.repeated)} done before, {len(sent.refused)} refused."


def _refused(file: Path | None, why: dict[str, str], as_json: bool) -> None:
    """What was refused, with where it stands, on standard error; the command then ends with 1."""
    if not as_json:
        for where, sentence in why.items():
            print(f"{f'{file}, ' if file else ''}{where}: {sentence.rstrip('.')}.", file=sys.stderr)
    if why:
        raise typer.Exit(REFUSED)


# --- people and mails -------------------------------------------------------------------------------------------------


@people.command("add", epilog='Example: kcity person add "Kim Min-ji" minji@desk.example --role desk --id P-DESK')
def person_add(
    name: str,
    address: Annotated[str, typer.Argument(help="Where letters go.")],
    role: Annotated[list[Role], typer.Option(metavar="R", help="May be repeated.")],
    organisation: Annotated[str, typer.Option(help="Whom they belong to.")] = "",
    language: Annotated[Literal["en", "ko"], typer.Option(help="en or ko.")] = "en",
    person: Annotated[
        str | None, typer.Option("--id", metavar="P-…", help="An id of your choice; brings who has it up to date.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a person with roles. Histories will hold the id alone."""
    from email.utils import parseaddr

    from pydantic import TypeAdapter, ValidationError

    from kcity_flow.domain.messages import PersonId
    from kcity_flow.interfaces.office import stores
    from kcity_flow.settings import Settings

    if not name.strip():
        raise Misused("The name is empty; write the person's name.")
    user, _, domain = parseaddr(address)[1].rpartition("@")
    if not user or not domain:
        raise Misused(f"{address!r} is no e-mail address; write one like minji@desk.example.")
    if Role.CLOCK in role:
        raise Misused("The clock is nobody; a person has another role.")
    if person is not None:
        try:
            TypeAdapter(PersonId).validate_python(person)
        except ValidationError:
            raise Misused(f"{person!r} is no id; write P- and then capitals, digits or hyphens, like P-DESK.") from None
    with stores(Settings.read()) as (_, vault):
        known = vault.person(person) if person else None
        added = vault.add_person(name, address, organisation=organisation, language=language, roles=role, id=person)
    before = f" Before: {known.name}, in the roles {', '.join(known.roles)}." if known else ""
    said = f"{added} is {name}, in the roles {', '.join(role)}.{before}"
    _answer(as_json, {"id": added, "roles": role}, lambda: said)


@people.command("list", epilog="Example: kcity person list --role ministry")
def person_list(
    role: Annotated[Role | None, typer.Option(metavar="R", help="Only those in this role.")] = None,
    as_json: AsJson = False,
) -> None:
    """List everybody who is known here, or everybody in a role."""
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.office import stores
    from kcity_flow.settings import Settings

    with stores(Settings.read()) as (_, vault):
        found = vault.people(role)
    _answer(as_json, [tables.plain(person) for person in found], lambda: tables.people(found))


@mails.callback()
def mail(context: typer.Context, as_json: AsJson = False) -> None:
    """List or read the mails that the embedded catcher keeps; without more, the latest."""
    if context.invoked_subcommand is None:
        mail_list(as_json=as_json)
    elif as_json:
        raise Misused(f"--json comes last here; write `kcity mail {context.invoked_subcommand} --json`.")


@mails.command("list", epilog="Example: kcity mail list --last 100")
def mail_list(
    last: Annotated[int, typer.Option(min=0, help="How many, counted from the newest; 0: all.")] = 40,
    as_json: AsJson = False,
) -> None:
    """List the mails that were caught, the newest last, and those that wait for a person."""
    from kcity_flow.adapters.vault import State
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.mails import caught
    from kcity_flow.interfaces.office import stores
    from kcity_flow.settings import Settings

    settings = Settings.read()
    found = caught(settings.mails, last)
    with stores(settings) as (_, vault):
        stuck = [row for state in (State.HELD, State.FAILED) for row in vault.outbox(state)]
    told = {
        "mails": [vars(mail) for mail in found],
        "stuck": [{"key": row.key, "to": row.person, "state": row.state, "why": row.why} for row in stuck],
    }
    lines = [f"{row.state}: {row.key}: {row.why}" for row in stuck]

    def shown() -> Any:
        from rich.console import Group

        return Group(tables.mails(found), *lines)

    _answer(as_json, told, shown)


@mails.command("show", epilog="Example: kcity mail show 12")
def mail_show(number: Annotated[int, typer.Argument(metavar="N", min=1)], as_json: AsJson = False) -> None:
    """Show one mail."""
    from kcity_flow.interfaces.mails import read
    from kcity_flow.settings import Settings

    found = read(Settings.read().mails, number)
    headers = "\n".join(f"{name}: {value}" for name, value in found["headers"].items())
    _answer(as_json, found, lambda: f"{headers}\n\n{found['text']}")


# --- the whole season, the lifecycle, the register --------------------------------------------------------------------


@app.command(epilog="Example: kcity season 2021 --applications 80 --seed 7 --report - --html season.html")
def season(
    edition: Annotated[str, typer.Argument(metavar="E", help="A shipped edition, or a file.")],
    applications: Annotated[int, typer.Option(min=1, help="How many apply.")] = 80,
    seed: Annotated[int, typer.Option(help="The same seed plays the same season.")] = 7,
    server: Annotated[
        Literal["skip", "real"], typer.Option(help="A server that skips time, or the real one.")
    ] = "skip",
    report: Annotated[str | None, typer.Option(metavar="FILE|-", help="Where to write the report, JSON.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write the report to look at.")] = None,
    day: Annotated[float, typer.Option(min=0.05, help="Seconds a day takes on the real server.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Play a whole season with an invented cast, from the call to the last timer, and report."""
    from kcity_flow.interfaces.seasons import play, summary

    for path in (Path(report or "-"), html):
        if path is not None and path != Path("-"):
            _write(path, "", "a")  # a file that cannot be written is told now, not after the season
    played = play(edition, applications, seed, server, day, quiet=as_json or report == "-")
    figures = played.report.model_dump(mode="json")
    if report not in (None, "-"):
        _write(Path(report), json.dumps(figures, ensure_ascii=False, indent=2) + "\n")
    if html:
        from kcity_flow.rehearsal.html import page

        _write(html, page(played))
    _answer(as_json or report == "-", figures, lambda: summary(played))
    for fault in played.faults:
        print(fault, file=sys.stderr)
    if played.faults:
        raise typer.Exit(REFUSED)


@app.command(epilog="Example: kcity export 2021 --format ocds -o contracting.json")
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

    found = _with_office(lambda office: procurements(office, as_year(edition)))
    if Settings.read().ocid_prefix == UNREGISTERED and not as_json:
        print(f"Set KCITY_OCID_PREFIX before this is published: {UNREGISTERED} is nobody's.", file=sys.stderr)
    if output == "-":
        print(written(found), end="")
        return
    _write(Path(output), written(found))
    told = {"file": output, "records": len(found.records), "releases": sum(len(r.releases) for r in found.records)}
    _answer(as_json, told, lambda: "{records} procurements, {releases} releases: {file}".format(**told))


def _write(path: Path, text: str, mode: Literal["w", "a"] = "w") -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Misused(f"The file {path} cannot be written: {error.strerror}.") from None


@app.command(epilog="Example: kcity lifecycle --format markdown")
def lifecycle(
    form: Annotated[
        Literal["table", "markdown", "mermaid", "json"],
        typer.Option("--format", help="table, markdown, mermaid, json."),
    ] = "table",
    as_json: AsJson = False,
) -> None:
    """Print every legal move, from the tables that decide."""
    from kcity_flow.interfaces import lifecycle as pages

    if form == "json" or as_json:
        _answer(True, pages.data(), str)
    elif form == "table":
        from kcity_flow.interfaces import tables

        _answer(False, None, tables.lifecycle_tables)
    else:
        print(pages.markdown() if form == "markdown" else pages.mermaid(), end="\n" if form == "mermaid" else "")


@registers.command("check", epilog="Example: kcity register check --json")
def register_check(as_json: AsJson = False) -> None:
    """Compare register and histories, verify every chain of hashes, replay each history; any fault ends it with 1."""

    async def work(office: Office) -> dict[str, Any]:
        from kcity_flow.adapters.vault import JournalBroken
        from kcity_flow.audit import histories
        from worker import WORKFLOWS, workflow_runner

        client, vault, register = office.client, office.vault, office.register
        with _bar("Reading histories", as_json) as told:
            differences = await histories.check(client, vault, register, told)
        broken = histories.broken(register)
        with _bar("Replaying histories", as_json) as told:
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

    found = _with_office(work)
    faults = [*found["differences"], *found["broken"], *found["led_elsewhere"]]
    sound = (
        "The register says what the histories say; the chains of every ledger and of the intake journal hold; "
        f"{found['replayed']} histories, replayed, led to the same place."
    )
    # A replay's failure has a line for each cause.
    lines = [" ".join(fault.split()) for fault in faults]
    _answer(as_json, found, lambda: "\n".join(lines) or sound)
    if faults:
        raise typer.Exit(REFUSED)


@registers.command("rebuild", epilog="Example: kcity register rebuild")
def register_rebuild(as_json: AsJson = False) -> None:
    """Make the register again from the histories."""

    async def work(office: Office) -> int:
        from kcity_flow.audit import histories

        with _bar("Reading histories", as_json) as told:
            return await histories.rebuild(office.client, office.vault, office.register, told)

    count = _with_office(work)
    _answer(as_json, {"subjects": count}, lambda: f"The register was made again; it holds {count} files.")


@contextlib.contextmanager
def _bar(what: str, as_json: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error for what takes long; nothing where nobody would see it."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _progress(items: list[T], what: str, as_json: bool) -> Iterator[T]:
    with _bar(what, as_json) as told:
        for done, item in enumerate(items, start=1):
            yield item
            if told:
                told(done, len(items))
