"""Who plays a season: the staff, and applications from many countries with what becomes of each.

A pure function of the edition, the number of applications and the seed. The first characters are so chosen that
together they meet every move the edition has; those beyond are the usual mix. Everybody is invented.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from random import Random
from typing import Any, Literal

from kcity_flow.domain.edition import ApplicantKind, Edition, Late, PartnerKind, ProcurementMode, Programme, QuotaKind
from kcity_flow.domain.messages import MatchingFund, Partner, Reviewer
from kcity_flow.domain.stages import Role, Stage

S, R = Stage, Role

COUNTRIES = {
    "MY": ("Kota Kinabalu", "Ipoh", "Kuching"),
    "MM": ("Dala", "Mandalay", "Bago"),
    "RU": ("Primorsky Territory", "Kazan"),
    "VN": ("Mekong Delta Region", "Hue", "Da Nang"),
    "ID": ("Eastern Kalimantan", "Bandung", "Makassar"),
    "PE": ("Cuzco", "Arequipa"),
    "LA": ("Vientiane", "Savannakhet"),
    "MN": ("Ulaanbaatar", "Darkhan"),
    "CO": ("Bogota", "Medellin"),
    "TH": ("Khon Kaen", "Phuket"),
    "TR": ("Gaziantep", "Ankara", "Konya"),
    "UZ": ("Tashkent", "Samarkand"),
    "KZ": ("Almaty", "Aktobe"),
    "PH": ("Cebu", "Davao"),
    "IN": ("Pune", "Kochi"),
    "KE": ("Nakuru", "Kisumu"),
    "BR": ("Recife", "Curitiba"),
    "KH": ("Siem Reap",),
    "LK": ("Kandy",),
    "EG": ("Aswan",),
    "JO": ("Irbid",),
    "EC": ("Cuenca",),
    "PL": ("Lublin",),
}
"""Where applications come from, with cities. Those of 2020 come first."""

ZONES = {
    "MY": "Asia/Kuala_Lumpur", "MM": "Asia/Yangon", "RU": "Europe/Moscow", "VN": "Asia/Ho_Chi_Minh",
    "ID": "Asia/Jakarta", "PE": "America/Lima", "LA": "Asia/Vientiane", "MN": "Asia/Ulaanbaatar",
    "CO": "America/Bogota", "TH": "Asia/Bangkok", "TR": "Europe/Istanbul", "UZ": "Asia/Tashkent",
    "KZ": "Asia/Almaty", "PH": "Asia/Manila", "IN": "Asia/Kolkata", "KE": "Africa/Nairobi",
    "BR": "America/Sao_Paulo", "KH": "Asia/Phnom_Penh", "LK": "Asia/Colombo", "EG": "Africa/Cairo",
    "JO": "Asia/Amman", "EC": "America/Guayaquil", "PL": "Europe/Warsaw",
}  # fmt: skip
"""The zone in which a country's applicants read their dates."""

RATES = {
    "MN": ("MNT", "0.3914"), "VN": ("VND", "0.04873"), "ID": ("IDR", "0.07861"), "TR": ("TRY", "152.7"),
    "TH": ("THB", "36.92"), "PE": ("PEN", "303.55"),
}  # fmt: skip
"""The money in which a country's matching funds are promised, and KRW for one unit of it; others promise KRW."""

_GIVEN = [
    "Adela",
    "Baran",
    "Cilka",
    "Dorin",
    "Elira",
    "Farid",
    "Galya",
    "Hamza",
    "Ilka",
    "Jovan",
    "Kalina",
    "Lemor",
    "Mirel",
    "Nadim",
    "Orsola",
    "Pavle",
    "Quilla",
    "Renzo",
    "Safira",
    "Tadeo",
    "Ulrika",
    "Vasko",
    "Wanida",
    "Xavi",
    "Yelena",
    "Zubin",
    "Amaru",
    "Benita",
    "Cosmin",
    "Dalia",
    "Emre",
    "Fenna",
]
_FAMILY = [
    "Abasolo",
    "Brankov",
    "Cernata",
    "Dovanni",
    "Eskarov",
    "Fendali",
    "Gorvath",
    "Halimov",
    "Irigaray",
    "Jastreb",
    "Kolmari",
    "Lindqvar",
    "Morvane",
    "Nokhrin",
    "Ostrander",
    "Pelikan",
    "Quispeya",
    "Rasovic",
    "Sandovar",
    "Tarkhani",
    "Ulvestad",
    "Varnholt",
    "Wachirat",
    "Xalmari",
    "Yordanev",
    "Zelenko",
]
_KOREAN_FAMILY = ["KANG", "SEO", "YOON", "BAEK", "NAM", "SHIM", "OH", "MOON", "HEO", "ROH"]
_KOREAN_GIVEN = [
    "Bo-ram",
    "Dae-hyun",
    "Eun-seo",
    "Ga-on",
    "Ha-neul",
    "Ji-ho",
    "Kyu-ri",
    "Min-jae",
    "Na-ri",
    "Seo-yeon",
    "Tae-oh",
    "U-jin",
    "Ye-rin",
    "Yun-ah",
]

