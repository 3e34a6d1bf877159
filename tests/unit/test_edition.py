"""The model of an edition, the reading of its file, and the editions that are shipped."""

# ruff: noqa: E501  # the table of faults is read as a table
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcity_flow.adapters.edition_files import EditionFileError, load_edition, read_edition, shipped
from kcity_flow.domain.contradictions import contradictions
from kcity_flow.domain.edition import (
    TIMERS,
    Award,
    Band,
    Difference,
    Due,
    Edition,
    Quota,
    QuotaKind,
    StepKind,
    Tempo,
    differences,
    edition_hash,
    transformed,
    values,
)
from kcity_flow.domain.errors import Unknown

TEXT = shipped()["2021"].read_text()
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # zone given beside


@pytest.fixture(params=sorted(shipped()))
def edition(request) -> Edition:
    return read_edition(request.param)


def faults(tmp_path: Path, *changes: tuple[str, str], text: str = TEXT) -> list[str]:
    """What is said of 2021's file after some changes, without the file's name. Each changes the first place found."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(EditionFileError) as error:
        load_edition(file)
    return [line.removeprefix(f"{file}, ") for line in str(error.value).splitlines()]


def line(text: str) -> int:
    """On which line of 2021's file a text first stands."""
    return TEXT[: TEXT.index(text)].count("\n") + 1


# --- shipped editions -------------------------------------------------------------------------------------------------


def test_shipped_editions_go_by_name():
    assert list(shipped()) == ["2020", "2021", "rehearsal"]


def test_an_edition_survives_the_way_into_a_history(edition):
    travelled = Edition.model_validate_json(edition.model_dump_json())

    assert edition_hash(travelled) == edition_hash(edition)
    assert travelled.version == edition_hash(edition)[:12]
    assert travelled.model_dump_json() == edition.model_dump_json()
    assert contradictions(travelled) == ()


def test_no_person_travels(edition):
    text = edition.model_dump_json()

    for word in ("CHOI", "Hui-jeong", "Im-rak", "044-201"):
        assert word not in text


def test_an_older_worker_reads_a_newer_edition(edition):
    newer = json.loads(edition.model_dump_json()) | {"weather": "fine"}

    assert edition_hash(Edition.model_validate(newer)) == edition_hash(edition)


def test_every_value_has_a_source_or_is_assumed():
    for name in ("2020", "2021"):
        edition = read_edition(name)
        assert {path for path in values(edition) if not edition.provenance(path)} <= {"format", "year"}


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("programmes.planning.quota.places", "announcement, 1"),
        ("programmes.planning.route", "announcement, 4"),
        ("programmes.planning.review.threshold", "assumed"),
        ("windows.call.closes_at", "assumed"),
        ("results.due_on", "announcement, 4; assumed in part"),
        ("ladders.call.due.of", "announcement, 4"),
        ("ladders.call.remind", "assumed"),
        ("format", ""),
    ],
)
def test_the_longest_path_says_where_a_value_comes_from(path, origin):
    assert read_edition("2021").provenance(path) == origin


def test_a_full_season_has_every_timer():
    for name in ("2021", "rehearsal"):
        assert tuple(ladder.timer for ladder in read_edition(name).ladders) == TIMERS


def test_the_rehearsal_and_2021_together_walk_every_way_between_steps():
    """So that each source of invite_to_…, request_confirmation and shortlist is reached by some programme."""
    ways = set()
    for name in ("2021", "rehearsal"):
        for programme in read_edition(name).programmes:
            steps = [step.kind for step in programme.route]
            ways |= set(zip(steps, [*steps[1:], None], strict=True))
    paper, consultation, presentation, confirmation = StepKind

    assert ways == {
        (paper, consultation), (paper, presentation), (paper, confirmation), (paper, None),
        (consultation, presentation), (consultation, confirmation), (consultation, None),
        (presentation, confirmation), (presentation, None), (confirmation, None),
    }  # fmt: skip


def test_the_rehearsal_uses_every_kind_of_rule():
    edition = read_edition("rehearsal")

    assert {programme.quota.kind for programme in edition.programmes} == set(QuotaKind)
    assert {programme.procurement.mode for programme in edition.programmes} == {"open", "designated"}
    assert {(window.late, window.continuous) for window in edition.windows} == {("defer", True), ("refuse", False)}
    assert edition.results.decided_on < edition.results.due_on
    assert edition.implementation.starts_on.year == edition.year + 1
    assert edition.programme("twinning").only_with_government == ("international_organisation",)
    assert edition.one_per_applicant


