"""The wording of every letter: a folder for each language, a template for each letter, and what a template may say.

A template begins with its subject line. A field that is missing or empty keeps the letter from being written: no
letter goes out with a hole in it. A file of the same path in an installation's own folder takes a template's place.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kcity_flow.domain.messages import Entry, Letter, View
from kcity_flow.letters import calendar
from kcity_flow.letters.wording import Language, country, day, due, score, won, words

SHIPPED = Path(__file__).parent
WIDTH = 76
"""Columns of a line; a Korean syllable takes two."""


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
    language: Language = "en"
    dates: str = ""


class Letters:
    """Writes letters. Templates are read once, so that those in use are those that were checked."""

    def __init__(self, overrides: Path | None = None) -> None:
        """Choose the templates.

        Args:
            overrides: A folder whose files take the place of shipped ones of the same path, such as ``ko/closed.j2``.
        """
        self.folders = tuple(folder for folder in (overrides, SHIPPED) if folder)
        self.templates = cache(self._templates)

    def write(
        self,
        letter: Letter,
        view: View,
        entry: Entry,
        name: str,
        texts: Mapping[str, str] = MappingProxyType({}),
        language: Language = "en",
        organisations: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[str, str]:
        """Word a letter.

        Args:
            letter: Which, and its due date if it states one.
            view: How its subject stands.
            entry: What the letter is about.
            name: The recipient's.
            texts: Free text of the entry, such as its ``question`` or ``reason``; may be without.
            language: The recipient's.
            organisations: Names of those that the entry knows by their ids; an id without one is said as it is.

        Returns:
            The subject line and the text.

        Raises:
            CannotWrite: there is no such template, or a field it needs is missing or empty.
        """
        try:
            template = self.templates(language).get_template(f"{letter.template}.j2")
            text = template.render(context(letter, view, entry, name, texts, organisations))
        except jinja2.TemplateNotFound as error:
            raise CannotWrite(f"There is no letter template {language}/{error.name}.") from None
        except Exception as error:  # a template may fail in its own way; none may stop what is recorded
            raise CannotWrite(f"The letter {language}/{letter.template} cannot be written: {error}.") from None
        return halves(text, f"{language}/{letter.template}")

    def dates(self, letter: Letter, view: View, entry: Entry, earlier: Iterable[str], language: Language) -> str:
        """The dates that a letter brings for its reader's calendar (:func:`kcity_flow.letters.calendar.dates`)."""
        known = self._exported(language, "_timers.j2", "AWAITED")

        def awaited(timer: str) -> str:
            said = known.get(timer, words(timer))
            return said[:1].upper() + said[1:]

        return calendar.dates(letter, view, entry, earlier, awaited)

    def _exported(self, language: Language, template: str, name: str) -> dict[str, str]:
        # By a template, so that staff mend words as they mend letters.
        found: dict[str, str] = getattr(self.templates(language).get_template(template).module, name, {})
        return found

    def _templates(self, language: Language) -> jinja2.Environment:
        environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader([folder / language for folder in self.folders]),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            autoescape=False,  # plain text
        )

        def in_words(key: str) -> str:
            return self._exported(language, "_words.j2", "WORDS").get(key, words(key))

        environment.filters |= {
            "day": partial(day, language=language),
            "due": partial(due, language=language),
            "won": partial(won, language=language),
            "points": partial(score, language=language),
            "country": partial(country, language=language),
            "words": in_words,
            "organisation": _organisation,
        }
        return environment


def halves(text: str, called: str) -> tuple[str, str]:
    """The subject line and the text of a letter, as its template made it.

    Raises:
        CannotWrite: it does not begin with its subject line, or says nothing behind it.
    """
    first, _, body = text.partition("\n")
    subject_line = " ".join(first.removeprefix("Subject:").split())
    if not first.startswith("Subject:") or not subject_line or not body.strip():
        raise CannotWrite(
            f"The letter {called} begins with {first[:40]!r} and not with a subject line; "
            "extend _letter.j2 on the first line, and keep the block subject on one."
        )
    return subject_line, _wrapped(body)


SAYS = (
    "name",
    "is_application",
    "view",
    "entry",
    "data",
    "texts",
    "due_at",
    "grounds",
    "letter",
    "timer",
    "organisations",
)
"""What a template may say."""


def context(
    letter: Letter, view: View, entry: Entry, name: str, texts: Mapping[str, str], organisations: Mapping[str, str]
) -> dict[str, Any]:
    """What a template may say of this letter. What is empty names itself where it is printed."""
    said = (
        _said(name, "the recipient's name"),
        view.subject.startswith("KC"),
        _filled(view.model_dump(mode="json"), "view"),
        _filled(entry.model_dump(mode="json"), "entry"),
        _filled(entry.data, "entry.data"),
        texts,
        _said(letter.due_at, "the due date"),
        letter.grounds,
        letter,
        calendar.timer_of(letter),
        organisations,
    )
    return dict(zip(SAYS, said, strict=True))


@jinja2.pass_context
def _organisation(said: jinja2.runtime.Context, id: str) -> str:
    return str(said["organisations"].get(id, id))


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
    lines: list[str] = []
    for word in block.split():
        if lines and columns(lines[-1]) + 1 + columns(word) <= WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def columns(text: str) -> int:
    """How wide a text stands in a font of fixed width."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
