"""Every fact of the announcement stands in a shipped edition, or docs/edition.md says why it does not.

The numbers are those of the list of facts: one row each, 1 to 38.
"""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.domain.edition import Edition, PartyKind, Person, QuotaKind, StepKind

LAST, THIS = read_edition("2020"), read_edition("2021")
PLANNING, SOLUTION, DEMONSTRATION = THIS.programmes

ROWS = {
    1: "publication, news, contact, inquiries, attached document",
    2: "edition 2021, government to government",
    3: "the previous edition: 80 applications, 23 countries, 12 projects in 11 countries",
    4: "the twelve cities as printed",
    5: "three programmes, the third new",
    6: "up to 11 in total",
    7: "planning: outputs",
    8: "planning: eligible",
    9: "planning: size of the site",
    10: "planning: examples",
    11: "planning: about four",
    12: "planning: criteria, an open list",
    13: "planning: 400 to 600 million each",
    14: "planning: framework before the start",
    15: "solution: fields",
    16: "solution: eligible",
    17: "solution: examples",
    18: "solution: up to four",
    19: "solution: criteria, an open list",
    20: "solution: 300 million, fixed",
    21: "solution: a good result is preferred in next year's demonstration",
    22: "demonstration: assess applicability and demonstrate",
    23: "demonstration: origin and proof of the solution",
    24: "demonstration: basic conditions raise chances, no bar",
    25: "demonstration: a Korean holder with a partner abroad",
    26: "demonstration: three, 400 to 600 million each",
    27: "demonstration: incentive for matching funds",
    28: "18 February to 20 April 2021",
    29: "post or e-mail, two addresses",
    30: "results by late June",
    31: "implementation until the first half of 2022",
    32: "planning and solution: papers and two consultations",
    33: "demonstration: papers, then presentation",
    34: "then Korean contractors are selected",
    35: "notice on two web sites",
    36: "parties of the framework",
    37: "follow-on investment",
    38: "the quoted official",
}

TWELVE = [
    ("Kota Kinabalu", "Malaysia", "MY"),
    ("Dala", "Myanmar", "MM"),
    ("Primorsky Territory", "Russia", "RU"),
    ("Mekong Delta Region", "Vietnam", "VN"),
    ("Eastern Kalimantan", "Indonesia", "ID"),
    ("Cuzco", "Peru", "PE"),
    ("Vientiane", "Laos", "LA"),
    ("Ulaanbaatar", "Mongolia", "MN"),
    ("Bogota", "Columbia", "CO"),
    ("Khon Kaen", "Thailand", "TH"),
    ("Gaziantep", "Turkey", "TR"),
    ("Ankara", "Turkey", "TR"),
]


def kinds(edition: Edition, programme: str) -> list[tuple[StepKind, int]]:
    return [(step.kind, step.rounds) for step in edition.programme(programme).route]


def examples(programme: str) -> list[tuple[str, str | None]]:
    return [(project.city, project.title) for project in LAST.projects if project.programme == programme]


