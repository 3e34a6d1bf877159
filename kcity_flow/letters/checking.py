"""What is wrong with the templates, before a letter is written from one: by reading them, and by writing every letter.

A fault is a sentence that names file and line and says what to write there.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import jinja2
from jinja2 import nodes

from kcity_flow.domain.edition import Edition
from kcity_flow.domain.messages import Entry, Letter, View
from kcity_flow.letters import SAYS, SHIPPED, CannotWrite, Letters, context, halves
from kcity_flow.letters.samples import ALWAYS, NAMES, ORGANISATIONS, SOMETIMES, TEXTS, Sample, samples
from kcity_flow.letters.wording import LANGUAGES, Language

FRAME = "_letter.j2"
"""What every letter extends; what it sets may be said in each."""

HANGUL = re.compile("[가-힣]")


class Fault(NamedTuple):
    """One thing that is wrong, and where."""

    file: Path
    line: int
    said: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.said}."


class LettersAtFault(Exception):
    """Templates that cannot be used; its text has one sentence for each fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


def names() -> list[str]:
    """Every letter there is."""
    return sorted(path.stem for path in (SHIPPED / "en").glob("[!_]*.j2"))


def check(letters: Letters, editions: Sequence[Edition]) -> int:
    """Read every template, and write every letter in every language about every kind of subject.

    Args:
        letters: Whose templates.
        editions: Whose programmes are the kinds of application.

    Returns:
        How many letters were written.

    Raises:
        LettersAtFault: some cannot be, or a file takes no template's place.
    """
    faults, written = list(_strays(letters)), 0
    for language in LANGUAGES:
        for name in sorted(path.name for path in (SHIPPED / language).glob("*.j2")):
            wrong = list(_read(letters, language, name))
            if not wrong and not name.startswith("_"):
                for sample in samples(name.removesuffix(".j2"), editions):
                    written += 1
                    # One is enough: what is wrong with a line is so for each kind.
                    if wrong := list(_written(letters, language, sample)):
                        break
            faults += wrong
    if faults:
        # A line that several letters include is at fault once, and by what is first to find it.
        first = {(fault.file, fault.line): fault for fault in reversed(faults)}
        raise LettersAtFault(sorted(first.values()))
    return written


def _strays(letters: Letters) -> Iterator[Fault]:
    """Files of an installation's own folder that take the place of nothing: a misspelt one would be left unread."""
    known = [f"{path.parent.name}/{path.name}" for path in SHIPPED.glob("*/*.j2")]
    for folder in letters.folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            place = path.relative_to(folder).as_posix()
            if folder != SHIPPED and place not in known:
                likely = get_close_matches(place, known, 1)
                advice = f"name it {likely[0]}" if likely else f"name it like one of those in {SHIPPED}"
                yield Fault(path, 1, f"this file takes no template's place; {advice}, or remove it")


def _file(letters: Letters, language: Language, name: str) -> Path:
    return next(path for folder in letters.folders if (path := folder / language / name).is_file())


def _read(letters: Letters, language: Language, name: str) -> Iterator[Fault]:
    """What is wrong with a template as it stands: its form, and fields that do not exist."""
    file = _file(letters, language, name)
    try:
        tree = letters.templates(language).parse(file.read_text(encoding="utf-8"))
        # Filters that do not exist are found when it is compiled.
        letters.templates(language).get_template(name)
    except UnicodeDecodeError:
        yield Fault(file, 1, "this is not UTF-8; save it as such")
        return
    except jinja2.TemplateSyntaxError as error:
        yield Fault(Path(error.filename or file), error.lineno, f"{str(error.message).rstrip('.')}; mend it there")
        return
    frame = letters.templates(language).parse(_file(letters, language, FRAME).read_text(encoding="utf-8"))
    own = {*_set_in(tree), *_set_in(frame)}
    # A part that letters share says what any of them may.
    template = None if name.startswith("_") else name.removesuffix(".j2")
    for said, line in _said_in(tree):
        first, _, second = said.partition(".")
        if first in own:
            continue
        known = _known(template)
        fields = known.get(first)
        if first not in known:
            yield Fault(file, line, f"there is no field {said}; {_instead(first, known)}")
        elif second and fields is not None and second not in fields:
            advice = _instead(said, [f"{first}.{field}" for field in fields])
            yield Fault(file, line, f"there is no field {said} in this letter; {advice}")


def _known(template: str | None) -> dict[str, Iterable[str] | None]:
    """What a template may say: each name, with its fields where they are known."""
    stated = [
        field
        for table in (ALWAYS, SOMETIMES)
        for name, fields in table.items()
        for field in fields
        if template in (None, name)
    ]
    models = {"view": View.model_fields, "entry": Entry.model_fields, "letter": Letter.model_fields}
    return {**dict.fromkeys(SAYS), **models, "texts": TEXTS, "data": {*stated, "items"}}


def _instead(said: str, known: Iterable[str]) -> str:
    likely = get_close_matches(said, known, 1)
    return f"write {likely[0]}" if likely else f"write one of {', '.join(sorted(known)) or 'the others'}"


def _set_in(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Name, nodes.Macro, nodes.FromImport)):
        match node:
            case nodes.Name(ctx="store" | "param"):
                yield node.name
            case nodes.Macro():
                yield node.name
            case nodes.FromImport():
                yield from (name if isinstance(name, str) else name[1] for name in node.names)


def _said_in(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    """What is read in a template: names, and names with their field, each with its line."""
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load":
            yield name.name, name.lineno
    for field in tree.find_all(nodes.Getattr):
        if isinstance(field.node, nodes.Name):
            yield f"{field.node.name}.{field.attr}", field.lineno


def _written(letters: Letters, language: Language, sample: Sample) -> Iterator[Fault]:
    """What is wrong with a letter that is written."""
    name = f"{sample.letter.template}.j2"
    file = _file(letters, language, name)
    said = context(sample.letter, sample.view, sample.entry, NAMES[language], sample.texts, ORGANISATIONS)
    template = letters.templates(language).get_template(name)
    try:
        text = template.render(said)
        standing = template.new_context(said)
        # What a template sets or imports is known to its blocks only once it has been gone through.
        list(template.root_render_func(standing))
        for block in ("subject", "body"):
            part = "".join(standing.blocks[block][0](standing)) if block in standing.blocks else ""
            if not part.strip():
                yield Fault(file, 1, f"about {sample.of}, the block {block} is empty; write what the letter says there")
            elif language == "ko" and not HANGUL.search(part):
                yield Fault(file, 1, f"the block {block} is not in Korean; write it in Korean")
            elif block == "subject" and "\n" in part.strip():
                yield Fault(file, 1, "the block subject is broken over lines; write it on one")
        halves(text, f"{language}/{sample.letter.template}")
    except CannotWrite as fault:
        yield Fault(file, 1, str(fault).rstrip("."))
    except jinja2.TemplateNotFound as error:
        yield Fault(file, 1, f"there is no template {error.name} to extend or include; name one that is there")
    except Exception as error:  # a template may fail in its own way
        where, line = _where(error, file)
        advice = "ask first whether it `is defined`" if isinstance(error, jinja2.UndefinedError) else "mend it there"
        why = str(error).rstrip(".")
        yield Fault(where, line, f"about {sample.of}, this cannot be written: {why}; {advice}")


def _where(error: Exception, file: Path) -> tuple[Path, int]:
    """The line of a template on which something went wrong: tracebacks name templates as if they were code."""
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".j2")]
    return (Path(lines[-1].filename), lines[-1].lineno or 1) if lines else (file, 1)
