import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from activities.record import Recorder
from kcity_flow.adapters.edition_files import load_edition, shipped
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.vault import Act, State, Vault
from kcity_flow.domain.agenda import APPLICATION_TIMERS, EDITION_TIMERS
from kcity_flow.domain.edition import PartyKind
from kcity_flow.domain.letters import CONFLICT_FOUND, DUE_BY, PAUSES, REPORTS_MISSED, RESULTS, TOLD
from kcity_flow.domain.messages import Batch, ConflictKind
from kcity_flow.domain.moves import EDITION_MOVES, MOVES
from kcity_flow.domain.stages import EditionStage, Role, Stage
from kcity_flow.letters import SHIPPED, CannotWrite, Letters, columns
from kcity_flow.letters.samples import ALWAYS, SOMETIMES
from kcity_flow.letters.wording import Language, day, due, score, won
from tests.unit.case import Case, rules
from tests.unit.paper import REF, batch, entry, letter, view
from tests.unit.test_glossary import rows

TEMPLATES = sorted(path.stem for path in (SHIPPED / "en").glob("[!_]*.j2"))

DUE = datetime(2021, 4, 20, 15, 0, tzinfo=UTC)


def written(
    template: str,
    data: dict[str, Any] | None = None,
    texts: dict[str, str] | None = None,
    language: Language = "en",
    **fields: Any,
):
    told = letter(template, due_at=DUE, key=f"{REF}/clarification/1/0/x")
    standing = view(**{"krw": 500_000_000, "next_timer": "x", "next_due_at": DUE, **fields})
    stated = {**ALWAYS.get(template, {}), **SOMETIMES.get(template, {})}
    about = entry(1, data=stated if data is None else data)
    return Letters().write(told, standing, about, "Ms Nino Beridze", texts or {}, language)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_letter_says_whom_it_is_for_and_what_it_is_about(template: str):
    subject_line, body = written(template)

    assert subject_line.endswith(f"[{REF}]")
    assert body.startswith("Dear Ms Nino Beridze,\n\n  Reference:    KC2021-PLA-0001\n")
    assert "A blueprint for the old town" in body
    assert "Tbilisi, Georgia" in body
    assert body.endswith("Republic of Korea\n")
    assert not re.search(r"[{}]|Undefined|None|\n\n\n| \n", body)
    assert max(map(len, body.splitlines())) <= 80


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_letter_has_its_korean_one(template: str):
    subject_line, body = written(template, language="ko")

    assert subject_line.endswith(f"[{REF}]")
    assert body.startswith("Ms Nino Beridze 귀하\n\n  접수번호:   KC2021-PLA-0001\n")
    assert "Tbilisi, 조지아" in body
    assert body.endswith("  대한민국 국토교통부\n  K-City Network 사무국\n")
    assert not re.search(r"[{}]|Undefined|None|\n\n\n| \n", body)
    assert max(map(columns, body.splitlines())) <= 80


def fields(template: str, language: Language) -> set[str]:
    """What a template says of its subject; ``data.krw | won`` as ``data.krw``."""
    source = (SHIPPED / language / f"{template}.j2").read_text(encoding="utf-8")
    return set(re.findall(r"\b(?:(?:data|view|texts|entry|letter|moved)\.\w+|due_at|grounds|timer\b)", source))


@pytest.mark.parametrize("template", sorted(path.stem for path in (SHIPPED / "en").glob("*.j2")))
def test_a_letter_says_the_same_in_both_languages(template: str):
    assert fields(template, "ko") == fields(template, "en")


@pytest.mark.parametrize(("section", "words"), [
    ("Stages of an application", set(Stage)), ("Stages of an edition", set(EditionStage)),
])  # fmt: skip
def test_a_stage_is_called_in_korean_what_the_glossary_calls_it(section: str, words: set[str]):
    in_words = Letters().templates("ko").filters["words"]

    assert {word: in_words(word) for word in words} == {word: korean for word, (korean, _) in rows(section).items()}


