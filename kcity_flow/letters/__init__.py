"""The wording of every letter: one template per key, in this folder, and what a template may say.

A template begins with its subject line. A field that is missing or empty keeps the letter from being written: no
letter goes out with a hole in it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import jinja2

from kcity_flow.domain.evaluation import points
from kcity_flow.domain.messages import Entry, Letter, View

ZONE = ZoneInfo("Asia/Seoul")
FOLDER = Path(__file__).parent
WIDTH = 76


class CannotWrite(Exception):
    """A letter cannot be written; its text is one sentence that names the template or the field."""


class Mail(NamedTuple):
    """A letter ready for the outbox. With ``why`` it is held there, not sent, until a person mends it."""

    key: str
    about: str
    template: str
    person: str
    address: str = ""
    subject_line: str = ""
    body: str = ""
    why: str = ""


class Letters:
    """Writes letters. Templates are read once."""

    @cached_property
    def _templates(self) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,  # noqa: S701  # plain text
        )
        environment.filters.update(day=day, due=due, won=won, points=points, words=words, country=country)
        return environment

    def write(
        self, letter: Letter, view: View, entry: Entry, name: str, texts: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[str, str]:
        """Word a letter.

        Args:
            letter: Which, and its due date if it states one.
            view: How its subject stands.
            entry: What the letter is about.
            name: The recipient's.
            texts: Free text of the entry, such as its ``question`` or ``reason``; may be without.

        Returns:
            The subject line and the text.

        Raises:
            CannotWrite: there is no such template, or a field it needs is missing or empty.
        """
        try:
            template = self._templates.get_template(f"{letter.template}.j2")
            text = template.render(_context(letter, view, entry, name), texts=texts)
        except jinja2.TemplateNotFound as error:
            raise CannotWrite(f"There is no letter template {error.name}.") from None
        except (jinja2.TemplateError, TypeError, ValueError) as error:
            raise CannotWrite(f"The letter {letter.template} cannot be written: {error}.") from None
        subject_line, _, body = text.partition("\n")
        return " ".join(subject_line.removeprefix("Subject:").split()), _wrapped(body)


def day(value: str | date) -> str:
    """A date: ``Friday, 30 April 2021``."""
    read = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{read:%A}, {read.day} {read:%B %Y}"


def due(value: str | datetime) -> str:
    """An instant as people in Korea read it. Midnight is the end of the day before, as deadlines mean it."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    local = instant.astimezone(ZONE)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"the end of {day((local - timedelta(days=1)).date())} (Korea Standard Time)"
    return f"{local:%H:%M} on {day(local.date())} (Korea Standard Time)"


def won(value: int) -> str:
    """An amount: ``KRW 300,000,000``."""
    # int() lets an empty field name itself.
    return f"KRW {int(value):,}"


def words(key: str) -> str:
    """A key in words: ``framework_signature`` becomes ``framework signature``."""
    return key.replace("_", " ")


def country(code: str) -> str:
    """A country's English name by its ISO 3166-1 code."""
    # Imported here: it reads its whole table.
    import pycountry

    found = pycountry.countries.get(alpha_2=code)
    return str(getattr(found, "common_name", found.name)) if found else code


def _context(letter: Letter, view: View, entry: Entry, name: str) -> dict[str, Any]:
    is_application = view.subject.startswith("KC")
    return {
        "name": _said(name, "the recipient's name"),
        "ref": view.subject if is_application else f"Edition {view.edition}",
        "is_application": is_application,
        "programme_title": f"K-City Network: Global Cooperation Program {view.edition}",
        "view": _filled(view.model_dump(mode="json"), "view"),
        "entry": _filled(entry.model_dump(mode="json"), "entry"),
        "data": _filled(entry.data, "entry.data"),
        "due_at": _said(letter.due_at, "the due date"),
        "grounds": letter.grounds,
        "letter": letter,
        # What stands behind the subject in the key: the timer of a reminder.
        "timer": letter.key.removeprefix(f"{letter.subject}/").partition("/")[0],
    }


def _filled(value: dict[str, Any], where: str) -> dict[str, Any]:
    return {name: _said(inner, f"{where}.{name}") for name, inner in value.items()}


def _said(value: Any, where: str) -> Any:
    # Undefined prints as an error that names the field, and `is defined` still lets a template do without it.
    return jinja2.StrictUndefined(hint=f"{where} is empty") if value is None or value == "" else value


def _wrapped(body: str) -> str:
    """Paragraphs filled to a line's width; indented lines stay as they are."""
    paragraphs = [block for block in body.strip().split("\n\n") if block.strip()]
    filled = [
        block.strip("\n") if any(line.startswith(" ") for line in block.splitlines()) else _fill(block)
        for block in paragraphs
    ]
    return "\n\n".join(filled) + "\n"


def _fill(block: str) -> str:
    return textwrap.fill(" ".join(block.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