_THEMES = (
    "Traffic signals that answer to buses", "District energy for a new town", "Flood warning for the river front",
    "An operations centre for the city", "Smart waste collection", "A port district rebuilt", "Lights that count steps",
    "Water losses found early", "A campus for makers", "Air quality, street by street", "Parking guided by sensors",
    "An airport city", "Emergency calls located", "A housing block that saves energy",
)  # fmt: skip

Tier = Literal["selected", "reserve", "passed_over"]
POINTS: dict[Tier, int] = {"selected": 90, "reserve": 82, "passed_over": 75}
"""About what reviewers give, of 100."""

BELOW = 55
"""What they give to what is rejected."""

TIED = 3
"""So many reviewers of the pool belong to somebody who applies, or to a partner."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts in the season."""

    id: str
    name: str
    address: str
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an application, as far as people make it so. Stages name where it happens."""

    name: str
    tier: Tier = "passed_over"
    late: bool = False
    found_late: bool = False
    """Its date of receipt is corrected while it is screened, and it is late."""
    ineligible: bool = False
    lacks: Literal["", "applicant_kind", "documents"] = ""
    """What the record itself says no to, if it is ineligible; otherwise the desk answers an item with no."""
    rejected_at: Stage | None = None
    no_show_at: Stage | None = None
    withdraws_at: Stage | None = None
    duplicate_at: Stage | None = None
    country_cancelled_at: Stage | None = None
    objection: Stage | Literal["dismissed"] | None = None
    """The step found in error, if it objects and is right."""
    promoted: bool = False
    """From the reserve, as soon as there is a place."""
    work: str = ""
    """What happens once it is selected; nothing unusual if empty."""
    adopted_at: Stage | None = None
    """Where it stands when the edition takes it over; it never applied here."""
    needs: tuple[Stage, ...] = ()
    """Steps its programme's route must have."""
    tender: ProcurementMode | None = None
    deferring: bool | None = None
    """Whether its window passes late applications on."""


