"""What every model is made of: values that never change, instants and days within reach, money."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

DateOrInstant = TypeVar("DateOrInstant", bound=date)


class Frozen(BaseModel):
    """A value that travels. Unknown fields are ignored, so that an old worker can read a newer history."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def canonical_instant(instant: datetime) -> str:
    """UTC with six decimals and ``Z``: the one way an instant is written, so that hashes agree."""
    # Not strftime: it imports a module at every call, which Temporal's sandbox makes dear.
    return instant.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def start_of(day: date, zone: tzinfo) -> datetime:
    """Midnight at the start of a day in a zone, in UTC."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def last_day(due_at: datetime, zone: tzinfo) -> date:
    """The last day of a deadline: due at midnight, it is over with the day before."""
    return (due_at - timedelta(microseconds=1)).astimezone(zone).date()


def _within_reach(value: DateOrInstant) -> DateOrInstant:
    # The calendar's own ends overflow as soon as a day is added.
    if not 2000 <= value.year < 2200:
        raise ValueError("it should lie between the years 2000 and 2200")
    return value


def _in_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


Instant = Annotated[
    AwareDatetime,
    AfterValidator(_within_reach),
    AfterValidator(_in_utc),
    PlainSerializer(canonical_instant, when_used="json"),
]
Day = Annotated[date, AfterValidator(_within_reach)]
Krw = Annotated[int, Field(ge=0, description="South Korean won")]
