"""The templates of an installation: checked, and shown."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

from kcity_flow.adapters.edition_files import load_edition, shipped
from kcity_flow.interfaces.misuse import Misused
from kcity_flow.letters import Letters, checking
from kcity_flow.letters.page import html
from kcity_flow.letters.samples import NAMES, ORGANISATIONS, samples
from kcity_flow.letters.wording import Language
from kcity_flow.settings import BadSetting, Settings


class Shown(NamedTuple):
    """A letter as it would go out, about somebody invented."""

    subject_line: str
    text: str
    html: str


def check(settings: Settings) -> int:
    """Write every letter in every language about every kind of subject; returns how many were written.

    Raises:
        BadSetting: the folder of the installation's own templates is not there.
        LettersAtFault: some cannot be written.
    """
    return checking.check(_letters(settings), [load_edition(path) for path in shipped().values()])


def check_own(settings: Settings) -> None:
    """Check, if the installation has templates of its own; those that are shipped hold.

    Raises: what :func:`check` raises.
    """
    if settings.letters_dir:
        check(settings)


def preview(settings: Settings, template: str, language: Language) -> Shown:
    """A letter with everything stated that it may state.

    Raises:
        BadSetting: the folder of the installation's own templates is not there.
        Misused: there is no such letter.
        CannotWrite: it cannot be written.
    """
    if template not in (known := checking.names()):
        likely = get_close_matches(template, known, 1)
        advice = f"did you mean {likely[0]}?" if likely else f"there are {', '.join(known)}."
        raise Misused(f"There is no letter {template!r}; {advice}")
    sample = next(samples(template, [load_edition(shipped()["2021"])]))
    letter, view, entry = sample.letter, sample.view, sample.entry
    subject_line, text = _letters(settings).write(
        letter, view, entry, NAMES[language], sample.texts, language, ORGANISATIONS
    )
    return Shown(subject_line, text, html(subject_line, text, language))


def _letters(settings: Settings) -> Letters:
    if settings.letters_dir and not settings.letters_dir.is_dir():
        raise BadSetting(f"KCITY_LETTERS_DIR names {settings.letters_dir}, which is no folder; make it or unset it.")
    return Letters(settings.letters_dir)