def test_whatever_a_proposal_or_a_decision_may_name_has_its_korean():
    editions = [load_edition(path) for path in shipped().values()]
    programmes = [programme for edition in editions for programme in edition.programmes]
    named = {move.trigger for move in (*MOVES, *EDITION_MOVES)} | set(Role) | set(PartyKind) | set(ConflictKind)
    named |= {ground for edition in editions for ground in edition.objection_grounds}
    named |= {reason for edition in editions for reason in edition.implementation.extension_reasons}
    for programme in programmes:
        named |= {programme.key, *programme.deliverables, *programme.procurement.complaint_grounds}
        named |= {item.key for item in programme.eligibility}
    in_words = Letters().templates("ko").filters["words"]

    assert [word for word in sorted(named) if not re.search("[가-힣]", in_words(word))] == []


def test_each_is_written_to_in_their_own_language(stores: tuple[Register, Vault]):
    register, vault = stores
    for id, language in (("P-A", "en"), ("P-B", "ko")):
        vault.add_person(id, f"{id}@example.org", id=id, roles=[Role.DESK], language=language)

    Recorder(register, vault, lambda: None).record(batch(1, letter(to="desk")))

    assert [row.subject_line for row in vault.outbox()] == [
        f"Your application has been received [{REF}]",
        f"신청서 접수 통지 [{REF}]",
    ]


def test_every_letter_that_is_ever_called_for_has_its_template():
    called_for = {template for told in TOLD.values() for template, _ in told} | set(RESULTS.values())
    called_for |= set(PAUSES.values())
    called_for |= {"late", "proposal_waiting", "returned", "reminder", "overdue", "flagged", CONFLICT_FOUND}
    called_for |= {"late", "proposal_waiting", "returned", "reminder", "overdue", "flagged"}
    called_for |= {CONFLICT_FOUND, REPORTS_MISSED}

    assert called_for == set(TEMPLATES)


def test_every_date_that_a_letter_states_is_a_timers():
    assert set(DUE_BY) <= set(TEMPLATES)
    assert set(DUE_BY.values()) <= {row.timer for row in (*APPLICATION_TIMERS, *EDITION_TIMERS)}


def test_who_came_late_is_told_so():
    case = Case()
    case.now = case.window.closes_at
    case.receive(received_at=case.now)
    case.two("refuse_late")
    case.do("send_letter")

    assert case.letters[-1].template == "late"


@pytest.mark.parametrize("template", sorted(ALWAYS))
def test_a_letter_is_not_written_with_a_hole_in_it(template: str):
    with pytest.raises(CannotWrite, match=template):
        written(template, data={})


def rejected(command: str, grounds: tuple[str, ...] = ("office_error", "new_evidence"), **data: Any) -> str:
    told = letter("result_not_selected", due_at=DUE, grounds=grounds)
    about = entry(1, command=command, data=data)
    standing, reason = view(scores={"score": "239/3"}), {"reason": "We said so."}
    return Letters().write(told, standing, about, "Ms Nino Beridze", reason)[1]


def test_who_was_passed_over_is_told_the_score_they_ranked_below_and_no_reason_that_is_not_theirs():
    body = rejected("pass_over", last="80")

    assert "Score:   79.67 of 100" in body
    assert (
        "It ranked below the last project that was given a place or a line on the\nreserve, which had a score of 80.00"
    ) in body
    assert "We said so." not in body
    assert "It ranked below" not in rejected("pass_over")


def test_scores_that_two_decimals_would_show_as_equal_are_shown_in_full():
    assert "79.67 (exactly 7967/100)" in " ".join(rejected("pass_over", last="7967/100").split())


def test_a_rejection_gives_its_ground_and_its_reason_and_an_ended_reserve_neither():
    assert "Ground:  below threshold" in rejected("reject", ground="below_threshold")
    assert "Reason given: We said so." in rejected("reject", ground="below_threshold")
    assert "It stood on the reserve list" in rejected("expire")


@pytest.mark.parametrize("template", ["result_not_selected", "ineligible", "late"])
def test_an_applicant_may_object_on_the_grounds_that_the_edition_allows(template: str):
    told = letter(template, due_at=DUE, grounds=("office_error", "new_evidence"))
    body = Letters().write(told, view(), entry(), "Ms Nino Beridze")[1]

    assert "stating one of these grounds:" in " ".join(body.split())
    assert "\n\n  - an error in the conduct of the office\n  - new evidence\n\n" in body


def test_the_letter_takes_the_grounds_of_objection_from_the_edition():
    case = Case(edition=rules("2021").model_copy(update={"objection_grounds": ("office_error",)}))
    case.to(Stage.INELIGIBLE)
    case.do("send_letter")

    assert case.letters[-1].grounds == ("office_error",)


