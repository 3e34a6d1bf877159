"""Dates that letters state stand in their readers' calendars; they move there, and go when they fall away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from activities.record import Recorder
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.smtp import compose
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain.messages import Batch, Moved
from tests.unit.paper import REF, entry, letter, view
from tests.unit.test_postman import SENDER, read

DUE = datetime(2021, 4, 20, 15, tzinfo=UTC)
MEETING = datetime(2021, 5, 3, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Correspondence:
    """Letters about one application, and what they do to the calendar of whoever reads them."""

    def __init__(self, folder: Path) -> None:
        self.register, self.vault = Register(f"sqlite:///{folder / 'r.db'}"), Vault(f"sqlite:///{folder / 'v.db'}")
        self.register.prepare()
        self.vault.prepare()
        self.vault.add_person("Nino Beridze", "nino@example.org", id="P-MAYOR")
        self.recorder = Recorder(self.register, self.vault, lambda: None)
        self.number = 0

    def write(
        self, template: str, data: dict[str, Any] | None = None, stage: str = "consultation", **fields: Any
    ) -> None:
        """Record an entry that calls for a letter."""
        self.number += 1
        standing = {name: fields.pop(name) for name in ("frozen",) if name in fields}
        told = letter(template, about=self.number, **fields)
        about = entry(self.number, data=data or {})
        self.recorder.record(Batch(entries=(about,), letters=(told,), view=view(self.number, stage=stage, **standing)))

    def files(self) -> list[dict[str, Any]]:
        """The calendar files of all letters, in order."""
        return [
            {
                "method": str(calendar["method"]),
                "events": [
                    (
                        str(event["uid"]),
                        event["sequence"],
                        event["dtstart"].dt,
                        event["dtend"].dt,
                        str(event["summary"]),
                    )
                    for event in calendar.walk("VEVENT")
                ],
            }
            for row in self.vault.outbox(person="P-MAYOR")
            for part in read(compose(row, SENDER)).iter_attachments()
            for calendar in [Calendar.from_ical(part.get_content())]
        ]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Correspondence]:
    post = Correspondence(tmp_path)
    yield post
    post.register.close()
    post.vault.close()


def test_a_deadline_takes_up_the_hour_before_it(post: Correspondence):
    post.write("clarification_asked", due_at=DUE)

    name = "The answer to the clarification asked for"
    dated = (f"{REF}/clarification/1@kcity-flow", 1, DUE - HOUR, DUE, f"{name} [{REF}]")
    assert post.files() == [{"method": "PUBLISH", "events": [dated]}]


def test_a_meeting_that_moves_keeps_its_name_and_counts_on(post: Correspondence):
    post.write("meeting_scheduled", {"date_at": MEETING.isoformat(), "minutes": 90})
    post.write("meeting_moved", {"date_at": (MEETING + 2 * HOUR).isoformat()})

    uid, summary = f"{REF}/presentation/1@kcity-flow", f"The meeting that was scheduled [{REF}]"
    assert post.files() == [
        {"method": "PUBLISH", "events": [(uid, 1, MEETING, MEETING + 1.5 * HOUR, summary)]},
        {"method": "PUBLISH", "events": [(uid, 2, MEETING + 2 * HOUR, MEETING + 3 * HOUR, summary)]},
    ]


def test_another_meeting_after_one_that_is_over_is_another_date(post: Correspondence):
    post.write("meeting_scheduled", {"date_at": "2021-03-02T03:00:00Z"})
    post.write("meeting_scheduled", {"date_at": MEETING.isoformat()})

    assert [file["events"][0][0] for file in post.files()] == [
        f"{REF}/presentation/1@kcity-flow",
        f"{REF}/presentation/2@kcity-flow",
    ]


def test_what_is_still_to_come_is_taken_back_when_the_application_ends(post: Correspondence):
    post.write("meeting_scheduled", {"date_at": MEETING.isoformat()})
    post.write("withdrawn", stage="withdrawn")
    post.write("returned", stage="withdrawn")

    published, cancelled = post.files()
    assert cancelled["method"] == "CANCEL"
    assert [dated[:3] for dated in cancelled["events"]] == [(published["events"][0][0], 2, MEETING)]


def test_what_is_over_is_not_taken_back(post: Correspondence):
    post.write("meeting_scheduled", {"date_at": "2021-03-02T03:00:00Z"})
    post.write("withdrawn", stage="withdrawn")

    assert [file["method"] for file in post.files()] == ["PUBLISH"]


def test_a_date_that_rests_goes_and_comes_back_where_it_has_moved_to(post: Correspondence):
    post.write("clarification_asked", due_at=DUE)
    rests, moved = Moved(timer="clarification", was=DUE), Moved(timer="clarification", was=DUE, due_at=DUE + 48 * HOUR)
    post.write("frozen", dates=(rests,), frozen={"GE": 1})
    post.write("thawed", dates=(moved,))

    uid = f"{REF}/clarification/1@kcity-flow"
    assert [(file["method"], *file["events"][0][:2], file["events"][0][3]) for file in post.files()] == [
        ("PUBLISH", uid, 1, DUE),
        ("CANCEL", uid, 2, DUE),
        ("PUBLISH", uid, 3, DUE + 48 * HOUR),
    ]


def test_one_persons_dates_are_not_anothers(post: Correspondence):
    post.vault.add_person("Kim Min-ji", "minji@example.org", id="P-OTHER")
    post.write("clarification_asked", due_at=DUE, to="P-OTHER", key="other")
    post.write("withdrawn", stage="withdrawn")

    assert post.files() == []


def test_a_date_is_called_in_the_readers_language(post: Correspondence):
    post.vault.add_person("니노 베리제", "nino@example.org", id="P-MAYOR", language="ko")
    post.write("clarification_asked", due_at=DUE)

    assert post.files()[0]["events"][0][4] == f"보완 요청에 대한 회신 [{REF}]"


def test_a_letter_without_a_date_brings_none(post: Correspondence):
    post.write("acknowledgement", stage="received")

    assert post.files() == []


def test_the_same_row_always_makes_the_same_file(post: Correspondence):
    post.write("clarification_asked", due_at=DUE)
    (row,) = post.vault.outbox()

    assert compose(row, SENDER) == compose(row, SENDER)