def test_the_close_of_2021_is_midnight_in_seoul():
    edition = read_edition("2021")

    assert edition.window(edition.programme("planning")).closes_at == datetime(2021, 4, 20, 15, tzinfo=UTC)
    assert edition.window(edition.programme("planning")).closes_at.tzinfo is UTC


# --- asking an edition ------------------------------------------------------------------------------------------------


def test_an_unknown_programme_is_refused_with_those_there_are():
    with pytest.raises(Unknown) as refusal:
        read_edition("2021").programme("moon")

    assert str(refusal.value) == "Edition 2021 has no programme 'moon'; it has planning, solution, demonstration."


def test_an_unknown_edition_is_refused_with_those_there_are():
    with pytest.raises(Unknown) as refusal:
        read_edition("1999")

    assert str(refusal.value) == "There is no edition 1999; name a file, or one of 2020, 2021, rehearsal."


def test_an_edition_does_without_a_timer_that_it_does_not_name():
    assert read_edition("2020").ladder("screening") is None
    assert read_edition("2021").ladder("clarification").due == Due(days=14)


# --- money, places, time ----------------------------------------------------------------------------------------------


@given(
    least=st.integers(0, 10**9),
    width=st.integers(0, 10**9),
    krw=st.integers(0, 3 * 10**9),
    months=st.none() | st.integers(1),
)
def test_an_award_allows_its_range_with_both_ends(least, width, krw, months):
    award = Award(min_krw=least, max_krw=least + width)

    assert award.allows(krw, months) == (krw in range(least, least + width + 1))
    assert award.allows(least)
    assert award.allows(least + width)


def test_a_fixed_award_allows_one_sum():
    award = Award.model_validate({"krw": 300_000_000})

    assert award == Award(min_krw=300_000_000, max_krw=300_000_000)
    assert [award.allows(krw) for krw in (299_999_999, 300_000_000, 300_000_001)] == [False, True, False]


@given(months=st.integers(1, 40), krw=st.integers(0, 50))
def test_an_award_by_length_asks_the_shortest_band_that_reaches(months, krw):
    award = Award.model_validate(
        {"bands": [{"months": 6, "min_krw": 1, "max_krw": 9}, {"months": 12, "min_krw": 10, "max_krw": 20}]}
    )
    expected = krw in range(1, 10) if months <= 6 else months <= 12 and krw in range(10, 21)

    assert (award.min_krw, award.max_krw) == (1, 20)
    assert award.allows(krw, months) == expected
    assert not award.allows(krw)


def test_bands_need_not_stand_in_order_to_be_asked():
    short, long = Band(months=6, min_krw=1, max_krw=9), Band(months=12, min_krw=10, max_krw=20)

    assert Award(min_krw=1, max_krw=20, bands=(long, short)).allows(5, 3)


@given(kind=st.sampled_from(QuotaKind), places=st.integers(1, 20))
def test_filling_a_quota_stops_where_its_kind_says(kind, places):
    quota = Quota(kind=kind, places=places)
    taken = 0
    while taken < 30 and quota.left(taken) != 0:
        taken += 1

    assert taken == (30 if kind is QuotaKind.AT_LEAST else places)
    assert not quota.falls_short(taken)


@given(places=st.integers(1, 20), missing=st.integers(1, 20))
def test_only_exact_and_at_least_miss_a_place(places, missing):
    taken = max(0, places - missing)

    assert {kind for kind in QuotaKind if Quota(kind=kind, places=places).falls_short(taken)} == {
        QuotaKind.EXACT,
        QuotaKind.AT_LEAST,
    }


@given(starts=INSTANTS, origin=INSTANTS, clock=INSTANTS, factor=st.integers(1, 10**6))
def test_business_time_and_back_is_the_same_instant(starts, origin, clock, factor):
    tempo = Tempo(starts_at=starts, origin_at=origin, factor=factor)
    span = timedelta(days=300)
    clock = starts + min(abs(clock - starts), span) / factor  # stay within the calendar

    assert tempo.clock(tempo.business(clock)) == clock


