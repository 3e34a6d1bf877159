"""``kcity rank`` and ``kcity select``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kcity_flow.interfaces.cli.shell import (
    REFUSED,
    As,
    AsJson,
    EditionArgument,
    answer,
    bar,
    told_of,
    with_office,
)
from kcity_flow.interfaces.misuse import Misused

if TYPE_CHECKING:
    from kcity_flow.interfaces.office import Office
    from kcity_flow.interfaces.ranking import Ranking


commands = typer.Typer()


@commands.command(epilog="Example: kcity rank 2021 planning")
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
        with bar("Reading histories", as_json) as told:
            async with histories.told_anew(office.client, names, told) as (fresh, _):
                return ranking_told(rules, programme, fresh, entry)

    found = with_office(work)
    answer(as_json, tables.ranking_data(found), lambda: tables.ranking(found))
    if found.faults:
        raise typer.Exit(REFUSED)


async def _ranking(office: Office, year: int, programme: str) -> Any:
    from kcity_flow.domain.selection import Call
    from kcity_flow.interfaces.ranking import ranking

    rules = (await office.gateway.rules(year)).edition
    call = Call.model_validate((await office.gateway.standing(str(year)))["facts"])
    return ranking(rules, programme, call, office.register)


@commands.command(epilog="Example: kcity select 2021 planning --places 4 --krw 500000000 --as P-COMMITTEE")
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
        data, missing = with_office(look)
        answer(as_json, {**data, "against": missing}, lambda: tables.preview(data, missing))
        if missing:
            raise typer.Exit(REFUSED)
        return
    receipt = with_office(propose)
    answer(as_json, receipt.model_dump(mode="json"), lambda: told_of(str(year), "decide_selection", receipt))


def _refs(given: str) -> list[str]:
    return [ref.strip() for ref in given.split(",") if ref.strip()]


def _award(given: str) -> tuple[str, int]:
    ref, _, krw = given.rpartition("=")
    if not re.fullmatch("[0-9]{1,15}", krw := krw.replace("_", "").replace(",", "")):
        raise Misused(f"--krw {given!r} is no sum; write 500000000, or KC2021-PLA-0001=500000000.")
    return ref, int(krw)