HELD = [
    (1, THIS.notice.published_on, date(2021, 2, 19)),
    (1, THIS.notice.source, "MOLIT News"),
    (1, THIS.notice.subject, "The K-City Network Program 2021 starts from February."),
    (1, THIS.notice.contact, Person(name="CHOI Hui-jeong", phone="044-201-4972")),
    (1, THIS.notice.inquiries, 1023),
    (1, THIS.notice.document, "210218_molit_press The K_City Network Program 2021 starts from February.pdf"),
    (2, THIS.year, 2021),
    (2, THIS.title.en, "K-City Network: Global Cooperation Program 2021"),
    (2, THIS.collaboration, "g2g"),
    (3, LAST.year, 2020),
    (3, (LAST.statistics.applications, LAST.statistics.countries), (80, 23)),
    (3, (len(LAST.projects), len(LAST.project_countries)), (12, 11)),
    (3, {programme.outputs for programme in LAST.programmes}, {("master_plan", "feasibility_study")}),
    (4, [(project.city, project.printed_country, project.country) for project in LAST.projects], TWELVE),
    (5, [programme.key for programme in THIS.programmes], ["planning", "solution", "demonstration"]),
    (5, [programme.number for programme in THIS.programmes], [1, 2, 3]),
    (5, [programme.key for programme in LAST.programmes], ["planning", "solution"]),
    (6, (THIS.total.kind, THIS.total.places), (QuotaKind.UP_TO, 11)),
    (7, PLANNING.outputs, ("basic_concept", "master_plan", "feasibility_study")),
    (7, PLANNING.deliverables_needed, 1),
    (8, PLANNING.applicants, ("central_government", "local_government")),
    (8, [item.key for item in PLANNING.eligibility], ["government", "oversees"]),
    (9, PLANNING.site_kinds, ("new_town", "industrial_complex", "housing_block")),
    (
        10,
        examples("planning"),
        [
            (
                "Eastern Kalimantan",
                "Basic Plan for the Smart City Project for Indonesian New Capital City in Indonesia",
            ),
            ("Cuzco", "Master Plan for the Smart City Development Project for Astete Airport Area in Peru"),
        ],
    ),
    (11, (PLANNING.quota.kind, PLANNING.quota.places), (QuotaKind.ABOUT, 4)),
    (12, [criterion.key for criterion in PLANNING.criteria], ["priority", "demand", "korean_opportunities"]),
    (12, PLANNING.criteria_open, True),
    (13, (PLANNING.award.min_krw, PLANNING.award.max_krw), (400_000_000, 600_000_000)),
    (14, PLANNING.framework.before_work, (PartyKind.KOREAN_GOVERNMENT, PartyKind.HOST_GOVERNMENT)),
    (15, SOLUTION.sectors, ("traffic", "environment", "energy")),
    (15, SOLUTION.solution_kinds, ("city_service", "urban_system")),
    (15, SOLUTION.outputs, ("solution_plan",)),
    (16, SOLUTION.applicants, ("central_government", "local_government")),
    (16, [item.key for item in SOLUTION.eligibility], ["government", "jurisdiction"]),
    (
        17,
        examples("solution"),
        [
            (
                "Bogota",
                "Master Plan for the National Intelligent System for Infrastructure, Transit and Transport "
                "Establishment Project in Bogota (Columbia)",
            ),
            (
                "Gaziantep",
                "Master Plan for the Smart City Data Coordination Center Establishment Project in Gaziantep (Turkey)",
            ),
        ],
    ),
    (18, (SOLUTION.quota.kind, SOLUTION.quota.places), (QuotaKind.UP_TO, 4)),
    (19, [criterion.key for criterion in SOLUTION.criteria], ["site_conditions", "korean_opportunities"]),
    (19, SOLUTION.criteria_open, True),
    (20, (SOLUTION.award.min_krw, SOLUTION.award.max_krw), (300_000_000, 300_000_000)),
    (
        21,
        DEMONSTRATION.preferences[1].model_dump(exclude_defaults=True),
        {"by": "previous_result", "programme": "solution", "from_year": 2022},
    ),
    (21, (DEMONSTRATION.preferences[1].grade, DEMONSTRATION.preferences[1].years_before), ("good", 1)),
    (22, DEMONSTRATION.outputs, ("applicability_assessment", "demonstration")),
    (22, DEMONSTRATION.deliverables_needed, 2),
    (23, DEMONSTRATION.solution.origins, ("company", "consortium")),
    (23, DEMONSTRATION.solution.consortium, "Smart City Alliance"),
    (23, DEMONSTRATION.solution.proof, "Smart Challenge Initiative"),
    (24, DEMONSTRATION.criteria[0].key, "basic_conditions"),
    (
        24,
        [item.key for item in DEMONSTRATION.eligibility],
        ["korean_holder", "made_in_korea", "merit_proven", "partner_abroad"],
    ),
    (25, DEMONSTRATION.applicants, ("korean_organisation", "korean_corporation")),
    (25, DEMONSTRATION.partner.mode, "required"),
    (26, (DEMONSTRATION.quota.kind, DEMONSTRATION.quota.places), (QuotaKind.EXACT, 3)),
    (26, (DEMONSTRATION.award.min_krw, DEMONSTRATION.award.max_krw), (400_000_000, 600_000_000)),
    (27, DEMONSTRATION.preferences[0].by, "matching_funds"),
    (28, [window.name for window in THIS.windows], ["call"]),
    (28, THIS.windows[0].opens_at, datetime(2021, 2, 17, 15, tzinfo=UTC)),
    (28, THIS.windows[0].closes_at, datetime(2021, 4, 20, 15, tzinfo=UTC)),
    (29, THIS.windows[0].channels, ("post", "e-mail")),
    (29, [desk.programmes for desk in THIS.desks], [("planning",), ("solution", "demonstration")]),
    (29, {desk.title.en for desk in THIS.desks}, {"K-City Network Secretariat"}),
    (30, THIS.results.due_on, date(2021, 6, 30)),
    (31, THIS.implementation.ends_on, date(2022, 6, 30)),
    (31, THIS.implementation.extension_reasons, ("scale", "complexity", "covid_19", "other")),
    (32, kinds(THIS, "planning"), [(StepKind.PAPER_REVIEW, 1), (StepKind.CONSULTATION, 2)]),
    (32, kinds(THIS, "solution"), [(StepKind.PAPER_REVIEW, 1), (StepKind.CONSULTATION, 2)]),
    (33, kinds(THIS, "demonstration"), [(StepKind.PAPER_REVIEW, 1), (StepKind.PRESENTATION, 1)]),
    (34, {programme.procurement.contractor for programme in THIS.programmes}, {"korean"}),
    (35, [publication.site for publication in THIS.publications], ["MOLIT", "Smart City Korea"]),
    (36, {programme.framework.parties for programme in THIS.programmes}, {tuple(PartyKind)}),
    (37, THIS.follow_on, ("ppp", "ministry", "ministry_with_development_bank")),
    (38, THIS.notice.quoted, Person(name="CHOI Im-rak", office="Director General for Urban Policy")),
    (38, THIS.approver.en, "Director General for Urban Policy"),
]


@pytest.mark.parametrize(("row", "held", "fact"), HELD, ids=[f"{row}: {ROWS[row]}" for row, _, _ in HELD])
def test_the_edition_holds_the_fact(row, held, fact):
    assert held == fact


def test_no_row_is_left_out():
    assert {row for row, _, _ in HELD} == set(ROWS) == set(range(1, 39))


def test_what_is_not_held_is_explained():
    """Parts of a row that no edition can hold: blanks in our copy, and words that are no rule."""
    text = (Path(__file__).parents[2] / "docs" / "edition.md").read_text()
    explained = {int(row) for row in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}

    assert explained == {1, 4, 14, 21, 29, 35, 38}
    assert [desk.email or desk.post for desk in THIS.desks] == [None, None]
    assert [publication.address for publication in THIS.publications] == [None, None]


@pytest.mark.parametrize("edition", [LAST, THIS], ids=["2020", "2021"])
def test_every_source_is_a_part_of_the_announcement(edition):
    cited = set(edition.sources.values())

    assert cited <= {f"announcement, {part}" for part in ("header", "introduction", "1", "2", "3", "4", "5")}
