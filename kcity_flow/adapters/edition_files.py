"""Reads editions from TOML files, and names every fault by file, line and field.

Values come from ``tomllib``; it keeps no positions, so lines come from the tree-sitter grammar. Here, and not in
the domain, stands what needs data from outside: zones, country and currency codes, holiday calendars.
"""

import difflib
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import pycountry
import tree_sitter_toml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from tree_sitter import Language, Node, Parser

from kcity_flow.domain.contradictions import contradictions
from kcity_flow.domain.edition import Edition, name_of
from kcity_flow.domain.errors import Unknown

SHIPPED = Path(__file__).parents[1] / "editions"

Loc = tuple[str | int, ...]


class Fault(NamedTuple):
    """One thing wrong in a file: the line from 1, the field as a path, and what to write instead."""

    line: int
    field: str
    sentence: str


class EditionFileError(Exception):
    """An edition file that cannot be used. Its text has one sentence for each fault, in the order of the lines."""

    def __init__(self, file: Path, faults: list[Fault]) -> None:
        self.file = file
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(f"{file}, line {line}, {field}: {said}." for line, field, said in self.faults))


def shipped() -> dict[str, Path]:
    """The editions that come with the program, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}


def read_edition(name_or_path: str | Path) -> Edition:
    """The edition of this name (``2021``, ``rehearsal``) or in this file.

    Raises:
        Unknown: there is neither such a name nor such a file.
        EditionFileError: there is, but it cannot be used.
    """
    known = shipped()
    path = known.get(str(name_or_path), Path(name_or_path))
    if not path.is_file():
        raise Unknown(f"There is no edition {name_or_path}; name a file, or one of {', '.join(known)}.")
    return load_edition(path)


def load_edition(path: Path) -> Edition:
    """Read an edition's file.

    Instants without a zone take the edition's.

    Raises:
        EditionFileError: with every fault found.
        OSError: the file cannot be opened.
    """
    return edition_of(path, path.read_bytes())


def edition_of(path: Path, source: bytes) -> Edition:
    """The same of a text that is, or will be, in this file.

    Raises:
        EditionFileError: with every fault found.
    """
    try:
        data = tomllib.loads(source.decode())
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        raise EditionFileError(path, [Fault(line, "the text", "is not UTF-8; save it as UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise EditionFileError(path, [_syntax(source, error)]) from None
    lines = Lines(source, data)
    outside = [lines.fault(loc, said) for loc, said in _unknown_outside(data)]
    try:
        edition = Edition.model_validate(_in_zone(data, zone_named(data.get("zone")) or UTC), extra="forbid")
    except ValidationError as error:
        faults = [
            lines.fault(fault["loc"], _sentence(fault))
            for fault in error.errors(include_url=False)
            # A list whose only item is at fault counts as empty too: one fault, one sentence.
            if fault["type"] != "too_short" or not fault["input"]
        ]
        raise EditionFileError(path, outside + faults) from None
    faults = outside + [lines.fault(lines.loc(found), said) for found, said in contradictions(edition)]
    if faults:
        raise EditionFileError(path, faults)
    return edition


# --- lines ------------------------------------------------------------------------------------------------------------


class Lines:
    """On which line each value of a file stands, by its place in the data.

    ``nodes`` are the values themselves, and ``statements`` the pairs and tables of the file's outermost level, each by
    its place, in the file's order.
    """

    def __init__(self, source: bytes, data: dict[str, Any]) -> None:
        self._data = data
        self._lines: dict[Loc, int] = {(): 1}
        self._lengths: dict[Loc, int] = {}
        self.nodes: dict[Loc, Node] = {}
        self.statements: list[tuple[Loc, Node]] = []
        for node in Parser(Language(tree_sitter_toml.language())).parse(source).root_node.named_children:
            if node.type != "comment":
                self.statements.append((tuple(_key(node.named_children[0])), node))
            match node.type:
                case "pair":
                    self._pair((), node)
                case "table" | "table_array_element":
                    self._table(node)

    def _table(self, node: Node) -> None:
        header, *pairs = (child for child in node.named_children if child.type != "comment")
        *outer, last = _key(header)
        where = (*self._into((), outer), last)
        if node.type == "table_array_element":
            self._lengths[where] = self._lengths.get(where, 0) + 1
            self._lines.setdefault(where, node.start_point.row + 1)
            where = (*where, self._lengths[where] - 1)
        self._lines[where] = node.start_point.row + 1
        for pair in pairs:
            self._pair(where, pair)

    def _into(self, where: Loc, keys: list[str]) -> Loc:
        """Below a list of tables, a header means its last one."""
        for key in keys:
            where = (*where, key)
            if where in self._lengths:
                where = (*where, self._lengths[where] - 1)
        return where

    def _pair(self, where: Loc, node: Node) -> None:
        key, value = (child for child in node.named_children if child.type != "comment")
        for part in _key(key):
            where = (*where, part)
            self._lines.setdefault(where, node.start_point.row + 1)
        self._value(where, value)

    def _value(self, where: Loc, node: Node) -> None:
        self._lines.setdefault(where, node.start_point.row + 1)
        self.nodes[where] = node
        inner = [child for child in node.named_children if child.type != "comment"]
        if node.type == "array":
            for index, child in enumerate(inner):
                self._value((*where, index), child)
        elif node.type == "inline_table":
            for child in inner:
                self._pair(where, child)

    def fault(self, loc: Loc, sentence: str) -> Fault:
        """A fault at this place, or at the nearest one around it that stands in the file."""
        around = next(loc[:length] for length in range(len(loc), -1, -1) if loc[:length] in self._lines)
        return Fault(self._lines[around], self.path(loc) or "the file", sentence)

    def path(self, loc: Loc) -> str:
        """What a place is called: the other way round than :meth:`loc`."""
        names, value = [], self._data
        for part in loc:
            inner = value[part] if _has(value, part) else None  # type: ignore[index]  # a list takes the int
            names.append(name_of(inner, part) if isinstance(part, int) else part)
            value = inner  # type: ignore[assignment]  # whatever stands there
        return ".".join(names)

    def loc(self, path: str) -> Loc:
        """The place a path such as ``windows.call.closes_at`` names."""
        loc: Loc = ()
        value: Any = self._data
        rest = path
        while rest:
            # A key of [sources] is a path itself, with dots.
            head, _, rest = (rest, "", "") if _has(value, rest) else rest.partition(".")
            if isinstance(value, list):
                index = next((i for i, item in enumerate(value) if name_of(item, i) == head), None)
                if index is None:
                    break
                loc, value = (*loc, index), value[index]
            else:
                loc, value = (*loc, head), value.get(head) if isinstance(value, dict) else None
        return loc


def _has(value: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(value, list) and part < len(value)
    return isinstance(value, dict) and part in value


def _key(node: Node) -> list[str]:
    """The parts of a dotted key, read by TOML's own rules for quotes and escapes."""
    inner: Any = tomllib.loads(f"{(node.text or b'').decode()} = 0")
    parts = []
    while isinstance(inner, dict):
        [(part, inner)] = inner.items()
        parts.append(part)
    return parts