@given(starts=INSTANTS, origin=INSTANTS, business=INSTANTS, factor=st.integers(1, 10**6))
def test_a_timer_never_fires_before_its_business_time(starts, origin, business, factor):
    tempo = Tempo(starts_at=starts, origin_at=origin, factor=factor)
    business = max(business, origin)
    late = tempo.business(tempo.clock(business)) - business

    assert timedelta(0) <= late < factor * timedelta(microseconds=1)


@given(starts=INSTANTS, origin=INSTANTS, before=st.timedeltas(timedelta(0), timedelta(days=300)))
def test_until_it_starts_business_time_stands_still(starts, origin, before):
    assert Tempo(starts_at=starts, origin_at=origin, factor=86_400).business(starts - before) == origin


@given(instant=INSTANTS)
def test_without_a_rehearsal_business_time_is_the_clock(instant):
    assert Tempo().business(instant) == Tempo().clock(instant) == instant


def test_a_rehearsal_changes_nothing_but_the_tempo(edition):
    starts = datetime(2026, 1, 1, tzinfo=UTC)

    rehearsed = transformed(edition, starts_at=starts, factor=86_400)

    opens = min(window.opens_at for window in edition.windows)
    assert {change.path.partition(".")[0] for change in differences(edition, rehearsed)} == {"tempo"}
    assert rehearsed.tempo.business(starts + timedelta(seconds=2)) == opens + timedelta(days=2)
    assert contradictions(rehearsed) == ()


def test_differences_name_the_path_and_both_values():
    old = read_edition("2021")
    new = old.model_copy(update={"year": 2022, "budget_krw": 5})

    assert differences(old, new) == (Difference("budget_krw", None, 5), Difference("year", 2021, 2022))


def test_the_way_into_a_history_makes_no_difference(edition):
    assert differences(edition, Edition.model_validate_json(edition.model_dump_json())) == ()


@pytest.mark.parametrize("given", [{}, {"days": 1, "months": 1}])
def test_a_timer_has_exactly_one_date(given):
    with pytest.raises(ValueError, match="give exactly one of days, working_days, months, on, of"):
        Due.model_validate(given)


def test_the_hash_does_not_know_a_default():
    """An optional field added in a later version leaves the hash of every recorded edition as it was."""
    edition = read_edition("2021")
    explicit = edition.model_copy(update={"tempo": Tempo(factor=1)})

    assert edition_hash(explicit) == edition_hash(edition)


def test_the_hash_of_2021_stays():
    assert edition_hash(read_edition("2021")) == HASH_OF_2021


HASH_OF_2021 = "d1faa10b04740fb873e592b6497820237e9999bc634a30d4ebc020fc6daee417"


