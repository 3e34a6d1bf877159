"""Projects that run already are taken over by the edition of their year, and live on; nothing is doubled."""

from pathlib import Path

from kcity_flow.adapters.documents import Documents
from kcity_flow.domain.messages import Outcome
from kcity_flow.domain.selection import Call
from kcity_flow.gateway import Actor
from kcity_flow.interfaces import adopting, files
from kcity_flow.interfaces.office import Office
from kcity_flow.settings import Settings
from tests.season import (
    DESK,
    FINANCE,
    HEAD,
    MINISTRY,
    PROOF,
    SECOND_MINISTRY,
    Life,
    Season,
    on,
    refused,
    skipped_season,
)

SIGNED = "KR-MOLIT=korean_government/P-SIGNATORY/2020-07-01;HOST=host_government/P-SIGNATORY/2020-07-03"
HEADER = ",".join(adopting.COLUMNS).removesuffix(",deliverables,settled,grade,months,over_quota_reason")
CITIES = ("Cuzco", "Gaziantep", "Hue")


def project(city: str, stage: str, *, evidence: str = PROOF) -> str:
    who = f"PE,local_government,City of {city},{city},{city.lower()}@example.org"
    ends = "Hanbit,KR,480000000,P-FIRM,2020-08-01,0,2021-03-31"
    return f"planning,A plan for {city},{city},{who},{stage},2020-09-01,500000000,{evidence},{SIGNED},{PROOF},{ends}"


def running(folder: Path, *rows: str) -> Path:
    file = folder / "running.csv"
    file.write_text("\n".join([HEADER, *rows]))
    return file


async def adopt(season: Season, folder: Path, file: Path, actor: Actor) -> tuple[list[str], adopting.Taken]:
    """What ``kcity adopt`` does: faults, and what became of the projects."""
    office = Office(
        Settings.read(var_dir=folder), season.register, season.vault, Documents(folder / "documents"), season.client,
        season.gateway,
    )  # fmt: skip
    call = Call.model_validate((await season.gateway.standing("2020"))["facts"])
    known = {name: id for id, name in season.vault.organisations().items()}
    found = files.read(file, adopting.NEEDED, adopting.COLUMNS, "projects")
    judged = adopting.projects(found, season.edition, call, await season.now(), known, office.keep)
    faults = [fault for one in judged for fault in one.faults]
    return faults, await adopting.adopt(office, season.edition, [] if faults else judged, actor)


async def test_projects_are_proposed_by_one_confirmed_by_another_and_live_to_their_end(tmp_path: Path) -> None:
    async with skipped_season(tmp_path, "2020") as season:
        await season.until(on("2020-10-01"))
        file = running(tmp_path, *(project(city, "implementation") for city in CITIES))

        _, first = await adopt(season, tmp_path, file, HEAD)
        assert (len(first.proposed), await season.places()) == (3, [])
        _, again = await adopt(season, tmp_path, file, HEAD)
        assert list(again.repeated) == list(first.proposed)
        _, second = await adopt(season, tmp_path, file, MINISTRY)
        assert (len(second.adopted), second.refused) == (3, {})
        refs = [f"KC2020-PLA-{number:04}" for number in (1, 2, 3)]
        assert await season.places() == refs

        lives = [Life(season, ref, "planning") for ref in refs]
        for life in lives:
            await life.comes_to("implementation")
        _, last = await adopt(season, tmp_path, file, HEAD)
        assert list(last.repeated.values()) == [f"{ref} was adopted before" for ref in refs]

        await lives[0].is_finished()
        view = await lives[0].view()
        assert (view.stage, view.adopted, view.contact[:2]) == ("closed", True, "P-")
        assert [row["outcome"] for row in season.vault.journal(2020)] == ["booked"] * 3 + ["received"] * 3
        assert await season.faults() == []


async def test_nothing_of_a_file_is_proposed_while_one_project_is_at_fault(tmp_path: Path) -> None:
    async with skipped_season(tmp_path, "2020") as season:
        await season.until(on("2020-10-01"))
        file = running(tmp_path, project("Cuzco", "implementation"), project("Hue", "implementation", evidence=""))

        faults, taken = await adopt(season, tmp_path, file, HEAD)
        assert faults == ["it lacks the hash of the letter or message as evidence"]
        assert (taken.proposed, season.vault.journal(2020)) == ({}, [])


async def test_an_order_that_is_sent_again_after_its_sender_was_killed_begins_nothing_anew(tmp_path: Path) -> None:
    async with skipped_season(tmp_path, "2020") as season:
        await season.until(on("2020-10-01"))
        file = running(
            tmp_path, project("Cuzco", "settlement").replace(",2021-03-31", ",2021-03-31,master_plan=" + PROOF)
        )
        file.write_text(file.read_text().replace(HEADER, f"{HEADER},deliverables"))
        await adopt(season, tmp_path, file, HEAD)
        await adopt(season, tmp_path, file, MINISTRY)
        life = Life(season, "KC2020-PLA-0001", "planning")
        await life.comes_to("settlement")

        [made] = await life.ledger()
        order = made.order
        assert order is not None
        sent = {**made.data, "evidence": list(made.evidence), "by": {
            "person": made.person, "role": made.role, "via": "edition", "order": order.model_dump()}}  # fmt: skip
        for _ in range(2):
            await season.gateway.order(life.ref, made.command, sent, made.command_id)
        assert len(await life.ledger()) == 1

        await life.do("record_settlement", FINANCE, evidence=[PROOF])
        await life.do("close", MINISTRY, SECOND_MINISTRY, grade="good", filed=True)
        await life.do("follow_up", DESK, kind="ppp", status="agreed", partners=["O-BANK"], evidence=[PROOF])
        await season.after(days=450)
        assert (await life.view()).closed
        await season.gateway.order(life.ref, made.command, sent, made.command_id)
        assert [e.outcome for e in await life.ledger() if e.command == made.command] == [Outcome.MADE]
        assert (await season.places(), await season.faults()) == (["KC2020-PLA-0001"], [])


async def test_a_number_that_the_journal_never_gave_is_no_adoption_s(tmp_path: Path) -> None:
    async with skipped_season(tmp_path, "2020") as season:
        await season.until(on("2020-10-01"))
        hue = {"contact": "P-MAYOR", "organisation": "O-HUE", "kind": "local_government", "country": "VN"}
        plan = {"programme": "planning", "applicant": hue, "city": "Hue", "title": "A plan", "krw": 1}
        stands = {"ref": "KC2020-PLA-0007", "stage": "framework", "since": "2020-09-01", "evidence": [PROOF]}
        with refused("Unreadable"):
            await season.decide("adopt", HEAD, **plan, **stands)

        assert await season.places() == []