def _syntax(source: bytes, error: tomllib.TOMLDecodeError) -> Fault:
    # tomllib says where only in words: "Expected '=' (at line 3, column 5)", or "(at end of document)".
    said, _, where = str(error).partition(" (at ")
    number = where.removeprefix("line ").partition(",")[0]
    line = int(number) if number.isdigit() else max(1, len(source.splitlines()))
    return Fault(line, "the text", f"is not TOML: {said[:1].lower()}{said[1:]}; mend this line")


# --- what needs data from outside -------------------------------------------------------------------------------------


def zone_named(name: Any) -> ZoneInfo | None:
    """The time zone of this name, if this machine has it."""
    try:
        return ZoneInfo(name)
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError):
        return None


def currency_known(code: Any) -> bool:
    """Whether ISO 4217 has, or had, a currency of this code."""
    return isinstance(code, str) and pycountry.currencies.get(alpha_3=code) is not None


def _in_zone(value: Any, zone: tzinfo) -> Any:
    match value:
        case dict():
            return {key: _in_zone(inner, zone) for key, inner in value.items()}
        case list():
            return [_in_zone(inner, zone) for inner in value]
        case datetime(tzinfo=None):
            return value.replace(tzinfo=zone)
    return value


def _unknown_outside(data: dict[str, Any]) -> Iterator[tuple[Loc, str]]:
    if isinstance(data.get("zone"), str) and zone_named(data["zone"]) is None:
        yield ("zone",), f"there is no time zone {data['zone']}; write one like Asia/Seoul"
    for index, code in enumerate(_list(data.get("calendars"))):
        if isinstance(code, str) and code not in holidays.list_supported_countries():
            yield ("calendars", index), f"no calendar of holidays is known for {code}; write a country's code like KR"
    for index, project in enumerate(_list(data.get("projects"))):
        code = project.get("country") if isinstance(project, dict) else None
        if isinstance(code, str) and pycountry.countries.get(alpha_2=code) is None:
            yield ("projects", index, "country"), f"no country has the code {code}; write an ISO 3166-1 code like TR"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# --- sentences --------------------------------------------------------------------------------------------------------


