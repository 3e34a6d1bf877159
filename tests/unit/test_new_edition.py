"""The draft of next year's edition: the same rules, moved dates, and nothing in it said to be announced."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcity_flow.adapters.edition_drafts import draft
from kcity_flow.adapters.edition_files import SHIPPED, EditionFileError, edition_of, load_edition
from kcity_flow.adapters.register import Register
from kcity_flow.domain import agenda
from kcity_flow.domain.edition import Edition, differences, values
from kcity_flow.domain.messages import Batch
from kcity_flow.interfaces.editions import assumed, begin
from kcity_flow.interfaces.misuse import Misused
from tests.unit.case import rules
from tests.unit.paper import view

NAMES = ("2020", "2021", "rehearsal")


@cache
def days_off(countries: tuple[str, ...], year: int) -> frozenset[date]:
    return frozenset(agenda.days_off(countries, range(year - 1, year + 4)))


def drafted(name: str, year: int) -> Edition:
    source = (SHIPPED / f"{name}.toml").read_bytes()
    return edition_of(Path("draft.toml"), draft(source, rules(name), year, None).encode())


def days(edition: Edition) -> dict[str, date]:
    """Every date an edition states, by its path; of a window the last day."""
    zone, found = ZoneInfo(edition.zone), dict[str, date]()
    for path, value in values(edition).items():
        if path.startswith("notice") or not isinstance(value, str):
            continue
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            continue
        last = timedelta(microseconds=1 if path.endswith("closes_at") else 0)
        found[path] = (at.astimezone(zone) - last).date() if at.tzinfo else at.date()
    return found


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(NAMES), st.integers(2020, 2190))
def test_a_draft_has_the_same_rules_and_its_dates_are_working_days_in_the_order_they_had(name, year):
    before, after = rules(name), drafted(name, year)
    old, new = days(before), days(after)
    calendar = agenda.Calendar(ZoneInfo(after.zone), days_off(after.calendars, year))

    assert new.keys() == old.keys()
    assert [day for day in new.values() if not calendar.works(day)] == []
    assert sorted(new.values()) == [new[path] for path in sorted(new, key=lambda path: (old[path], new[path]))]
    changed = {found.path for found in differences(before, after) if not found.path.startswith("notice")}
    assert changed <= {"year", "title.en", "title.ko", *new}
    assert changed <= set(after.assumed)
    assert {*before.assumed} - {*after.assumed} == set()


@pytest.mark.parametrize(
    ("name", "year", "path", "day"),
    [
        ("2021", 2022, "windows.call.opens_at", date(2022, 2, 18)),
        ("2021", 2022, "windows.call.closes_at", date(2022, 4, 20)),
        ("2021", 2022, "ladders.reserve.due.on", date(2023, 1, 2)),  # 31 December is a Saturday
        ("2021", 2024, "windows.call.opens_at", date(2024, 2, 19)),  # from a Sunday
        ("2021", 2024, "windows.call.closes_at", date(2024, 4, 22)),  # from a Saturday, which would be the last day
        ("2021", 2027, "results.due_on", date(2027, 6, 30)),
    ],
)
def test_a_date_moves_by_whole_years_and_then_to_the_next_working_day(name, year, path, day):
    assert days(drafted(name, year))[path] == day


def test_a_source_of_what_was_changed_is_dropped_and_another_says_of_which_year_it_is():
    after = drafted("2021", 2022)

    assert {"year", "title.en", "results.due_on", "notice"} & {*after.sources} == set()
    assert after.sources["programmes.planning"] == "as in 2021: announcement, 1"
    assert after.provenance("results.due_on") == "assumed"
    assert after.notice is None


def test_comments_stay_but_for_what_the_file_said_of_itself():
    source = (SHIPPED / "2021.toml").read_text()
    text = draft(source.encode(), rules("2021"), 2022, None)

    comments = [line.partition("#")[2] for line in source.splitlines() if "#" in line]
    assert [said for said in comments if said not in text] == comments[:2]


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    made = Register(f"sqlite:///{tmp_path / 'register.db'}")
    made.prepare()
    yield made
    made.close()


def known(register: Register, number: int, stage: str, country: str, **more: Any) -> None:
    told = {"stage": stage, "programme": "solution", "country": country, "published": True}
    found = view(0, f"KC2021-SOL-{number:04}", **(told | more))
    register.project(Batch(entries=(), letters=(), view=found))


def test_the_register_fills_in_what_became_of_the_year_before(register, tmp_path):
    known(register, 1, "implementation", "TR", city="Izmir", title='The "smart" harbour \\ \x7f')
    known(register, 2, "not_selected", "GE")
    known(register, 3, "closed", "VN", city="Hue", title="Flood watch")
    known(register, 4, "cancelled", "PE")
    known(register, 5, "absent", "XX")
    known(register, 6, "selected", "FR", published=False)  # nobody is to read it here before it is published

    begun = begin(2022, "2021", tmp_path / "mine.toml", register)
    after = load_edition(begun.file)

    assert [(p.city, p.country, p.title, p.programme) for p in after.projects] == [
        ("Izmir", "TR", 'The "smart" harbour \\ \x7f', "solution"), ("Hue", "VN", "Flood watch", "solution"),
    ]  # fmt: skip
    assert after.statistics is not None
    assert (after.statistics.applications, after.statistics.countries) == (5, 5)
    assert (begun.from_register, begun.assumed["statistics"]) == (True, "applications 5, countries 5")
    assert after.project_countries == ("TR", "VN")


def test_a_register_that_knows_nothing_leaves_what_the_file_says(register, tmp_path):
    begun = begin(2021, "2020", tmp_path / "mine.toml", register)
    after = load_edition(begun.file)

    assert (begun.from_register, after.projects, after.statistics) == (
        False, rules("2020").projects, rules("2020").statistics,
    )  # fmt: skip


def test_a_draft_of_a_register_takes_the_place_of_every_word_about_the_projects_before(register, tmp_path):
    known(register, 1, "implementation", "TR", city="Izmir", edition=2020)
    after = load_edition(begin(2021, "2020", tmp_path / "mine.toml", register).file)

    assert [project.city for project in after.projects] == ["Izmir"]
    assert [path for path in (*after.sources, *after.assumed) if path.startswith("projects.")] == []


def test_whatever_is_assumed_is_told_with_its_value_in_the_zone_of_the_edition():
    told = assumed(drafted("2021", 2022))

    assert told["windows.call.closes_at"] == "2022-04-21T00:00:00+09:00"
    assert told["programmes.planning.review"] == "paper_quorum 3, panel_quorum 5, spread 20, threshold 70"
    assert told["calendars"] == "KR"
    assert [path for path, said in told.items() if not said] == []


def test_nothing_is_overwritten_and_nothing_faulty_is_written(register, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("mine")
    with pytest.raises(Misused, match=r"mine\.toml is there already; remove it, or name another file with --output\."):
        begin(2022, "2021", file, register)
    assert file.read_text() == "mine"

    with pytest.raises(EditionFileError, match="between the years 2000 and 2200"):
        begin(2200, "2021", tmp_path / "far.toml", register)
    assert not (tmp_path / "far.toml").exists()
