"""``kcity adopt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kcity_flow.interfaces.cli.shell import As, AsJson, EditionArgument, answer, progress, tell_refused, with_office

if TYPE_CHECKING:
    from kcity_flow.interfaces.adopting import Project, Taken
    from kcity_flow.interfaces.office import Office


commands = typer.Typer()


@commands.command(epilog="Example: kcity adopt 2020 running.toml --as P-HEAD")
def adopt(
    edition: EditionArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .toml, .json or .csv.")],
    check: Annotated[bool, typer.Option("--check", help="Judge every project, and propose nothing.")] = False,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Take over projects that run already, at the stage where each stands; all of a file, or none if one is at fault.

    The first person proposes them; a second one confirms them with the same file. A CSV file's header row stands in
    docs/commands.md; TOML and JSON hold one project with these fields, or a list called projects.
    """
    from kcity_flow.interfaces import adopting, files
    from kcity_flow.interfaces.office import as_year

    year = as_year(edition)
    found = files.read(file, adopting.NEEDED, adopting.COLUMNS, "projects")

    async def work(office: Office) -> tuple[list[Project], Taken]:
        from kcity_flow.domain.selection import Call

        actor = office.actor(person, None, ["head", "ministry"], "adopt")
        rules = (await office.gateway.rules(year)).edition
        call = Call.model_validate((await office.gateway.standing(str(year)))["facts"])
        known = {name: id for id, name in office.vault.organisations().items()}
        keep = lambda path: office.keep(file.parent / path)  # noqa: E731  # it says what it is where it is used
        judged = adopting.projects(found, rules, call, await office.now(year), known, keep)
        faulty = any(project.faults for project in judged)
        taken = adopting.Taken({}, {}, {}, {})
        for project in [] if check or faulty else progress(judged, "Adopting", as_json):
            for became, said in vars(await adopting.adopt(office, rules, [project], actor)).items():
                getattr(taken, became).update(said)
        return judged, taken

    judged, taken = with_office(work)
    faults = {project.where: "; ".join(project.faults) for project in judged if project.faults}
    told = [f"{where}: {became}, {said}" for became, of in vars(taken).items() for where, said in of.items()]
    told = [line for line in told if ": refused" not in line]
    sound = f"{len(judged) - len(faults)} of {len(judged)} projects can be adopted; none was proposed."
    count = f"{len(taken.adopted)} adopted, {len(taken.proposed)} proposed, {len(taken.repeated)} done before."
    answer(
        as_json,
        {"faults": faults, "checked": check, **vars(taken)},
        lambda: "\n".join([*told, sound if check or faults else count]),
    )
    tell_refused(file, {**faults, **taken.refused}, as_json)