def test_an_empty_field_is_named():
    with pytest.raises(CannotWrite, match=r"view\.krw is empty"):
        written("result_selected", krw=None)


def test_a_template_that_does_not_exist_is_named():
    with pytest.raises(CannotWrite, match=r"no letter template en/nonsense\.j2"):
        written("nonsense")


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ("2021-04-20T15:00:00.000000Z", "the end of Tuesday, 20 April 2021 (Korea Standard Time)"),
        ("2021-04-20T14:59:00.000000Z", "23:59 on Tuesday, 20 April 2021 (Korea Standard Time)"),
        ("2021-04-20T15:01:00.000000Z", "00:01 on Wednesday, 21 April 2021 (Korea Standard Time)"),
    ],
)
def test_a_deadline_is_said_as_people_in_korea_read_it(instant: str, said: str):
    assert due(instant) == said


def test_days_instants_and_sums_are_said_the_korean_way():
    assert due("2021-04-30T09:00:00.000000Z", "ko") == "2021년 4월 30일(금) 18:00 (한국 표준시)"
    assert due("2021-04-20T15:00:00.000000Z", "ko") == "2021년 4월 20일(화) 24:00 (한국 표준시)"
    assert day("2021-04-30", "ko") == "2021년 4월 30일(금)"
    assert won(300_000_000, "ko") == "300,000,000원"
    assert score("7967/100", ["80", "239/3"], "ko") == "79.67 (정확히 7967/100)"


def test_a_reminder_names_its_timer_and_its_date():
    subject_line, body = written("reminder")

    assert subject_line == f"Reminder: the answer to the clarification asked for [{REF}]"
    assert "Due by:  the end of Tuesday, 20 April 2021" in body


def test_the_question_stands_in_the_letter_that_asks_it():
    assert "Who owns the land?" in written("clarification_asked", texts={"question": "Who owns the land?"})[1]


def test_a_title_with_line_breaks_makes_one_subject_line_and_no_header_of_its_own():
    subject_line, _ = written("reminder", city="Tbilisi\nBcc: spy@example.org")

    assert "\n" not in subject_line


# --- from the workflow's batch to the outbox ---


@pytest.fixture
def stores(tmp_path: Path):
    register, vault = Register(f"sqlite:///{tmp_path / 'r.db'}"), Vault(f"sqlite:///{tmp_path / 'v.db'}")
    register.prepare()
    vault.prepare()
    vault.add_person("Nino Beridze", "nino@example.org", id="P-MAYOR", roles=[Role.APPLICANT])
    yield register, vault
    register.close()
    vault.close()


def test_what_is_recorded_stands_in_register_and_outbox(stores: tuple[Register, Vault]):
    register, vault = stores
    woken: list[int] = []
    told = batch(1, letter())

    Recorder(register, vault, lambda: woken.append(1)).record(told)

    assert register.entries(REF) == list(told.entries)
    assert [(row.key, row.address, row.state) for row in vault.outbox()] == [
        (told.letters[0].key, "nino@example.org", "queued")
    ]
    assert woken == [1]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_firm_is_called_by_its_name(stores: tuple[Register, Vault], language: Language):
    register, vault = stores
    vault.add_organisation("Narae Urban Data", id="O-STUDIO")
    vault.add_person("Nino Beridze", "nino@example.org", id="P-MAYOR", language=language)
    awarded = entry(1, command="award_contract", data={"contractor": "O-STUDIO", "country": "KR", "krw": 480_000_000})

    Recorder(register, vault, lambda: None).record(
        Batch(entries=(awarded,), letters=(letter("contract_awarded"),), view=view(1))
    )

    (row,) = vault.outbox()
    assert "  Narae Urban Data\n" in row.body
    assert "O-STUDIO" not in row.body


def test_recording_twice_sends_once(stores: tuple[Register, Vault]):
    register, vault = stores
    recorder = Recorder(register, vault, lambda: None)
    recorder.record(batch(1, letter()))
    recorder.record(batch(1, letter()))

    assert len(vault.outbox()) == len(register.entries(REF)) == 1


