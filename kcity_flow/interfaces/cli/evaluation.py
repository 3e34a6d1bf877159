"""Screening, reviewers, sheets and slots, many at once where there are many."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kcity_flow.interfaces.cli.shell import (
    REFUSED,
    As,
    AsJson,
    EditionArgument,
    Subject,
    answer,
    bar,
    once_told,
    tell_refused,
    with_office,
)
from kcity_flow.interfaces.misuse import Misused

if TYPE_CHECKING:
    from kcity_flow.interfaces.bulk import Command
    from kcity_flow.interfaces.office import Office


commands = typer.Typer()


@commands.command(epilog="Example: kcity checklist KC2021-DEM-0001")
def checklist(subject: Subject, as_json: AsJson = False) -> None:
    """Show an application's screening checklist: what the record answers, and what the desk has to."""
    from kcity_flow.domain.application import Application
    from kcity_flow.domain.screening import checklist as lines_of
    from kcity_flow.interfaces import tables

    async def work(office: Office) -> tuple[Application, Any]:
        from kcity_flow.gateway import year_of

        application = Application.model_validate((await office.gateway.standing(subject))["facts"])
        return application, (await office.gateway.rules(year_of(subject))).edition

    application, rules = with_office(work)
    lines = lines_of(application, rules.programme(application.programme))
    answer(as_json, [line._asdict() for line in lines], lambda: tables.checklist(subject, lines))


@commands.command(epilog="Example: kcity reviewers 2021 pool.csv --as P-HEAD")
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

    pool, views = with_office(work)
    seats = {one.person: sum(one.person in view.reviewers for view in views) for one in pool.reviewers}
    told = [{**tables.plain(one), "applications": seats[one.person]} for one in pool.reviewers]
    answer(as_json, {"entry": pool.entry, "reviewers": told}, lambda: tables.pool(pool.entry, told))


@commands.command(epilog="Example: kcity assign 2021 planning --yes --as P-DESK")
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
        checked = with_office(lambda office: _check_assignments(office, year, programme))
        answer(as_json, checked._asdict(), lambda: tables.checked_assignments(checked))
        if checked.otherwise:
            raise typer.Exit(REFUSED)
        return

    async def work(office: Office) -> tuple[Any, dict[str, str]]:
        rules = (await office.gateway.rules(year)).edition
        found = reviewing.proposal(rules, programme, step, await office.now(year), office.register)
        commands = bulk.assigning(found.pairs, step) if yes else []
        return found, await _sent(office, year, commands, ["desk", "head"], person, "Assigning", as_json)

    found, refused = with_office(work)
    told = {"assigned": yes, **tables.assignment_data(found), "refused": refused}
    answer(as_json, told, lambda: tables.assignment(found, yes))
    tell_refused(None, refused, as_json)
    if found.short:
        raise typer.Exit(REFUSED)


async def _check_assignments(office: Office, year: int, programme: str) -> Any:
    from kcity_flow.interfaces import reviewing

    return reviewing.check((await office.gateway.rules(year)).edition, programme, office.register)


@commands.command(epilog="Example: kcity sheets KC2021-PLA-0001 --as P-CHAIR")
def sheets(subject: Subject, person: As = None, as_json: AsJson = False) -> None:
    """Show an application's score sheets, as far as one may read them: nobody another's before the step is over."""
    from kcity_flow.interfaces import tables

    async def work(office: Office) -> tuple[Any, Any]:
        from kcity_flow.gateway import year_of

        rules = (await office.gateway.rules(year_of(subject))).edition
        return await office.read(subject, person, rules), rules

    read, rules = with_office(work)
    data = tables.sheets_data(read.application, rules.programme(read.application.programme), read.sheets)
    answer(as_json, data, lambda: tables.sheets(data))


@commands.command(epilog="Example: kcity slots 2021 demonstration --from 2021-06-08T09:30 --yes --as P-DESK")
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

    found, refused = with_office(work)
    told = {"scheduled": yes, "slots": [{"ref": slot.ref, **slot.data} for slot in found], "refused": refused}
    answer(as_json, told, lambda: tables.slots(found, yes))
    tell_refused(None, refused, as_json)


@commands.command(epilog="Example: kcity screen 2021 results.csv --check")
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
        actor, away = office.actor(person, None, ["desk", "head"], "screen"), once_told()
        rules = (await answered(lambda: office.gateway.rules(year), away)).edition
        views = {view.subject: view for view in office.register.subjects(year)}
        with bar("Judging", as_json) as told:
            found = await bulk.judged(office, year, bulk.screening(file, rules, views), actor, told, away)
        if check or any(command.faults for command in found):
            return found, bulk.Sent()
        with bar("Screening", as_json) as told:
            return found, await bulk.sent(office, found, actor, told, away)

    found, sent = with_office(work)
    faults = {command.where: "; ".join(command.faults) for command in found if command.faults}
    told = {"faults": faults, "checked": check, **vars(sent)}
    sound = f"{len(found) - len(faults)} of {len(found)} rows can be sent"
    ends = "." if check else "; nothing was sent, mend the others."
    answer(as_json, told, lambda: sound + ends if check or faults else _became(sent))
    tell_refused(file, {**faults, **sent.refused}, as_json)


@commands.command(
    epilog='Example: kcity decline 2021 planning --as P-CHAIR --reason "Below the threshold of 70 points."'
)
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
        actor, away = office.actor(person, None, ["chair"], "reject"), once_told()
        rules = (await answered(lambda: office.gateway.rules(year), away)).edition
        views = office.register.subjects(year, programme=rules.programme(programme).key)
        with bar("Judging", as_json) as told:
            found = await bulk.judged(office, year, bulk.declining(views), actor, told, away)
        below = [command for command in found if not command.faults]
        staying = Counter("; ".join(command.faults) for command in found if command.faults)
        if not below or not _agreed(yes, f"{len(below)} applications of {programme} are to be rejected."):
            return staying, len(below), bulk.Sent()
        with bar("Rejecting", as_json) as told:
            return staying, len(below), await bulk.sent(office, below, actor, told, away, reason=reason)

    staying, below, sent = with_office(work)
    stay = [f"{count} stay: {why}." for why, count in staying.items()]
    answer(as_json, {"below": below, "staying": staying, **vars(sent)}, lambda: "\n".join([*stay, _became(sent)]))
    tell_refused(None, sent.refused, as_json)


async def _sent(
    office: Office, year: int, commands: list[Command], roles: list[str], person: str | None, doing: str, as_json: bool
) -> dict[str, str]:
    """Judge commands and send those nothing speaks against; returns what was refused, by where it was asked for."""
    from kcity_flow.interfaces import bulk

    if not commands:
        return {}
    actor, away = office.actor(person, None, roles, commands[0].trigger), once_told()
    with bar("Judging", as_json) as told:
        found = await bulk.judged(office, year, commands, actor, told, away)
    with bar(doing, as_json) as told:
        sent = await bulk.sent(office, found, actor, told, away)
    return {command.where: "; ".join(command.faults) for command in found if command.faults} | sent.refused


def _agreed(yes: bool, what: str) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Misused(f"{what} Say so with --yes.")
    return typer.confirm(f"{what} Go on?", err=True)


def _became(sent: Any) -> str:
    return f"{len(sent.done)} done, {len(sent.repeated)} done before, {len(sent.refused)} refused."
