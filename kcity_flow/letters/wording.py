"""Days, instants, sums and countries as they are said to people, in every language that letters are written in."""

from __future__ import annotations

import gettext
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from kcity_flow.domain.evaluation import points

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

ZONE = ZoneInfo("Asia/Seoul")

WEEKDAYS = "월화수목금토일"

AT = {"en": "{time} on {day} (Korea Standard Time)", "ko": "{day} {time} (한국 표준시)"}
END_OF = {"en": "the end of {day} (Korea Standard Time)", "ko": "{day} 24:00 (한국 표준시)"}
WON = {"en": "KRW {:,}", "ko": "{:,}원"}
EXACTLY = {"en": "exactly", "ko": "정확히"}


def day(value: str | date, language: Language = "en") -> str:
    """A date: ``Friday, 30 April 2021``, ``2021년 4월 30일(금)``."""
    read = date.fromisoformat(value) if isinstance(value, str) else value
    if language == "ko":
        return f"{read.year}년 {read.month}월 {read.day}일({WEEKDAYS[read.weekday()]})"
    return f"{read:%A}, {read.day} {read:%B %Y}"


def due(value: str | datetime, language: Language = "en") -> str:
    """An instant as people in Korea read it. Midnight is the end of the day before, as deadlines mean it."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    local = instant.astimezone(ZONE)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return END_OF[language].format(day=day((local - timedelta(days=1)).date(), language))
    return AT[language].format(time=f"{local:%H:%M}", day=day(local.date(), language))


def won(value: int, language: Language = "en") -> str:
    """An amount: ``KRW 300,000,000``, ``300,000,000원``."""
    # int() lets an empty field name itself.
    return WON[language].format(int(value))


def score(value: Fraction | str, others: Iterable[Fraction | str] = (), language: Language = "en") -> str:
    """A score (:func:`~kcity_flow.domain.evaluation.points`): ``79.67 (exactly 7967/100)``."""
    return points(value, others).replace(EXACTLY["en"], EXACTLY[language])


def words(key: str) -> str:
    """A key in words: ``framework_signature`` becomes ``framework signature``."""
    return key.replace("_", " ")


def country(code: str, language: Language = "en") -> str:
    """A country's name by its ISO 3166-1 code; the code where there is none."""
    # Imported here: it reads its whole table.
    import pycountry

    found = pycountry.countries.get(alpha_2=code)
    if found is None:
        return code
    name = str(getattr(found, "common_name", found.name))
    return name if language == "en" else _countries(language).gettext(name)


@cache
def _countries(language: Language) -> gettext.NullTranslations:
    import pycountry

    return gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language])