def test_a_letter_to_a_role_goes_to_everybody_in_it(stores: tuple[Register, Vault]):
    register, vault = stores
    for id in ("P-A", "P-B"):
        vault.add_person(id, f"{id}@example.org", id=id, roles=[Role.DESK])

    Recorder(register, vault, lambda: None).record(batch(1, letter(to="desk")))

    key = letter(to="desk").key
    assert [(row.key, row.address) for row in vault.outbox()] == [
        (f"{key}/P-A", "P-A@example.org"),
        (f"{key}/P-B", "P-B@example.org"),
    ]


def test_a_reminder_is_about_an_entry_of_an_earlier_batch(stores: tuple[Register, Vault]):
    register, vault = stores
    recorder = Recorder(register, vault, lambda: None)
    recorder.record(batch(1))

    recorder.record(Batch(entries=(), letters=(letter("reminder", due_at=DUE),), view=view(1)))

    assert [row.state for row in vault.outbox()] == [State.QUEUED]


@pytest.mark.parametrize(
    ("to", "template", "why"),
    [
        ("P-NOBODY", "acknowledgement", "Nobody goes by P-NOBODY"),
        ("finance", "acknowledgement", "Nobody goes by finance"),
        ("P-ERASED", "acknowledgement", "P-ERASED has no mail address"),
        ("P-MAYOR", "nonsense", "no letter template"),
        ("P-MAYOR", "result_selected", r"view\.krw is empty"),
    ],
)
def test_a_letter_that_cannot_be_written_is_held_and_blocks_nothing(
    stores: tuple[Register, Vault], to: str, template: str, why: str
):
    register, vault = stores
    vault.add_person("", "", id="P-ERASED")

    Recorder(register, vault, lambda: None).record(batch(1, letter(template, to), letter()))

    assert len(register.entries(REF)) == 1
    (held,) = vault.outbox(State.HELD)
    assert re.search(why, held.why)
    assert len(vault.outbox(State.QUEUED)) == 1


def test_a_letter_of_a_kind_that_is_held_waits_written_until_it_is_released(stores: tuple[Register, Vault]):
    register, vault = stores

    Recorder(register, vault, lambda: None, hold=("acknowledgement",)).record(batch(1, letter("acknowledgement")))

    (held,) = vault.outbox()
    assert (held.state, held.why) == ("held", "Letters of this kind wait to be released.")
    assert held.body.startswith("Dear Nino Beridze,")


def test_a_letter_to_somebody_without_an_address_is_written_for_when_there_is_one(stores: tuple[Register, Vault]):
    register, vault = stores
    vault.add_person("Nino Beridze", "", id="P-MAYOR", roles=[Role.APPLICANT])
    Recorder(register, vault, lambda: None).record(batch(1, letter()))
    (held,) = vault.outbox(State.HELD)
    assert held.why == "P-MAYOR has no mail address."

    vault.add_person("Nino Beridze", "nino@example.org", id="P-MAYOR", roles=[Role.APPLICANT])
    (released,) = vault.treat(Act.RELEASE, [held.key], "P-DESK")

    assert (released.state, released.address) == ("queued", "nino@example.org")
    assert released.body.startswith("Dear Nino Beridze,")


def test_the_register_holds_no_name_and_no_text(stores: tuple[Register, Vault]):
    register, vault = stores
    question = vault.commit("Who owns the land?")
    asked = Batch(
        entries=(entry(1, command="ask_clarification", data={"question": question}),),
        letters=(letter("clarification_asked"),),
        view=view(1),
    )

    Recorder(register, vault, lambda: None).record(asked)

    assert "Who owns the land?" in vault.outbox()[0].body
    assert not [line for line in register.dump().values() if re.search("Nino|example.org|owns the land", line)]


def test_a_letter_states_the_due_date_of_its_own_timer_whatever_else_comes_due_before():
    case = Case().to(Stage.INELIGIBLE)
    case.do("send_letter")
    period = case.file.timers["objection_period"].due_at
    case.do("object", ground="office_error")
    decision = case.file.timers["objection"].due_at
    stated = {told.template: told.due_at for told in case.letters}

    assert period != decision
    assert (stated["ineligible"], stated["objection_received"]) == (period, decision)


def test_where_no_date_is_set_a_letter_names_none():
    assert "April" not in Letters().write(letter("clarification_asked"), view(1), entry(), "N")[1]
