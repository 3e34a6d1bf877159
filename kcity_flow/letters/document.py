"""A decision as a document: the letter's own text on the letterhead, as a PDF."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from kcity_flow.letters.page import parts
from kcity_flow.letters.wording import ZONE, Language, day

if TYPE_CHECKING:
    import typst

DECISIONS = frozenset({
    "late", "ineligible", "deferred",
    "result_selected", "result_reserve", "result_not_selected",
    "objection_upheld", "objection_dismissed",
    "cancelled", "procurement_failed", "award_reduced",
    "complaint_upheld", "complaint_dismissed",
    "termination_notified", "terminated", "closed",
})  # fmt: skip
"""Letters that tell a decision, which people file: they bring it as a document, too."""


FONTS = ("fontpkg_noto_sans", "pylopdf_fonts_ko")
"""Packages that bring Noto Sans and Noto Sans KR, so that a document looks the same on every machine."""


def pdf(subject_line: str, body: str, language: Language, at: datetime) -> bytes:
    """The letter as a document. The same letter always makes the same bytes.

    Args:
        subject_line: Its heading.
        body: Its text, as it is sent.
        language: In which it is written.
        at: When, aware; its day in Korea is the document's.
    """
    said = inputs(subject_line, body, language, at)
    # A PDF knows no parts of a second.
    made = compiler().compile(layout(), format="pdf", sys_inputs=said, timestamp=at.replace(microsecond=0))
    if not isinstance(made, bytes):
        raise TypeError("A document is one file.")
    return made


def inputs(subject_line: str, body: str, language: Language, at: datetime) -> dict[str, str]:
    """What the layout is given: the letter as data, none of which is read as markup."""
    said = {
        "subject_line": subject_line,
        "parts": parts(body),
        "language": language,
        "date": day(at.astimezone(ZONE).date(), language),
    }
    return {"letter": json.dumps(said, ensure_ascii=False)}


@cache
def layout() -> bytes:
    """How a document looks."""
    return Path(__file__).with_name("document.typ").read_bytes()


@cache
def compiler() -> typst.Compiler:
    """What makes documents, with the fonts of :data:`FONTS` and none of the machine's."""
    # Imported here: only who sends letters needs them.
    import typst

    folders = [str(files(package)) for package in FONTS]
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders)
    return typst.Compiler(font_paths=fonts)
