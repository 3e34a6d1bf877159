"""From the register's views to a ranking, and from a ranking to the decision that is proposed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain.messages import Batch, Choice, View, parse
from kcity_flow.domain.selection import Call, Holder
from kcity_flow.domain.stages import Stage
from kcity_flow.interfaces.files import with_ids
from kcity_flow.interfaces.misuse import Misused
from kcity_flow.interfaces.ranking import Ranking, decision, ranking
from tests.unit.paper import entry

EDITION = read_edition("2021")
PLANNING = {criterion.key: "80" for criterion in EDITION.programme("planning").criteria}
AWARDS = {"": 500_000_000}


def shortlisted(number: int, score: str, country: str = "TR", **changes: Any) -> View:
    view = View(
        subject=f"KC2021-PLA-{number:04d}",
        edition=2021,
        stage=Stage.SHORTLISTED,
        since=datetime(2021, 6, 1, tzinfo=UTC),
        programme="planning",
        country=country,
        organisation=f"O-{number}",
        scores={"score": score, **PLANNING},
        entries=9,
        head="0" * 64,
    )
    return view.model_copy(update=changes)


def ranked(tmp_path: Path, *views: View, call: Call | None = None) -> Ranking:
    register = Register(f"sqlite:///{tmp_path / 'register.db'}")
    register.prepare()
    for view in views:
        register.project(Batch(entries=(), letters=(), view=view))
    try:
        return ranking(EDITION, "planning", call or Call(year=2021), register)
    finally:
        register.close()


def refs(choices: list[dict[str, Any]]) -> list[str]:
    return [choice["ref"][-4:] for choice in choices]


def test_the_best_get_the_places_and_the_rest_the_reserve_in_order(tmp_path: Path) -> None:
    found = ranked(tmp_path, *(shortlisted(number, f"{70 + number}") for number in range(1, 7)))

    data = decision(found, None, AWARDS, [])

    assert refs(data["selected"]) == ["0006", "0005", "0004", "0003"]
    assert refs(data["reserve"]) == ["0002", "0001"]
    assert [choice["rank"] for choice in (*data["selected"], *data["reserve"])] == [1, 2, 3, 4, 5, 6]
    parse("edition", "decide_selection", {**data, "id": "x", "by": {"person": "P-C", "role": "committee"}})


def test_places_taken_are_places_gone(tmp_path: Path) -> None:
    def held(number: int, programme: str) -> Holder:
        choice = Choice(ref=f"KC2021-SOL-{number:04d}", krw=1, rank=1, organisation="O-9", country="TR")
        return Holder(programme=programme, choice=choice)

    three = {f"KC2021-PLA-{n:04d}": held(n, "planning") for n in range(1, 4)}
    ten = {f"KC2021-SOL-{n:04d}": held(n, "solution") for n in range(1, 11)}

    assert ranked(tmp_path, shortlisted(9, "80"), call=Call(year=2021, places=three)).places == 1
    assert ranked(tmp_path, shortlisted(9, "80"), call=Call(year=2021, places=ten)).places == 1  # 11 in all


def test_only_who_is_shortlisted_is_ranked(tmp_path: Path) -> None:
    found = ranked(
        tmp_path,
        shortlisted(1, "80"),
        shortlisted(2, "90", stage=Stage.SELECTED, krw=500_000_000),
        shortlisted(3, "90", programme="solution"),
    )

    assert [line.candidate.ref[-4:] for line in found.lines] == ["0001"]


def test_a_country_without_a_project_comes_first_between_equals(tmp_path: Path) -> None:
    choice = Choice(ref="KC2021-SOL-0001", krw=1, rank=1, organisation="O-9", country="KE")
    held = Holder(programme="solution", choice=choice)
    found = ranked(
        tmp_path,
        shortlisted(1, "241/3", "KE"),
        shortlisted(2, "241/3", "TR"),
        call=Call(year=2021, places={"KC2021-SOL-0001": held}),
    )

    assert [(line.candidate.ref[-4:], line.decided_by) for line in found.lines] == [
        ("0002", "country_without_project"),
        ("0001", "country_without_project"),
    ]


def test_a_good_study_of_last_year_is_preferred_whoever_of_the_consortium_made_it(tmp_path: Path) -> None:
    vault = Vault(f"sqlite:///{tmp_path / 'vault.db'}")
    vault.prepare()
    register = Register(f"sqlite:///{tmp_path / 'register.db'}")
    register.prepare()

    def applies(year: int, number: int, organisation: str, partners: list[str], grade: str = "") -> View:
        beside = [{"kind": "local_government", "organisation": name} for name in partners]
        applicant = {"contact": "P-X", "organisation": organisation, "country": "TR", "partners": beside}
        data = with_ids({"applicant": applicant}, vault)
        view = shortlisted(
            number,
            "80",
            subject=f"KC{year}-DEM-{number:04d}",
            edition=year,
            stage=Stage.CLOSED if grade else Stage.SHORTLISTED,
            programme="solution" if grade else "demonstration",
            organisation=data["applicant"]["organisation"],
        )
        received = entry(1, view.subject, command="receive", data=data)
        ends = {"source": "settlement", "dest": "closed"}
        closed = entry(2, view.subject, command="close", data={"grade": grade}, **ends)
        register.project(Batch(entries=(received, closed) if grade else (received,), letters=(), view=view))
        ids = [view.organisation, *(partner["organisation"] for partner in data["applicant"]["partners"])]
        assert all(id.startswith("O-") and id.isupper() for id in ids)
        return view

    applies(2021, 1, "City of Izmir", [], "good")
    applies(2021, 2, "City of Bursa", [], "poor")
    applies(2022, 3, "Seoul Smart", ["City of Izmir", "O-ring Water"])
    applies(2022, 4, "City of Izmir", [])
    applies(2022, 5, "Busan Smart", ["City of Bursa"])

    found = ranking(EDITION.model_copy(update={"year": 2022}), "demonstration", Call(year=2022), register)

    preferred = {line.candidate.ref[-4:]: line.candidate.preferred for line in found.lines}
    assert preferred == {"0003": True, "0004": True, "0005": False}
    assert sorted(vault.organisations().values()) == [
        "Busan Smart", "City of Bursa", "City of Izmir", "O-ring Water", "Seoul Smart",
    ]  # fmt: skip
    register.close()
    vault.close()


def test_ties_that_no_rule_decides_need_the_committees_order(tmp_path: Path) -> None:
    found = ranked(tmp_path, shortlisted(1, "80"), shortlisted(2, "80"), shortlisted(3, "75"))

    with pytest.raises(Misused, match=r"No rule decides between KC2021-PLA-0001, KC2021-PLA-0002"):
        decision(found, 1, AWARDS, [])

    data = decision(found, 1, AWARDS, ["KC2021-PLA-0002", "KC2021-PLA-0001"])
    assert refs(data["selected"]) == ["0002"]
    assert refs(data["reserve"]) == ["0001", "0003"]


def test_an_award_is_named_where_it_is_a_range(tmp_path: Path) -> None:
    found = ranked(tmp_path, shortlisted(1, "80"), shortlisted(2, "75"))

    with pytest.raises(Misused, match=r"lies between 400,000,000 and 600,000,000 KRW"):
        decision(found, None, {}, [])
    data = decision(found, None, {"KC2021-PLA-0001": 450_000_000, "": 400_000_000}, [])
    assert [choice["krw"] for choice in data["selected"]] == [450_000_000, 400_000_000]


def test_an_award_or_order_for_somebody_else_is_a_misuse(tmp_path: Path) -> None:
    found = ranked(tmp_path, shortlisted(1, "80"))

    with pytest.raises(Misused, match="KC2021-PLA-0009 is not in the ranking"):
        decision(found, None, {"KC2021-PLA-0009": 1}, [])
