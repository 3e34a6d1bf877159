"""A letter's parts, read back from its text, and its HTML made of them: whoever mends the text mends both.

A line that is indented and says ``Key:  value`` is a row of a table, one that begins with a hyphen an item of a list,
and any other stands by itself. What is not indented is a paragraph.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

import jinja2

from kcity_flow.letters.wording import Language

Kind = Literal["paragraph", "rows", "items", "lines"]

_ROW = re.compile(r" +([^ :][^:]*): +(\S.*)")
_ITEM = re.compile(r" +- (.*)")


class Part(NamedTuple):
    """Some of a letter; a row's two halves are key and value, anything else has the second alone."""

    kind: Kind
    lines: tuple[tuple[str, str], ...]


def parts(body: str) -> list[Part]:
    """A letter's parts, in order."""
    found = []
    for block in body.split("\n\n"):
        for kind, lines in groupby(block.strip("\n").splitlines(), _kind):
            read = tuple(_halves(kind, line) for line in lines)
            found.append(Part(kind, (("", " ".join(line for _, line in read)),) if kind == "paragraph" else read))
    return [part for part in found if any(value for _, value in part.lines)]


def html(subject_line: str, body: str, language: Language) -> str:
    """The letter as a page: no picture, no script, nothing that is fetched."""
    return _layout().render(subject_line=subject_line, parts=parts(body), language=language)


def _kind(line: str) -> Kind:
    if not line.startswith(" "):
        return "paragraph"
    return "items" if _ITEM.fullmatch(line) else "rows" if _ROW.fullmatch(line) else "lines"


def _halves(kind: Kind, line: str) -> tuple[str, str]:
    if kind == "rows" and (row := _ROW.fullmatch(line)):
        return row[1], row[2]
    item = _ITEM.fullmatch(line)
    return "", item[1] if item else line.strip()


@cache
def _layout() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("layout.html.j2")