# --- files that cannot be used ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "about"', 'kind = "some"', "programmes.planning.quota.kind: 'some' is not known; write one of 'exact', 'up_to', 'at_least', 'about'."),
        ("format = 1", "format = 2", "format: 2 is not known; write 1."),
        ("threshold = 70", "threshold = 170", "programmes.planning.review.threshold: 170 is too high; write 100 or less."),
        ("valid_bids = 2", "valid_bids = 0", "programmes.planning.procurement.valid_bids: 0 is too low; write 1 or more."),
        ("valid_bids = 2", 'valid_bids = "two"', "programmes.planning.procurement.valid_bids: 'two' cannot stand here; write a whole number without quotes, like 4."),
        ("opens_at = 2021-02-18T00:00:00", 'opens_at = "soon"', "windows.call.opens_at: 'soon' cannot stand here; write an instant like 2021-04-21T00:00:00."),
        ("opens_at = 2021-02-18T00:00:00", "opens_at = 2021-02-18", "windows.call.opens_at: 2021-02-18 cannot stand here; write an instant like 2021-04-21T00:00:00."),
        ("warn_on = 2021-06-21", 'warn_on = "June"', "results.warn_on: 'June' cannot stand here; write a date like 2021-06-30."),
        ("criteria_open = true", 'criteria_open = "perhaps"', "programmes.planning.criteria_open: 'perhaps' cannot stand here; write true or false."),
        ('code = "SOL"', 'code = "solution"', "programmes.solution.code: 'solution' cannot stand here; write three capital letters."),
        ('late = "refuse"', 'lat = "refuse"', "windows.call.lat: is not known here; write late."),
        ('site = "MOLIT"', 'site = "MOLIT"\nzzz = 1', "publications.0.zzz: is not known here; known are site, address."),
        ('channels = ["post", "e-mail"]', "channels = []", "windows.call.channels: is empty; name at least one."),
        ('site_kinds = ["new_town", "industrial_complex", "housing_block"]', 'site_kinds = "new_town"', "programmes.planning.site_kinds: 'new_town' cannot stand here; write a list in square brackets."),
        ("quota = { kind = \"about\", places = 4 }", "quota = 4", "programmes.planning.quota: 4 cannot stand here; write a table."),
        ("due = { days = 14 }", "due = { days = 14, months = 1 }", "ladders.clarification.due: give exactly one of days, working_days, months, on, of."),
        ('zone = "Asia/Seoul"', 'zone = "Asia/Soul"', "zone: there is no time zone Asia/Soul; write one like Asia/Seoul."),
        ('calendars = ["KR"]', 'calendars = ["KR", "XX"]', "calendars.1: no calendar of holidays is known for XX; write a country's code like KR."),
        ("closes_at = 2021-04-21T00:00:00", "closes_at = 2021-02-18T00:00:00", "windows.call.closes_at: the window closes before it opens; write a later instant."),
        ("warn_on = 2021-06-21", "warn_on = 2021-07-21", "results.warn_on: 2021-07-21 is after results.due_on (2021-06-30); write an earlier date."),
        ("ends_on = 2022-06-30", "ends_on = 9999-12-31", "implementation.ends_on: it should lie between the years 2000 and 2200."),
        ("ends_on = 2022-06-30", "ends_on = 2021-06-29", "implementation.ends_on: 2021-06-29 is before results.due_on (2021-06-30); write a later date."),
        ("quota = { kind = \"about\", places = 4 }", "quota = { kind = \"about\", places = 12 }", "programmes.planning.quota: 12 places are more than the total of 11; lower one or raise the other."),
        ("min_krw = 400_000_000", "min_krw = 700_000_000", "programmes.planning.award: min_krw 700000000 is above max_krw 600000000; exchange them."),
        ('programmes = ["planning"]', 'programmes = ["planning", "moon"]', "desks.planning.programmes: there is no programme moon; write one of demonstration, planning, solution."),
        ('programmes = ["solution", "demonstration"]', 'programmes = ["solution"]', "desks: no desk receives demonstration; name it in one desk's programmes."),
        ('window = "call"', 'window = "spring"', "programmes.planning.window: there is no window spring; write one of call."),
        ('criterion = "priority" }', 'criterion = "beauty" }', "programmes.planning.ties.0.criterion: there is no criterion beauty; write one of demand, korean_opportunities, priority."),
        ('{ by = "country_without_project" }', '{ by = "vote" }', "programmes.planning.ties.1: the vote decides every tie; move it to the end."),
        ('key = "demand"', 'key = "priority"', "programmes.planning.criteria: the criterion priority stands 2 times; keep one."),
        ('route = ["paper_review", { consultation = 2 }]', 'route = ["consultation"]', "programmes.planning.route: the order is paper_review, consultation, presentation, confirmation, the first always; put it so."),
        ('route = ["paper_review", "presentation"]', 'route = [{ paper_review = 2 }, "presentation"]', "programmes.demonstration.route: only a consultation has rounds; write paper_review alone."),
        ("deliverables_needed = 2", "deliverables_needed = 3", "programmes.demonstration.deliverables_needed: only 2 deliverables are named; write less."),
        ('then = "expire"', 'then = "select"', "ladders.reserve.then: the clock may not select; write flag or one of close_file, expire, lapse_clarification, lapse_proposal, open_screening."),
        ("remind = [-7, -2, 1]", "remind = [-2, -7, 1]", "ladders.clarification.remind: reminders must rise from the earliest to the latest; put them in order, each once."),
        ('"bid_questions", due = { working_days = 5 }', '"bid_questions", due = { days = 5 }', "ladders.bid_questions.due: questions end some working days before the close; write working_days."),
        ('to = "subscribers"', "to = []", "ladders.call.to: nobody is named to remind; name somebody, or leave remind out."),
        ('"windows.call.late",', '"windows.call.latest",', "assumed.8: windows.call.latest names nothing in this file; mend it."),
        ('"collaboration" = ', '"cooperation" = ', "sources.cooperation: cooperation names nothing in this file; mend it."),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_line_and_what_to_write(tmp_path, old, new, said):
    [fault] = faults(tmp_path, (old, new))
    number, _, sentence = fault.partition(", ")

    assert sentence == said
    assert number.startswith("line ")