@dataclass(frozen=True, slots=True)
class Character:
    """An application, who stands behind it and what becomes of it."""

    key: str
    number: int
    programme: str
    fate: Fate
    country: str
    city: str
    title: str
    arrives_at: datetime
    channel: str
    applicant: Person
    organisation: str
    organisation_name: str
    kind: str
    partners: tuple[Partner, ...]
    documents: tuple[str, ...]
    """Kinds of document that came with it; what is missing of the programme's is asked for."""
    site_kind: str | None
    sector: str | None
    matching_krw: int
    months: int | None
    points: int


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody."""

    seed: int
    staff: tuple[Person, ...]
    characters: tuple[Character, ...]
    firms: tuple[Person, ...]
    pool: tuple[Reviewer, ...]
    """The reviewers, as the secretariat names them."""
    governments: tuple[Person, ...] = field(default=())
    """Who sign for governments: the Korean one first, then one for each country."""

    def people(self) -> Iterator[Person]:
        """Each person once."""
        yield from self.staff
        yield from self.firms
        yield from self.governments
        for character in self.characters:
            yield character.applicant

    def organisations(self) -> Iterator[tuple[str, str]]:
        """Organisations by id, with their names."""
        for character in self.characters:
            yield character.organisation, character.organisation_name
            for partner in character.partners:
                what = partner.kind.capitalize().replace("_", " ")
                yield partner.organisation, f"{what} of {character.city} ({character.number})"
        for number, _ in enumerate(self.firms, start=1):
            yield firm(number), f"Hanbit Engineering {number}"
        for number, _ in enumerate(self.pool, start=1):
            yield university(number), f"Saebyeok University {number}"

    def acting(self, role: Role) -> list[Person]:
        """Everybody of the staff in a role, in order."""
        return [person for person in self.staff if role in person.roles]


def firm(number: int) -> str:
    """The organisation of the Korean firm of this number."""
    return f"O-FIRM-{number}"


def university(number: int) -> str:
    """The organisation of the reviewer of this number."""
    return f"O-UNIVERSITY-{number}"


def cast(edition: Edition, applications: int, seed: int) -> Cast:
    """Everybody who plays.

    Args:
        edition: Whose season it is.
        applications: How many apply; from forty on every move of the edition is met. With them play the projects that
            the edition takes over, one for each stage at which it does.
        seed: The same seed makes the same cast, on any machine.
    """
    random = Random(f"{edition.year}/{seed}")  # noqa: S311  # repeatable on purpose
    fates = _fates(edition, applications, random)
    programmes = _placed(edition, fates, random)
    settings = _countries(fates, random)
    characters = tuple(
        _character(edition, number, fate, edition.programme(programme), country, random)
        for number, (fate, programme, country) in enumerate(zip(fates, programmes, settings, strict=True), start=1)
    )
    staff = tuple(_staff(applications, random))
    return Cast(
        seed=seed,
        staff=staff,
        characters=characters,
        firms=tuple(
            _person(f"P-FIRM-{n}", "firm", (R.SIGNATORY, R.CONTRACTOR), random, korean=True) for n in range(1, 7)
        ),
        pool=tuple(_pool(edition, [person.id for person in staff if R.REVIEWER in person.roles], characters, random)),
        governments=(
            _person("P-GOV-KR", "molit", (R.SIGNATORY,), random, korean=True),
            *(
                _person(f"P-GOV-{code}", f"{code.lower()}.government", (R.SIGNATORY, R.HOST_GOVERNMENT), random)
                for code in COUNTRIES
            ),
        ),
    )


# --- what becomes of whom ---------------------------------------------------------------------------------------------


def _fates(edition: Edition, applications: int, random: Random) -> list[Fate]:
    leading = _leading(edition)
    usual = (_usual(edition, random) for _ in range(applications - len(leading)))
    adopted = (Fate(f"adopted at {stage}", adopted_at=S(stage)) for stage in edition.adopts)
    return [*leading[:applications], *usual, *adopted]


def _leading(edition: Edition) -> list[Fate]:
    """The fates that together meet every move. Those that fill the places come first, so that few make a season too."""
    steps = _steps(edition)
    places = _places(edition)
    opened, designated = ProcurementMode.OPEN, ProcurementMode.DESIGNATED
    works = [
        Fate("works as planned", "selected", work="withdraws_framework withdraws_procurement"),
        Fate("withdraws when selected", "selected", withdraws_at=S.SELECTED),
        Fate(
            "works after a re-notice, with a pause",
            "selected",
            work="renotice no_price suspended silent",
            tender=opened,
        ),
        Fate("the framework fails", "selected", work="framework_fails"),
        Fate("the tender fails", "selected", work="tender_fails", tender=opened),
        Fate("terminated while suspended", "selected", work="suspended terminated_suspended"),
        Fate("notice of termination taken back", "selected", work="terminated_implementation"),
        Fate("nearly terminated at acceptance", "selected", work="terminated_acceptance"),
        Fate("the award is cancelled", "selected", work="award_cancelled", tender=designated),
        Fate("the money is withdrawn by mistake", "selected", work="money_withdrawn"),
    ]
    selected = works[:places] + [Fate("works as planned", "selected")] * max(0, places - len(works))
    others = [
        Fate("waits on the reserve and is promoted", "reserve", promoted=True),
        Fate("waits on the reserve", "reserve"),
        Fate("leaves the reserve", "reserve", withdraws_at=S.RESERVE, country_cancelled_at=S.RESERVE),
        Fate("late", late=True, deferring=False),
        Fate("found late in screening", found_late=True, deferring=False),
        Fate("ineligible, objects in vain", ineligible=True, lacks="documents", objection="dismissed"),
        Fate("ineligible by an error", ineligible=True, objection=S.SCREENING),
        Fate("passed over, reopened at the shortlist", objection=S.SHORTLISTED),
        *(Fate(f"passed over, reopened at {step}", objection=step, needs=(step,)) for step in steps),
        *(
            # The first of them objects, in vain.
            Fate(f"rejected at {step}", rejected_at=step, needs=(step,), objection="dismissed" if not nth else None)
            for nth, step in enumerate(steps)
        ),
        *(
            Fate(f"stays away from the {step}", no_show_at=step, needs=(step,))
            for step in steps
            if step in (S.CONSULTATION, S.PRESENTATION)
        ),
        *(
            Fate(f"leaves at {stage}", withdraws_at=stage, country_cancelled_at=stage, needs=needs)
            for stage, needs in (
                (S.RECEIVED, ()), (S.SCREENING, ()), *((step, (step,)) for step in steps), (S.SHORTLISTED, ()),
            )
        ),
        Fate("sent twice, seen at once", duplicate_at=S.RECEIVED),
        Fate("sent twice, seen in screening", duplicate_at=S.SCREENING),
    ]  # fmt: skip
    if any(window.late is Late.DEFER for window in edition.windows):
        others += [Fate("too late for this year", late=True, deferring=True),
                   Fate("found too late in screening", found_late=True, deferring=True)]  # fmt: skip
    others += [Fate("waits on the reserve and is promoted late", "reserve", promoted=True)]
    return selected + others


def _usual(edition: Edition, random: Random) -> Fate:
    """The usual mix: most are rejected or passed over."""
    steps = _steps(edition)
    meetings = [step for step in steps if step in (S.CONSULTATION, S.PRESENTATION)]
    choices: list[tuple[int, Fate]] = [
        (30, Fate("rejected at paper_review", rejected_at=S.PAPER_REVIEW)),
        (18, Fate("passed over")),
        (6, Fate("passed over, objects in vain", objection="dismissed")),
        (6, Fate("ineligible", ineligible=True)),
        (2, Fate("ineligible by who applies", ineligible=True, lacks="applicant_kind")),
        (2, Fate("ineligible for want of documents", ineligible=True, lacks="documents")),
        (5, Fate("late", late=True)),
        (4, Fate("leaves at paper_review", withdraws_at=S.PAPER_REVIEW)),
        (3, Fate("leaves at screening", withdraws_at=S.SCREENING)),
        *((12, Fate(f"rejected at {step}", rejected_at=step, needs=(step,))) for step in steps[1:]),
        *((3, Fate(f"stays away from the {step}", no_show_at=step, needs=(step,))) for step in meetings),
    ]
    return random.choices([fate for _, fate in choices], [weight for weight, _ in choices])[0]


def _steps(edition: Edition) -> list[Stage]:
    kinds = {step.kind for programme in edition.programmes for step in programme.route}
    return [stage for stage in Stage if stage.value in kinds]


def _room(programme: Programme) -> int:
    return programme.quota.places


def _places(edition: Edition) -> int:
    wanted = sum(_room(programme) for programme in edition.programmes)
    total = edition.total
    return wanted if total is None or total.kind is QuotaKind.AT_LEAST else min(wanted, total.places)


def _fits(edition: Edition, programme: Programme, fate: Fate) -> bool:
    route = [step.kind.value for step in programme.route]
    if any(step.value not in route for step in fate.needs):
        return False
    if fate.tender is not None and programme.procurement.mode is not fate.tender:
        return False
    defers = edition.window(programme).late is Late.DEFER
    return fate.deferring is None or fate.deferring is defers


def _placed(edition: Edition, fates: list[Fate], random: Random) -> list[str]:
    """A programme for each: places first by quota, then evenly."""
    taken: Counter[str] = Counter()
    reserve: Counter[str] = Counter()
    count: Counter[str] = Counter()
    found: list[Any] = []
    for fate in fates:
        fitting = [programme for programme in edition.programmes if _fits(edition, programme, fate)]
        if fate.tier == "selected":
            # A fate that fits nowhere any more is lived in another programme: nothing depends on where.
            open_ = [p for p in fitting if taken[p.key] < _room(p)] or [
                p for p in edition.programmes if taken[p.key] < _room(p)
            ]
            chosen = min(open_, key=lambda p: (taken[p.key] / _room(p), p.number))
            taken[chosen.key] += 1
        elif fate.tier == "reserve":
            # Whoever is to be promoted waits where a place will come free.
            freed = next(
                (key for other, key in zip(fates, found, strict=False) if other.withdraws_at is S.SELECTED), None
            )
            here = [p for p in fitting if p.key == freed] if fate.promoted and freed and not reserve[freed] else fitting
            chosen = min(here, key=lambda p: (reserve[p.key], -_room(p), p.number))
            reserve[chosen.key] += 1
        elif fate.adopted_at:
            # Its place counts: where places have no upper end it takes nobody's.
            chosen = min(fitting, key=lambda p: (p.quota.kind is not QuotaKind.AT_LEAST, taken[p.key] / _room(p)))
            taken[chosen.key] += 1
        else:
            chosen = min(fitting, key=lambda p: (count[p.key], random.random()))
        count[chosen.key] += 1
        found.append(chosen.key)
    return found


def _countries(fates: list[Fate], random: Random) -> list[str]:
    """A country for each; one for which the call is cancelled has no other application."""
    codes = list(COUNTRIES)
    cancelled = [index for index, fate in enumerate(fates) if fate.country_cancelled_at]
    alone = dict(zip(cancelled, reversed(codes), strict=False))
    others = [code for code in codes if code not in alone.values()]
    order = random.sample(others, len(others))
    given: Iterator[str] = iter(())
    found = []
    for index, _ in enumerate(fates):
        if index in alone:
            found.append(alone[index])
            continue
        code = next(given, None)
        if code is None:
            given = iter(order)
            code = next(given)
        found.append(code)
    return found


# --- characters -------------------------------------------------------------------------------------------------------


def _character(
    edition: Edition, number: int, fate: Fate, programme: Programme, country: str, random: Random
) -> Character:
    window = edition.window(programme)
    city = random.choice(COUNTRIES[country])
    strangers = tuple(kind for kind in ApplicantKind if kind not in programme.applicants)
    kind = random.choice(strangers if strangers and fate.lacks == "applicant_kind" else programme.applicants)
    korean = kind not in (ApplicantKind.LOCAL_GOVERNMENT, ApplicantKind.CENTRAL_GOVERNMENT)
    with_partner = programme.partner.mode == "required" or kind in programme.only_with_government
    matching = random.choice((0, 0, 20_000_000, 50_000_000))
    if fate.tier != "selected" and any(rule.by == "matching_funds" and rule.points for rule in programme.preferences):
        matching = 0  # what earns points would lift it above its fate
    return Character(
        key=f"A{number:03d}",
        number=number,
        programme=programme.key,
        fate=fate,
        country=country,
        city=city,
        title=f"{random.choice(_THEMES)}: {city}",
        arrives_at=_arrival(fate, window.opens_at, window.closes_at, window.continuous, random),
        channel=random.choice(window.channels),
        applicant=_person(
            f"P-A-{number:03d}", f"{city.lower().replace(' ', '-')}.applicant", (R.APPLICANT,), random, korean=korean
        ),
        organisation=f"O-A-{number:03d}",
        organisation_name=f"Narae Solutions {number}" if korean else f"Municipality of {city} ({number})",
        kind=kind.value,
        partners=tuple(_partners(programme, number, random)) if with_partner else (),
        documents=_sent(programme, fate, random),
        site_kind=random.choice(programme.site_kinds) if programme.site_kinds else None,
        sector=random.choice(programme.sectors) if programme.sectors else None,
        matching_krw=matching,
        months=random.choice([band.months for band in programme.award.bands]) if programme.award.bands else None,
        points=84 if fate.promoted else POINTS[fate.tier],
    )


def _partners(programme: Programme, number: int, random: Random) -> Iterator[Partner]:
    """One of the kind that is always enough, and perhaps another beside it."""
    kinds = programme.partner.kinds or (PartnerKind.LOCAL_GOVERNMENT,)
    for nth, kind in enumerate((kinds[0], *random.sample(kinds[1:], min(len(kinds) - 1, random.randint(0, 1)))), 1):
        yield Partner(organisation=f"O-P-{number:03d}-{nth}", kind=kind)


def _sent(programme: Programme, fate: Fate, random: Random) -> tuple[str, ...]:
    """The documents that came; now and then one is forgotten where there are several."""
    wanted = programme.documents or ("proposal",)
    forgets = random.random() < 0.15 and len(wanted) > 1
    return wanted[:-1] if fate.lacks == "documents" or forgets else wanted


def _arrival(fate: Fate, opens_at: datetime, closes_at: datetime, continuous: bool, random: Random) -> datetime:
    """In the working hours of a day; most come in the last weeks."""
    days = (closes_at - opens_at).days
    if fate.late:
        # The closing instant itself is too late.
        return closes_at + random.choice((timedelta(), timedelta(hours=13), timedelta(days=2, hours=11)))
    spread = random.triangular(0, days - 6, days - 12)
    if continuous:
        spread *= 0.6  # so that the last is judged when the results are due
    if S.RECEIVED in (fate.withdraws_at, fate.duplicate_at, fate.country_cancelled_at):
        spread *= 0.3  # there is time to leave before the files are opened
    return opens_at + timedelta(days=int(spread), hours=random.randint(9, 13), minutes=random.randint(0, 59))


# --- people -----------------------------------------------------------------------------------------------------------


def _staff(applications: int, random: Random) -> Iterator[Person]:
    many = max(1, applications // 40)
    wanted = (
        (R.DESK, 3 + 2 * many), (R.HEAD, 2), (R.CHAIR, 1 + many), (R.REVIEWER, 10 + 6 * many), (R.COMMITTEE, 2),
        (R.MINISTRY, 3), (R.PROCUREMENT_OFFICER, 3), (R.FINANCE, 2), (R.OBJECTION_COMMITTEE, 3), (R.RECORDS, 1),
        (R.AUDITOR, 1),
    )  # fmt: skip
    for role, count in wanted:
        for number in range(1, count + 1):
            name = role.value.upper().replace("_", "-")
            yield _person(f"P-{name}-{number}", f"{role.value}.secretariat", (role,), random, korean=True)


def _pool(edition: Edition, people: list[str], characters: tuple[Character, ...], random: Random) -> Iterator[Reviewer]:
    """Each with a university, and some with an interest: they belong to somebody who applies, or to a partner."""
    subjects = sorted({
        subject for programme in edition.programmes for subject in (programme.key, *programme.site_kinds, *programme.sectors)
    })  # fmt: skip
    interested = [one for c in characters for one in (c.organisation, *(p.organisation for p in c.partners))]
    for number, person in enumerate(people, start=1):
        ties = (random.choice(interested),) if number > len(people) - TIED else ()
        yield Reviewer(
            person=person,
            organisations=(university(number), *ties),
            expertise=tuple(sorted(random.sample(subjects, min(len(subjects), random.randint(2, 4))))),
            capacity=random.choice((40, 50, 60)),
        )


def _person(id: str, office: str, roles: tuple[Role, ...], random: Random, *, korean: bool = False) -> Person:
    name = (
        f"{random.choice(_KOREAN_FAMILY)} {random.choice(_KOREAN_GIVEN)}"
        if korean
        else f"{random.choice(_GIVEN)} {random.choice(_FAMILY)}"
    )
    # Ids make addresses unique where names are not.
    local = name.lower().replace(" ", ".")
    return Person(id, name, f"{local}.{id[2:].lower()}@{office.replace('_', '-')}.example", roles)


def proof(*of: str) -> str:
    """The hash of a document that nobody wrote."""
    return sha256("/".join(of).encode()).hexdigest()


def documents(character: Character, *kinds: str, version: int = 1) -> list[dict[str, str]]:
    """Documents about an application, by their hashes."""
    return [{"kind": kind, "sha256": proof(character.key, f"{kind} {version}")} for kind in kinds]


def _matching(character: Character) -> dict[str, Any]:
    funds = {"krw": character.matching_krw, "sha256": proof(character.key, "matching")}
    if character.country not in RATES:
        return funds
    currency, rate = RATES[character.country]
    promised = MatchingFund(
        **funds,
        amount=str(int(character.matching_krw / Fraction(rate)) // 1000 * 1000),
        currency=currency,
        rate=rate,
        rate_on=(character.arrives_at - timedelta(days=7)).date(),
    )
    return {**promised.model_dump(mode="json"), "krw": promised.converted}


def given(character: Character) -> dict[str, Any]:
    """What the application says of itself, as the desk enters it."""
    return {
        "programme": character.programme,
        "applicant": {
            "contact": character.applicant.id,
            "organisation": character.organisation,
            "kind": character.kind,
            "country": character.country,
            "partners": [partner.model_dump(mode="json") for partner in character.partners],
        },
        "city": character.city,
        "title": character.title,
        "received_at": character.arrives_at.isoformat(),
        "channel": character.channel,
        "documents": documents(character, *character.documents),
        "matching": _matching(character) if character.matching_krw else None,
        "months": character.months,
        "site_kind": character.site_kind,
        "sector": character.sector,
    }