def _sentence(fault: ErrorDetails) -> str:
    """What is wrong with a value and what to write instead."""
    said, context = fault["msg"], fault.get("ctx", {})
    given = repr(fault["input"]) if isinstance(fault["input"], str) else fault["input"]
    match fault["type"]:
        case "missing":
            return "is missing; add it"
        case "extra_forbidden":
            fields = _fields(fault["loc"])
            near = difflib.get_close_matches(str(fault["loc"][-1]), fields, n=1)
            return (
                f"is not known here; write {near[0]}" if near else f"is not known here; known are {', '.join(fields)}"
            )
        case "enum" | "literal_error":
            expected = str(context["expected"]).replace(" or ", ", ")
            return f"{given} is not known; write {'one of ' if ',' in expected else ''}{expected}"
        case "greater_than_equal":
            return f"{given} is too low; write {context['ge']} or more"
        case "less_than_equal":
            return f"{given} is too high; write {context['le']} or less"
        case "too_short":
            return "is empty; name at least one"
        case "string_pattern_mismatch":
            return f"{given} cannot stand here; write {_FORMS.get(context['pattern'], context['pattern'])}"
        case "value_error":
            return said.removeprefix("Value error, ")
        case kind:
            for start, instead in _INSTEAD.items():
                if kind.startswith(start):
                    return f"{given} cannot stand here; write {instead}"
            return f"{said[:1].lower()}{said[1:]}; mend it"


_FORMS = {
    "^[a-z][a-z0-9_]{0,59}$": "a name of small letters, digits and _",
    "^[a-z][a-z-]{0,29}$": "a name of small letters and -",
    "^[A-Z]{3}$": "three capital letters",
    "^[A-Z]{2}$": "two capital letters",
}

_INSTEAD = {
    "int": "a whole number without quotes, like 4",
    "bool": "true or false",
    "datetime": "an instant like 2021-04-21T00:00:00",
    "timezone": "an instant like 2021-04-21T00:00:00",
    "date": "a date like 2021-06-30",
    "string": "a text in quotes",
    "tuple": "a list in square brackets",
    "model": "a table",
    "dict": "a table",
}


def _fields(loc: Loc) -> list[str]:
    """The fields known where an unknown one was found."""
    model: type[BaseModel] = Edition
    for part in loc[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models(model.model_fields[part].annotation), model)
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