@pytest.mark.parametrize(
    ("old", "new", "there"),
    [
        ('kind = "about"', 'kind = "some"', 'kind = "about"'),
        ("renotices = 2", "renotices = -2", "renotices = 2"),
        ('code = "SOL"', 'code = "sol"', 'code = "SOL"'),
        ("due = { days = 14 }", "due = { days = -14 }", "due = { days = 14 }"),
        ('"windows.call.late",', '"windows.call.latest",', '"windows.call.late",'),
        ('"collaboration" = ', '"cooperation" = ', '"collaboration" = '),
        ("due_on = 2021-06-30\n", "\n", "[results]"),
        ('key = "demand", title', 'key = "demand", titel', 'key = "demand"'),
    ],
)
def test_the_line_is_where_the_value_stands(tmp_path, old, new, there):
    assert {fault.split(",")[0] for fault in faults(tmp_path, (old, new))} == {f"line {line(there)}"}


def test_all_faults_are_told_at_once_in_the_order_of_the_lines(tmp_path):
    code = 'code = "SOL"'
    told = faults(
        tmp_path,
        (code, 'code = "sol"'),
        ('calendars = ["KR"]', 'calendars = ["XX"]'),
        ('late = "refuse"', 'late = "perhaps"'),
    )

    assert told == [
        f"line {line('calendars = ')}, calendars.0: no calendar of holidays is known for XX; write a country's code like KR.",
        f"line {line('late = ')}, windows.call.late: 'perhaps' is not known; write one of 'refuse', 'defer'.",
        f"line {line(code)}, programmes.solution.code: 'sol' cannot stand here; write three capital letters.",
    ]


def test_a_country_that_there_is_not(tmp_path):
    text = shipped()["2020"].read_text()

    assert faults(tmp_path, ('country = "MY"', 'country = "ZZ"'), text=text) == [
        "line 14, projects.Kota Kinabalu.country: no country has the code ZZ; write an ISO 3166-1 code like TR."
    ]


def test_a_missing_field(tmp_path):
    assert faults(tmp_path, ("ends_on = 2022-06-30\n", ""))[0].endswith("implementation.ends_on: is missing; add it.")


def test_text_that_is_not_toml(tmp_path):
    assert faults(tmp_path, ("year = 2021", "year 2021")) == [
        "line 4, the text: is not TOML: expected '=' after a key in a key/value pair; mend this line."
    ]


def test_text_that_is_not_utf_8(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_bytes(b"format = 1\ntitle = '\xff'\n")

    with pytest.raises(EditionFileError) as error:
        load_edition(file)

    assert str(error.value) == f"{file}, line 2, the text: is not UTF-8; save it as UTF-8."


def test_an_instant_with_a_zone_keeps_it(tmp_path):
    file = tmp_path / "edition.toml"
    file.write_text(TEXT.replace("closes_at = 2021-04-21T00:00:00", "closes_at = 2021-04-21T00:00:00Z"))

    assert load_edition(file).windows[0].closes_at == datetime(2021, 4, 21, tzinfo=UTC)


def test_a_fault_in_a_table_below_a_list_below_a_list(tmp_path):
    text = shipped()["rehearsal"].read_text()
    at = text[: text.rindex("[[programmes.award.bands]]")].count("\n") + 1

    assert faults(tmp_path, ("max_krw = 400_000_000\n", "max_krw = 1\n"), text=text) == [
        f"line {at}, programmes.pilot.award.bands.1: min_krw 200000000 is above max_krw 1; exchange them."
    ]


@given(
    number=st.integers(0, TEXT.count("\n") - 1),
    instead=st.sampled_from(
        ["", "x = 1", "[x]", "[[programmes]]", "[programmes.award]", "'é' = { a.b = [1, { c = 2 }] }"]
    )
    | st.text(max_size=20),
    value=st.booleans(),
)
def test_whatever_a_line_becomes_the_file_is_read_or_its_faults_are_told(tmp_path_factory, number, instead, value):
    lines = TEXT.splitlines()
    key, equals, _ = lines[number].partition("=")
    lines[number] = f"{key}= {instead}" if value and equals else instead
    file = tmp_path_factory.getbasetemp() / "mutated.toml"
    file.write_text("\n".join(lines), encoding="utf-8", errors="replace")

    told = []
    try:
        load_edition(file)
    except EditionFileError as error:
        told = [fault.line for fault in error.faults]

    assert set(told) <= set(range(1, len(lines) + 2))
