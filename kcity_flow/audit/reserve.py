"""That a place which came free reaches the first of the reserve, on ledgers alone: no guard is asked, and no effect.

Whoever lets go of a place tells the edition. It names at once who stands first on the programme's reserve, and what is
given next there is theirs, unless a reason is on record (announcement, 1: places are counted; the order is assumed).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kcity_flow.domain.edition import Edition, Programme
from kcity_flow.domain.messages import Entry, Outcome
from kcity_flow.domain.selection import HOLDING
from kcity_flow.domain.stages import Stage


def out_of_turn(
    edition: Edition, of_edition: Sequence[Entry], applications: Mapping[str, Sequence[Entry]]
) -> list[str]:
    """Each place that was let go of unheard, or did not reach the first of the reserve, a sentence each; in order.

    Args:
        edition: Whose places they are.
        of_edition: The edition's own ledger.
        applications: The ledger of each application, by reference number.
    """
    return [*_unheard(of_edition, applications), *_faults(edition, of_edition)]


def _unheard(of_edition: Iterable[Entry], applications: Mapping[str, Sequence[Entry]]) -> Iterator[str]:
    released = (entry for entry in of_edition if entry.command == "release_place" and _made(entry))
    heard = Counter(entry.data["ref"] for entry in released if entry.data.get("krw") is None)
    for ref, ledger in applications.items():
        let_go = [
            e for e in ledger if _made(e) and e.source in HOLDING and e.dest not in (*HOLDING, Stage.IMPLEMENTATION)
        ]
        for entry in let_go[heard[ref] :]:
            yield _fault(entry, "its place came free, and the edition never heard of it")


@dataclass(frozen=True, slots=True)
class _Line:
    """A place, or a line on the reserve. KRW."""

    programme: str
    rank: int
    krw: int
    organisation: str
    reserve: bool = False


@dataclass(slots=True)
class _Places:
    """An edition's places and reserves while its ledger is read."""

    edition: Edition
    lines: dict[str, _Line] = field(default_factory=dict)
    left: dict[str, _Line] = field(default_factory=dict)
    free: set[str] = field(default_factory=set)
    """Programmes in which a place came free and nobody has it yet."""
    named: dict[str, str] = field(default_factory=dict)

    def first(self, programme: str) -> str | None:
        """Who stands first on a reserve of those that may have a place."""
        holders = {line.organisation for line in self.lines.values() if not line.reserve}
        barred = holders if self.edition.one_per_applicant else set()
        waiting = {
            ref: line.rank
            for ref, line in self.lines.items()
            if line.reserve and line.programme == programme and line.organisation not in barred
        }
        return min(waiting, key=waiting.__getitem__, default=None)

    def read(self, entry: Entry) -> None:
        """What an entry that was made changes."""
        data = entry.data
        ref = data.get("ref", "")
        match entry.command:
            case "decide_selection":
                self._decide(data)
            case "adopt":
                organisation = data["applicant"]["organisation"]
                self.lines[ref] = _Line(data["programme"], 0, data["krw"], organisation)
            case "promote_next" if ref in self.lines:
                self.lines[ref] = replace(self.lines[ref], krw=data["krw"], reserve=False)
            case "order_return" if ref in self.left and data["to"] in (*HOLDING, Stage.RESERVE):
                self.lines[ref] = self.left.pop(ref)
            case "release_place" if ref in self.lines and data.get("krw") is not None:
                self.lines[ref] = replace(self.lines[ref], krw=data["krw"])
            case "release_place" if ref in self.lines:
                self._release(self.lines.pop(ref), ref, again=data.get("reserve", False))
            case "nominate_next":
                self.named[data["programme"]] = ref
        for programme in self.edition.programmes:
            if programme.key in self.free and not self._room(programme):
                self.free.discard(programme.key)

    def _decide(self, data: Mapping[str, Any]) -> None:
        programme, last = data["programme"], 0
        chosen = [*((one, False) for one in data["selected"]), *((one, True) for one in data["reserve"])]
        for one, reserve in chosen:
            self.left.pop(one["ref"], None)
            self.lines[one["ref"]] = _Line(programme, one["rank"], one["krw"], one["organisation"], reserve)
            last = max(last, one["rank"])
        anew = {one["ref"] for one, _ in chosen}
        # Who was not ranked with the others stands, or on its return will stand, behind them.
        for lines in (self.lines, self.left):
            behind = [(ref, line) for ref, line in lines.items() if line.reserve and line.programme == programme]
            for ref, line in sorted(behind, key=lambda one: one[1].rank):
                if ref not in anew and chosen:
                    last += 1
                    lines[ref] = replace(line, rank=last)

    def _release(self, line: _Line, ref: str, *, again: bool) -> None:
        if not line.reserve and line.programme not in self.free:
            self.free.add(line.programme)
            self.named.pop(line.programme, None)
        if again:
            self.lines[ref] = replace(line, reserve=True)
        else:
            self.left[ref] = line

    def _room(self, programme: Programme) -> bool:
        """Whether place and money for one more are there without a reason."""
        held = [line for line in self.lines.values() if not line.reserve]
        total, budget = self.edition.total, self.edition.budget_krw
        here = programme.quota.left(sum(line.programme == programme.key for line in held))
        everywhere = total.left(len(held)) if total else None
        affordable = budget is None or sum(line.krw for line in held) + programme.award.min_krw <= budget
        return here != 0 and everywhere != 0 and affordable


def _faults(edition: Edition, ledger: Sequence[Entry]) -> Iterator[str]:
    places = _Places(edition)
    for entry, following in zip(ledger, (*ledger[1:], None), strict=True):
        if _made(entry):
            yield from _passed_over(places, entry)
            places.read(entry)
        if following is not None and following.command == "nominate_next":
            continue  # that belongs to the same moment
        for key in sorted(places.free):
            first = places.first(key)
            if first and places.named.get(key) != first:
                yield _fault(entry, f"a place was free in {key}, and {first}, the first of the reserve, was not named")
                places.named[key] = first


def _passed_over(places: _Places, entry: Entry) -> Iterator[str]:
    data = entry.data
    match entry.command:
        case "promote_next" if (line := places.lines.get(data["ref"])) and line.reserve:
            key, given = line.programme, [data["ref"]]
        case "promote_next":
            yield _fault(entry, f"{data['ref']} did not stand on the reserve")
            return
        case "decide_selection" if data["programme"] in places.free:
            key, given = data["programme"], [one["ref"] for one in data["selected"]]
        case _:
            return
    first = places.first(key)
    if first and given and first not in given and not entry.reason:
        yield _fault(entry, f"{', '.join(given)} came before {first}, the first of the reserve, without a reason")


def _made(entry: Entry) -> bool:
    return entry.outcome is Outcome.MADE


def _fault(entry: Entry, why: str) -> str:
    return f"{entry.subject}, entry {entry.number}, {entry.command}: {why}"
