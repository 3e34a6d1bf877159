"""How the command line shows things: tables and lists for people. Times are shown in Korean time, business time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kcity_flow.adapters.vault import Done, Outgoing, Person, State
from kcity_flow.audit.explain import Chapter
from kcity_flow.domain import messages as m
from kcity_flow.domain.application import Application, Facts, Proposal, Seat
from kcity_flow.domain.edition import Edition, Programme, Quota, values
from kcity_flow.domain.effects import KEEP_UNDO
from kcity_flow.domain.evaluation import judged_steps, points, score, too_few_sheets
from kcity_flow.domain.guards import Setting
from kcity_flow.domain.inbox import Item
from kcity_flow.domain.machine import APPLICATIONS, EDITIONS
from kcity_flow.domain.messages import Entry, Outcome, View
from kcity_flow.domain.moves import EDITION_MOVES, MOVES, Move
from kcity_flow.domain.reading import SEALED, OpenSheets
from kcity_flow.domain.reviewers import Assignment
from kcity_flow.domain.screening import Line
from kcity_flow.domain.selection import Call, EditionFacts
from kcity_flow.domain.stages import EditionStage, Role, Stage
from kcity_flow.domain.values import canonical_instant, last_day
from kcity_flow.gateway import BELONGS_TO, COUNTED, FILLED, PAPER_RANK, OrdersUnderWay, kind_of
from kcity_flow.interfaces import lifecycle
from kcity_flow.interfaces.inbox import following
from kcity_flow.interfaces.ranking import Ranking
from kcity_flow.interfaces.reviewing import Checked, Slot

ZONE = ZoneInfo("Asia/Seoul")
COMMON = ("id", "by", "trigger", "proposal", "evidence", "reason", COUNTED, BELONGS_TO, PAPER_RANK)
"""Fields that are given in other ways than by --data, or by nobody."""

_NUMBERS = (
    "#", "KRW", "rank", "sheets", "mean", "bonus", "entries", "places", "applications", "at most", "score",
)  # fmt: skip
"""Columns that are set to the right."""

_WIDE = 160
_COLOURS = {Outcome.MADE: "", Outcome.PROPOSED: "yellow", Outcome.REFUSED: "red"}


def console() -> Console:
    """Standard output; wide enough for whole lines where it is no terminal."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=_WIDE)


def moment(at: datetime | str | None) -> str:
    """An instant, to the minute."""
    if at is None:
        return ""
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{instant.astimezone(ZONE):%Y-%m-%d %H:%M}"


def deadline(at: datetime) -> str:
    """The last day of a deadline, or the minute where it is not over with a day."""
    return str(last_day(at, ZONE)) if at.astimezone(ZONE).time() == time() else moment(at)


def plain(model: Any) -> Any:
    """What ``--json`` prints for a model."""
    return model.model_dump(mode="json")


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column,
            justify="right" if column in _NUMBERS else "left",
            overflow="fold",
            no_wrap=column in ("ref", "due", "next"),
        )
    return table


# --- applications -----------------------------------------------------------------------------------------------------


def views(found: Iterable[View]) -> RenderableType:
    """A list of applications."""
    table = _table("ref", "stage", "since", "country", "city", "waits on", "next due")
    for view in found:
        due = f"{view.next_timer} {deadline(view.next_due_at)[:10]}" if view.next_due_at else ""
        mark = " · adopted" * view.adopted + " · waits for a second person" * bool(view.waiting_proposals)
        table.add_row(
            view.subject, view.stage + mark, moment(view.since)[:10], view.country, view.city, view.waits_on, due
        )
    return Group(table, Text(f"{table.row_count} application{'s' * (table.row_count != 1)}"))


def subject(
    view: View,
    facts: dict[str, Any],
    proposals: list[dict[str, Any]],
    ledger: list[Entry],
    texts: dict[str, str],
    orders: list[OrdersUnderWay],
) -> RenderableType:
    """One application or edition: how it stands, what waits, and its ledger with the texts that were written."""
    due = f"{view.next_timer} by {deadline(view.next_due_at)}" if view.next_due_at else "nothing"
    told: list[RenderableType] = [
        Text.assemble((view.subject, "bold"), "  ", view.title),
        Text(" · ".join(part for part in (view.programme, view.city, view.country, view.organisation) if part)),
        Text.assemble(
            "stands at ", (view.stage, "bold"), f" since {moment(view.since)}", " (file closed)" * view.closed
        ),
        Text(f"next due: {due}" + (f", waiting on {view.waits_on}" if view.waits_on else "")),
    ]
    told += [Text(line, style="yellow") for line in _rests(view, facts)]
    if view.krw is not None:
        told.append(Text(f"award: {view.krw:,} KRW" if view.programme else f"awards: {view.krw:,} KRW"))
    if view.adopted:
        told.append(Text("adopted: it ran before its edition was kept here"))
    if view.matching is not None:
        told.append(Text(f"matching funds: {matching(view.matching)}"))
    if view.scores.get("score"):
        told.append(Text("scores: " + ", ".join(f"{name} {points(score)}" for name, score in view.scores.items())))
    for some in orders:
        told.append(
            Text(
                f"under way: {some.of - some.done:,} of {some.of:,} orders of entry {some.entry} "
                f"({', '.join(some.triggers)}) are still to be carried out"
                + (f"; {told_again(some.again)}" if some.again else ""),
                style="yellow",
            )
        )
    told += [Text(line) for line in _tender(facts)]
    if facts.get("parties") or facts.get("framework", {}).get("texts"):
        told.append(framework(Application.model_validate(facts)))
    if facts.get("contract"):
        told.append(work(Application.model_validate(facts)))
    for line in _facts(facts):
        told.append(Text(line, style="dim"))
    for proposal in proposals:
        told.append(waiting(view.subject, proposal))
    return Group(*told, entries(ledger, texts))


def framework(application: Application) -> RenderableType:
    """The cooperation framework: its text, the rounds of negotiation, and who has signed which text and when."""
    texts, rounds = application.framework.texts, application.framework.rounds
    parts = [
        f"text {len(texts)} in force ({texts[-1].sha256}), tabled on {texts[-1].tabled_on}" if texts else "no text"
    ]
    if rounds:
        parts.append(f"{len(rounds)} round{'s' * (len(rounds) != 1)} of negotiation, the last on {rounds[-1].held_on}")
    if application.framework.signs_by:
        parts.append(f"extended to {application.framework.signs_by}")
    if missing := [name for name, party in application.parties.items() if not party.signed]:
        parts.append(f"missing: {', '.join(missing)}")
    table = _table("party", "kind", "signatory", "signed")
    for name, party in application.parties.items():
        signed = f"text {party.version} on {party.signed_on}" if party.signed else "refuses" if party.refused else "no"
        table.add_row(name, party.kind.replace("_", " "), party.signatory, signed)
    return Group(Text(f"framework: {'; '.join(parts)}"), *[table] * bool(application.parties))


def told_again(refs: Sequence[str], named: int = 5) -> str:
    """Who could not be told yet, as part of a sentence."""
    some = ", ".join(refs[:named]) + (f" and {len(refs) - named:,} more" if len(refs) > named else "")
    return f"no answer from {some}, which the edition tells again until there is one; see `kcity show {refs[0]}`"


def _tender(facts: dict[str, Any]) -> Iterable[str]:
    """The tender, from its terms to its complaints; who evaluates is named nowhere."""
    if facts.get("terms"):
        yield f"terms: {'agreed' if facts.get('terms_agreed') else 'to be agreed by the applicant'}"
    tender = facts.get("tender") or {}
    if not tender.get("closes_at"):
        return
    again = f", re-notice {tender['renotices']}" if tender.get("renotices") else ""
    yield f"notice: from {moment(tender['published_at'])}, bids until {deadline(_instant(tender['closes_at']))}{again}"
    if questions := tender.get("questions", ()):
        yield f"questions: {len(questions)}, answered {sum(bool(one.get('answered')) for one in questions)}"
    bids = tender.get("bids", ())
    if not tender.get("opened"):
        yield f"bids: {bids if isinstance(bids, int) else len(bids)}, sealed"
        return
    standing = [bid for bid in bids if not bid.get("withdrawn")]
    yield f"bids: {len(standing)}, opened"
    yield from (f"  {_bid(bid)}" for bid in standing)
    if committee := tender.get("committee", ()):
        free = sum(one.get("free") is True for one in committee)
        yield f"committee: {len(committee)} members, free of conflict {free}"
    if (order := tender.get("order")) is not None:
        yield f"evaluated: {' before '.join(order) or 'no valid bid'}"
    if failed := tender.get("failed"):
        yield f"negotiation failed with {', '.join(failed)}"
    if agreed := tender.get("negotiated"):
        yield f"agreed: {agreed['contractor']} at {agreed['krw']:,} KRW"
    if at := tender.get("announced_at"):
        ends = facts.get("timers", {}).get("standstill", {}).get("due_at")
        yield f"award announced {moment(at)}, standstill {'until ' + str(deadline(_instant(ends))) if ends else 'over'}"
    for one in tender.get("complaints", ()):
        yield f"complaint: {one['bidder']}, {one['ground'].replace('_', ' ')}, {one['state']}"


def _bid(bid: dict[str, Any]) -> str:
    said = [bid["bidder"], f"{bid['krw']:,} KRW" if bid.get("krw") is not None else "not recorded yet"]
    said += [bid["country"]] if bid.get("country") else []
    said += [f"{bid['points']} points"] if bid.get("points") is not None else []
    said += [f"not valid: {bid['ground']}"] if bid.get("valid") is False else []
    return ", ".join(said)


def _instant(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def work(app: Application) -> RenderableType:
    """The contract's work and money: its plan, what came of it, and a line that adds it up."""
    told: list[RenderableType] = []
    if app.plan_proposed:
        told.append(Text(f"plan of entry {app.plan_proposed.entry}: waits to be accepted", style="yellow"))
    if app.plan:
        table = _table("milestone", "due", "KRW", "accepted", "claimed", "paid")
        for one in app.plan:
            accepted = moment(one.accepted_at)[:10] if one.accepted_at else "reported" if one.reported_by else ""
            sums = (app.claimed_krw(milestone=one.key), app.claimed_krw("paid", milestone=one.key))
            table.add_row(one.key, str(one.due_on), f"{one.krw:,}", accepted, *(f"{krw:,}" for krw in sums))
        told.append(table)
    assert app.contract is not None  # whose work it is
    contract = app.contract.krw
    told.append(
        Text(
            f"contract {contract:,} KRW · claimed {app.claimed_krw():,} · paid {app.paid_krw:,} · "
            f"left {contract - app.paid_krw:,}"
        )
    )
    lines = {
        "claims": [f"{claim.number} {claim.krw:,} KRW {claim.state}" for claim in app.claims],
        "reports": [f"{report.month} {report.kind}" for report in app.reports],
        "visits": [f"{visit.done_on} ({len(visit.present)} there)" for visit in app.visits],
        "subcontracts": [f"{one.firm} {one.country} {one.krw:,} KRW" for one in app.subcontracts],
        "extensions": [f"to {one.ends_on} ({one.ground})" for one in app.extensions],
        "suspensions": [f"from {moment(one.since)[:10]}, {one.days} days" for one in app.suspensions],
        "earlier contractors": [f"{one.contractor} {one.krw:,} KRW" for one in app.contracts_before],
    }
    told += [Text(f"{name}: {', '.join(found)}") for name, found in lines.items() if found]
    return Group(*told)


_SHOWN_ABOVE = (
    "ref", "stage", "since", "programme", "city", "title", "year", "place", "timers", "applicant", "parties",
    "framework", "tender", "terms", "terms_agreed", "frozen", "freezes", "plan", "plan_proposed", "claims", "reports",
    "visits", "subcontracts", "extensions", "suspensions", "contracts_before", "matching", "matching_krw",
)  # fmt: skip


def _facts(facts: dict[str, Any]) -> Iterable[str]:
    for name, value in facts.items():
        if name not in _SHOWN_ABOVE and value not in (None, "", False, 0, [], {}):
            written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{name}: {_short(written)}"


def _short(text: str) -> str:
    return text if len(text) <= 300 else text[:299] + "…"


def waiting(name: str, proposal: dict[str, Any]) -> Text:
    """A proposal that waits for its second person, and how to confirm it."""
    data = {name: value for name, value in proposal["substance"].items() if name != "trigger" and value is not None}
    written = f" {_short(json.dumps(data, ensure_ascii=False))}" if data else ""
    return Text(
        f"waits: {proposal['trigger']}{written}, proposed by {proposal['person']} as entry {proposal['entry']}; "
        f"{' or '.join(proposal['approvers'])} confirms it with: "
        f"kcity do {name.removeprefix('edition/')} {proposal['trigger']} --confirm {proposal['entry']}",
        style="yellow",
    )


def entries(ledger: Iterable[Entry], texts: dict[str, str]) -> RenderableType:
    """A ledger, each entry with what was written to it and the head of its hash."""
    table = _table("#", "when", "move", "stage", "who", "hash")
    for entry in ledger:
        went = entry.dest if entry.dest == entry.source else f"{entry.source} → {entry.dest}"
        what = entry.command if entry.outcome is Outcome.MADE else f"{entry.command} ({entry.outcome})"
        if entry.refused:
            what += f": {entry.refused.guard or entry.refused.code}"
        said = [texts[c] for c in (entry.reason, *entry.data.values()) if isinstance(c, str) and c in texts]
        what += "".join(f"\n  “{_short(' '.join(text.split()))}”" for text in said)
        who = entry.person if entry.person == entry.role else f"{entry.person} {entry.role}"
        table.add_row(
            str(entry.number), moment(entry.at), what, went, who, entry.hash[:8], style=_COLOURS[entry.outcome]
        )
    return table


# --- moves ------------------------------------------------------------------------------------------------------------


class _Asked(Exception):
    """A guard asked for something that only the command says."""


class _Unsaid:
    """A command nobody has given yet."""

    def __getattr__(self, name: str) -> Any:
        raise _Asked(name)


def offers(
    name: str, standing: dict[str, Any], ledger: list[Entry], edition: Edition, now: datetime
) -> list[dict[str, Any]]:
    """The moves that are legal now: each with where it leads, who may, and what it asks for.

    A guard that only looks at facts is answered: ``holds`` is true or false; one that looks at the command is not
    (``null``).
    """
    application = kind_of(name) == "application"
    lifecycle_of: Any = APPLICATIONS if application else EDITIONS
    found = []
    for trigger in standing["offers"]:
        stage: Any = Stage(standing["view"]["stage"]) if application else EditionStage(standing["view"]["stage"])
        move = lifecycle_of.row(trigger, stage, Role.DESK)
        if move.undoes and move.dest != _undoable(ledger):
            continue
        facts = _facts_of(application, standing, move, edition, now)
        if application and facts.source is not Stage.ABSENT:
            programme = edition.programme(facts.application.programme)
            setting = Setting(programme, edition.window(programme), facts.source, facts.dest)
            if any(rule(setting) for rule in move.rules):
                continue
        model = (m.APPLICATION_COMMANDS if application else m.EDITION_COMMANDS)[trigger]
        found.append(
            {
                "trigger": trigger,
                "dest": str(move.dest or stage),
                "keeps_stage": move.dest is None,
                "actors": [str(role) for role in move.actors],
                "approvers": [str(role) for role in move.approvers],
                "sent_by": move.sent_by.value if move.sent_by else None,
                "guards": [_judged(guard, facts) for guard in move.guards],
                "fields": fields(model),
            }
        )
    return found


def _undoable(ledger: list[Entry]) -> str | None:
    """The stage that the last move left, where that move can be undone."""
    made = (entry for entry in reversed(ledger) if entry.outcome is Outcome.MADE and entry.command not in KEEP_UNDO)
    last = next(made, None)
    undone = last is None or last.source == last.dest or last.command.startswith("return_to_")
    return None if last is None or undone else last.source


def _facts_of(application: bool, standing: dict[str, Any], move: Move, edition: Edition, now: datetime) -> Any:
    waits = [Proposal.model_validate(proposal) for proposal in standing["proposals"]]
    common: dict[str, Any] = {
        "command": _Unsaid(),
        "edition": edition,
        "now": now,
        "entries": standing["view"]["entries"],
        "proposal": waits[0] if waits else None,
    }
    if application:
        file = Application.model_validate(standing["facts"])
        # Only the workflow knows the application before its last move.
        undo: Any = _Unsaid()
        return Facts(application=file, source=file.stage, dest=move.dest or file.stage, undo=undo, **common)
    call = Call.model_validate(standing["facts"])
    return EditionFacts(call=call, source=call.stage, dest=move.dest or call.stage, **common)


def _judged(guard: Any, facts: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"name": guard.__name__, "sentence": lifecycle.sentence(guard), "holds": None, "missing": ""}
    try:
        missing = guard(facts)
    except Exception:
        # It reads the command, or what only a workflow has (the last move, to undo it): not known before.
        return told
    return {**told, "holds": not missing, "missing": missing}


def fields(model: type[m.Command]) -> dict[str, Any]:
    """The fields of a command that --data gives: JSON schema of each, and whether it is needed."""
    schema = model.model_json_schema(mode="validation")
    defs = schema.get("$defs", {})
    hidden = (*COMMON, *FILLED.get(model.model_fields["trigger"].default, ()))
    return {
        name: {**_resolved(value, defs), "required": name in schema.get("required", ())}
        for name, value in schema["properties"].items()
        if name not in hidden
    }


def _resolved(value: Any, defs: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            return _resolved(defs[value["$ref"].rpartition("/")[2]], defs)
        return {key: _resolved(inner, defs) for key, inner in value.items() if key not in ("title", "discriminator")}
    return [_resolved(inner, defs) for inner in value] if isinstance(value, list) else value


def moves(name: str, view: View, found: list[dict[str, Any]], proposals: list[dict[str, Any]]) -> RenderableType:
    """What can be done now and by whom; then what is offered but lacks something."""
    lines: list[RenderableType] = [
        Text.assemble((name, "bold"), " stands at ", (view.stage, "bold"), f" since {moment(view.since)}.")
    ]
    lines += [waiting(name, proposal) for proposal in proposals]
    lacking: list[RenderableType] = []
    others: dict[str, list[str]] = {}
    for offer in found:
        if by := offer["sent_by"] or (offer["actors"] == [Role.CLOCK] and Role.CLOCK):
            others.setdefault(by, []).append(offer["trigger"])
        elif missing := [guard["missing"] for guard in offer["guards"] if guard["holds"] is False]:
            line = Text.assemble((offer["trigger"], "cyan"), f"  {_who(offer)}. Missing: {'; '.join(missing)}")
            lacking.append(_indented(line))
        else:
            lines += _offer(offer)
    if lacking:
        lines += [Text("\nNot yet, as something is missing:"), *lacking]
    for by, triggers in others.items():
        lines.append(Text(f"\nBy the {by} alone: {', '.join(triggers)}", style="dim"))
    lines.append(Text(f"\nDo one: kcity do {name} MOVE --as P-… [--data JSON] [--reason TEXT] [--evidence FILE]"))
    return Group(*lines)


def _offer(offer: dict[str, Any]) -> Iterable[RenderableType]:
    to = "" if offer["keeps_stage"] else f" → {offer['dest']}"
    yield Text.assemble("\n", (offer["trigger"] + to, "bold cyan"), f"  {_who(offer)}")
    for guard in offer["guards"]:
        mark, style = ("✓", "green") if guard["holds"] else ("·", "dim")
        yield _indented(Text.assemble((f"{mark} ", style), guard["sentence"]))
    if any(value["required"] for value in offer["fields"].values()):
        written = ", ".join(f'"{key}": {_kind(value)}' for key, value in offer["fields"].items())
        yield _indented(Text(f"--data {{{written}}}", style="dim"))


def _who(offer: dict[str, Any]) -> str:
    actors = [role for role in offer["actors"] if role != Role.CLOCK]
    who = "everybody" if len(actors) >= len(lifecycle.EVERYBODY) else " or ".join(actors)
    return f"by {who}" + (f", confirmed by {' or '.join(offer['approvers'])}" if offer["approvers"] else "")


def _indented(text: Text) -> RenderableType:
    return Padding(text, (0, 0, 0, 2), expand=False)


def _kind(value: dict[str, Any]) -> str:
    if options := value.get("anyOf"):
        return next(_kind(option) for option in options if option.get("type") != "null")
    if "const" in value or "enum" in value:
        return "|".join(json.dumps(option) for option in value.get("enum", [value.get("const")]))
    match value.get("type"):
        case "array":
            return f"[{_kind(value.get('items', {}))}, …]"
        case "object" if "properties" in value:
            return "{" + ", ".join(f'"{key}": {_kind(inner)}' for key, inner in value["properties"].items()) + "}"
        case "object":
            return f'{{"…": {_kind(value.get("additionalProperties") or {})}}}'
        case kind:
            return str(value.get("format", kind))


# --- screening, reviewers, sheets -------------------------------------------------------------------------------------


def checklist(ref: str, lines: Iterable[Line]) -> RenderableType:
    """A screening checklist: the record's answers, then the desk's questions."""
    table = _table("item", "what it asks", "answer", "reason code")
    for line in lines:
        answer = "for the desk" if line.answer is None else "yes" if line.answer else f"no: it lacks {line.missing}"
        table.add_row(line.item, line.text, answer, line.reason, style="red" if line.answer is False else "")
    asked = {line.item: True for line in lines if line.answer is None}
    data = json.dumps({"answers": asked, "complete": True})
    passes = f"kcity do {ref} pass_screening --as P-… --data '{data}'"
    fails = f'kcity do {ref} declare_ineligible --as P-… --data \'{{"item": "…"}}\''
    return Group(table, Text(f"All yes: {passes}"), Text(f"One no:  {fails}"))


def pool(entry: int, rows: Iterable[dict[str, Any]]) -> RenderableType:
    """The reviewers' pool, and how many applications each has."""
    table = _table("person", "organisations", "knows", "applications", "at most")
    for row in rows:
        several = (" ".join(row[name]) for name in ("organisations", "expertise"))
        table.add_row(row["person"], *several, str(row["applications"]), str(row["capacity"]))
    return Group(table, Text(f"{table.row_count} reviewers, named by entry {entry} of the edition."))


def assignment_data(found: Assignment) -> dict[str, Any]:
    """What ``assign --json`` prints."""
    pairs = [
        {"ref": pair.ref, "reviewer": pair.reviewer.person, "basis": plain(pair.basis), "why": pair.why}
        for pair in found.pairs
    ]
    return {"pairs": pairs, "short": found.short}


def assignment(found: Assignment, done: bool) -> RenderableType:
    """Who is proposed for what, and why."""
    table = _table("ref", "reviewer", "why")
    for pair in found.pairs:
        table.add_row(pair.ref, pair.reviewer.person, pair.why)
    said = "were assigned" if done else "are proposed; assign them with --yes, or choose yourself with a --reason"
    short = [Text(f"{ref}: nobody is left for {n} seats.", style="red") for ref, n in found.short.items()]
    if not found.pairs and not short:
        return Text("No seat is empty: nobody has to be assigned.")
    return Group(table, Text(f"{len(found.pairs)} reviewers {said}."), *short)


def checked_assignments(found: Checked) -> RenderableType:
    """Whether what was assigned comes out again."""
    told = [Text(f"{found.proposed} assignments come out again from the pool and the ledgers of their time.")]
    told += [Text(f"{ref}: {who} was the desk's own choice; its reason is on record.") for ref, who in found.chosen]
    return Group(*told, *(Text(line, style="red") for line in found.otherwise))


def slots(found: Iterable[Slot], done: bool) -> RenderableType:
    """When presentations may be heard."""
    table = _table("ref", "slot")
    for slot in found:
        table.add_row(slot.ref, f"{slot.at.astimezone(ZONE):%a} {moment(slot.at)}")
    if not table.row_count:
        return Text("No presentation of this programme waits for a date.")
    return Group(table, Text("They were scheduled." if done else "Schedule them with --yes."))


def sheets_data(application: Application, programme: Programme, sheets: OpenSheets) -> dict[str, Any]:
    """What ``sheets --json`` prints: each seat of each judged step, with what the reader may see."""
    steps = []
    for step in judged_steps(programme):
        seats = [
            {
                "reviewer": seat.reviewer,
                "state": _seat(application, step, seat),
                "scores": seat.scores if seat.scores is None or sheets.shows(step, seat.reviewer) else SEALED,
            }
            for seat in application.seats(step)
        ]
        mean = score(application, programme, step) if step in sheets.means else None
        steps.append(
            {
                "step": step,
                "seats": seats,
                "mean": str(mean) if mean is not None else None,
                "missing": too_few_sheets(application, programme, step),
                "threshold": programme.review.threshold,
            }
        )
    return {"ref": application.ref, "criteria": [criterion.key for criterion in programme.criteria], "steps": steps}


def _seat(application: Application, step: str, seat: Seat) -> str:
    if tie := application.conflict_of(seat.reviewer):
        return tie
    if seat in application.counted_sheets(step):
        return "counts"
    if seat.void:
        return "voided"
    return "not declared" if seat.free is None else "free of conflict, not sealed"


def sheets(data: dict[str, Any]) -> RenderableType:
    """An application's score sheets."""
    told: list[RenderableType] = []
    for step in data["steps"]:
        table = _table("reviewer", *data["criteria"], "state")
        for seat in step["seats"]:
            scores = seat["scores"]
            cells = [scores] * len(data["criteria"]) if scores == SEALED else [
                "" if scores is None else str(scores.get(key, "")) for key in data["criteria"]
            ]  # fmt: skip
            table.add_row(seat["reviewer"], *cells, seat["state"])
        mean = (
            f"mean {points(step['mean'])}, threshold {step['threshold']}" if step["mean"] else "no mean yet to be read"
        )
        lacks = f"; lacks {step['missing']}" if step["missing"] else ""
        told += [Text(f"{step['step']} of {data['ref']}: {mean}{lacks}"), table]
    return Group(*told)


# --- the inbox --------------------------------------------------------------------------------------------------------


def inbox_data(items: Iterable[Item], person: str | None) -> list[dict[str, Any]]:
    """What ``inbox --json`` prints."""
    return [{**plain(item), "task": item.task(), "next": following(item, person)} for item in items]


def inbox(items: list[Item], person: str | None) -> RenderableType:
    """What waits for a person, or for anybody: by when, what it is, what to type next."""
    if not items:
        whom = person or "anybody"
        return Text(f"Nothing waits for {whom}; `kcity list E` shows where everything stands.")
    table = _table("due", "ref", "programme", "city", "what", *([] if person else ["waits for"]), "next")
    for item in items:
        due = deadline(item.waiting.due_at) if item.waiting.due_at else "no date"
        whom = ", ".join(item.waiting.to)
        table.add_row(
            due + " overdue" * item.overdue,
            item.subject.removeprefix("edition/"),
            item.programme,
            item.city,
            item.task() + (f" ({whom} has not)" if item.escalated else ""),
            *([] if person else [whom]),
            following(item, person),
            style="red" if item.overdue else "",
        )
    overdue = sum(item.overdue for item in items)
    count = f"{len(items)} wait{'s' * (len(items) == 1)}{f' for {person}' if person else ''}"
    return Group(table, Text(f"{count}, {overdue} overdue." if overdue else f"{count}."))


# --- explanations -----------------------------------------------------------------------------------------------------


def explanation(name: str, chapters: Iterable[Chapter]) -> RenderableType:
    """Headings with their sentences; what somebody wrote is set off."""
    lines: list[RenderableType] = [Text(name, style="bold")]
    for chapter in chapters:
        lines.append(Text(f"\n{chapter.heading}", style="bold cyan"))
        lines += [_indented(Text(said.text, style="italic" if said.quoted else "")) for said in chapter.sentences]
    return Group(*lines, Text("\nDates and hours are Korean.", style="dim"))


# --- the ranking ------------------------------------------------------------------------------------------------------


def ranking_data(found: Ranking) -> dict[str, Any]:
    """What ``rank --json`` prints; scores are exact fractions, money is KRW."""
    (least, most), outcomes = found.sums(), found.outcomes()
    scores = [line.candidate.score for line in found.lines]
    data: dict[str, Any] = {
        "programme": found.programme.key,
        "taken": found.taken,
        "places": found.places,
        "min_krw": least,
        "max_krw": most,
        "committed_krw": found.committed,
        "budget_krw": found.budget,
        "lines": [
            {
                "rank": line.rank,
                "ref": line.candidate.ref,
                "city": found.cities[line.candidate.ref],
                "country": line.candidate.country,
                "criteria": line.candidate.criteria,
                "sheets": line.candidate.sheets,
                "score": line.candidate.score,
                "mean": points(line.candidate.score, scores),
                "bonus": line.bonus,
                "matching": plain(line.candidate.matching) if line.candidate.matching else None,
                "previous": plain(line.candidate.previous) if line.candidate.previous else None,
                "decided_by": line.decided_by,
                "outcome": outcomes[line.candidate.ref],
            }
            for line in found.lines
        ],
        "incomplete": found.incomplete,
    }
    if found.decision:
        awards = {choice["ref"]: choice["krw"] for choice in found.decision.data["selected"]}
        data["decision"] = {
            "entry": found.decision.number,
            "proposal": found.decision.proposal,
            "at": canonical_instant(found.decision.at),
            "awards_krw": awards,
            "voted": found.decision.data.get("voted", []),
            "order_as_computed": _as_computed(found),
            "faults": list(found.faults),
        }
    return data


def _as_computed(found: Ranking) -> bool:
    """Whether the decision names those it decided on in the order that comes out again, equals in any."""
    rank_of = {line.candidate.ref: line.rank for line in found.lines}
    named = found.decision.data["ranking"] if found.decision else []
    ranks = [rank_of[ref] for ref in named if ref in rank_of]
    return len(ranks) == len(named) and ranks == sorted(ranks)


def ranking(found: Ranking) -> RenderableType:
    """The ranking, with lines below the places and below the reserve."""
    data = ranking_data(found)
    criteria = [criterion.key for criterion in found.programme.criteria]
    table = _table("rank", "ref", "country", "city", *criteria, "sheets", "mean", "bonus", "decided by", "outcome")
    lines = data["lines"]
    for line, below in zip(lines, [*lines, None][1:], strict=True):
        votes = "nothing" if line["outcome"] == "passed over" else "nothing: the committee votes"
        decided = votes if line["decided_by"] == "vote" else line["decided_by"]
        table.add_row(
            *(str(line[key]) for key in ("rank", "ref", "country", "city")),
            *(points(line["criteria"][key]) for key in criteria),
            *(str(line[key]) for key in ("sheets", "mean", "bonus")),
            decided.replace("_", " "),
            line["outcome"],
            style="" if line["outcome"] == "place" else "dim",
            end_section=below is not None and below["outcome"] != line["outcome"],
        )
    told = [Text(line) for line in _sums(found, data)]
    told += [Text(line) for line in (*_matching(found), *_preferred(found))]
    told += [Text(fault, style="red") for fault in found.faults]
    told += [Text(f"{ref} is not ranked: {missing}.", style="yellow") for ref, missing in found.incomplete.items()]
    return Group(table, *told)


def _matching(found: Ranking) -> Iterable[str]:
    for line in found.lines:
        if funds := line.candidate.matching:
            yield f"{line.candidate.ref} brings matching funds of {matching(funds)}."


def _preferred(found: Ranking) -> Iterable[str]:
    for line in found.lines:
        if previous := line.candidate.previous:
            yield (
                f"{line.candidate.ref} is preferred for {previous.ref}, graded {previous.grade} "
                f"by its entry {previous.entry} ({previous.hash[:8]})."
            )


def matching(funds: m.MatchingFund) -> str:
    """What the host adds, and how it was promised."""
    if funds.amount is None:
        return f"{funds.krw:,} KRW"
    return f"{funds.krw:,} KRW: {funds.amount} {funds.currency} at {funds.rate} KRW, the rate of {funds.rate_on}"


def _sums(found: Ranking, data: dict[str, Any]) -> Iterable[str]:
    award, places = found.programme.award, quota(found.programme.quota)
    if found.decision is None:
        yield (
            f"{found.programme.key}: {places} places, {found.taken} taken; {found.places} can be given now. "
            "Above the line: a place; below: the reserve."
        )
        yield f"An award is {_krw(award.min_krw, award.max_krw)}; these places cost {_krw(*found.sums())}."
    else:
        given = data["decision"]["awards_krw"]
        yield (
            f"{found.programme.key}: {places} places; {len(given)} given for {sum(given.values()):,} KRW, decided by "
            f"entry {found.decision.number} of the edition on {moment(found.decision.at)[:10]}."
        )
        yield (
            "Counted again from the ledgers, the order is the one that was decided on."
            if data["decision"]["order_as_computed"]
            else "Counted again from the ledgers, the order differs from the one that was decided on."
        )
    left = "no budget is stated" if found.budget is None else f"the budget has {found.budget - found.committed:,} left"
    yield f"Awards of all programmes so far: {found.committed:,} KRW; {left}."


def _krw(least: int, most: int) -> str:
    return f"{least:,} KRW" if least == most else f"{least:,} to {most:,} KRW"


def preview(data: dict[str, Any], missing: list[str]) -> RenderableType:
    """What a decision would do, before anybody proposes it."""
    table = _table("rank", "ref", "country", "KRW", "score", "decided by", "gets")
    scores = [choice["score"] for choice in (*data["selected"], *data["reserve"])]
    for gets, choices in (("a place", data["selected"]), ("the reserve", data["reserve"])):
        for choice in choices:
            krw = f"{choice['krw']:,}" if gets == "a place" else ""
            cells = (points(choice["score"], scores), choice["decided_by"].replace("_", " "), gets)
            table.add_row(str(choice["rank"]), choice["ref"], choice["country"], krw, *cells)
    passed = len(data["ranking"]) - len(data["selected"]) - len(data["reserve"])
    left_out = f"; left out: {', '.join(data['left_out'])}" if data["left_out"] else ""
    total = sum(choice["krw"] for choice in data["selected"])
    told = Text(
        f"{len(data['selected'])} places for {total:,} KRW; {len(data['reserve'])} on the reserve; "
        f"{passed} passed over{left_out}."
    )
    verdict = [Text(line, style="red") for line in missing] or [Text("The rules allow it. Nothing was proposed.")]
    return Group(table, told, *verdict)


def quota(given: Quota) -> str:
    """A number of places and how binding it is, in words."""
    words = {"exact": "", "up_to": "up to ", "at_least": "at least ", "about": "about "}
    return f"{words[given.kind.value]}{given.places}"


# --- editions, people, mails ------------------------------------------------------------------------------------------


def edition_data(edition: Edition) -> dict[str, Any]:
    """What ``edition show --json`` prints: each value with where it comes from."""
    return {
        "year": edition.year,
        "version": edition.version,
        "values": {path: {"value": value, "from": edition.provenance(path)} for path, value in values(edition).items()},
    }


def edition(found: Edition) -> RenderableType:
    """An edition's rules in short, and what nobody announced."""
    table = _table("programme", "places", "award, KRW", "route", "window")
    for programme in found.programmes:
        award = programme.award
        krw = f"{award.min_krw:,}" if award.min_krw == award.max_krw else f"{award.min_krw:,} – {award.max_krw:,}"
        route = " → ".join(
            step.kind.value + (f" ×{step.rounds}" if step.rounds > 1 else "") for step in programme.route
        )
        window = found.window(programme)
        table.add_row(
            f"{programme.key} ({programme.code})",
            quota(programme.quota),
            krw,
            route,
            f"{moment(window.opens_at)[:10]} – before {moment(window.closes_at)}",
        )
    total = f"{quota(found.total)} places in all; " if found.total else ""
    budget = f"budget {found.budget_krw:,} KRW; " if found.budget_krw else ""
    unsaid = [path for path in values(found) if not found.provenance(path)]
    lines: list[RenderableType] = [
        Text.assemble((found.title.en, "bold"), f"  version {found.version}"),
        table,
        Text(
            f"{total}{budget}results by {found.results.due_on}, work ends {found.implementation.ends_on}; "
            f"{len(found.ladders)} timers"
        ),
        Text(f"assumed, not announced: {', '.join(found.assumed) or 'nothing'}", style="yellow"),
    ]
    if unsaid:
        lines.append(Text(f"{len(unsaid)} values do not say where they come from: {_heads(unsaid)}", style="dim"))
    return Group(*lines)


def _rests(view: View, facts: dict[str, Any]) -> Iterator[str]:
    """Since when it rests and by whose entry; of an edition, every freeze there was."""
    if view.frozen_since and view.programme:
        by = ", ".join(f"entry {entry} of edition {view.edition} ({scope})" for scope, entry in view.frozen.items())
        yield f"frozen since {moment(view.frozen_since)}, by {by}: no deadline runs"
    for freeze in facts.get("freezes", ()):
        until = f"until {moment(freeze['until'])}" if freeze["until"] else "still"
        yield f"freeze of {freeze['scope']}: since {moment(freeze['since'])}, {until}, entry {freeze['entry']}"


def _heads(paths: list[str]) -> str:
    """Paths in few words: by their first two parts, each once."""
    return ", ".join(dict.fromkeys(".".join(path.split(".")[:2]) for path in paths))


def people(found: Iterable[Person]) -> RenderableType:
    """A list of people."""
    table = _table("id", "name", "address", "organisation", "roles")
    for person in found:
        table.add_row(
            person.id, person.name or "(erased)", person.address, person.organisation, ", ".join(person.roles)
        )
    return table


def mails(found: Iterable[SimpleNamespace]) -> RenderableType:
    """A list of mails."""
    table = _table("#", "to", "subject")
    for mail in found:
        table.add_row(str(mail.number), mail.to, mail.subject)
    return table


def letter_data(row: Outgoing) -> dict[str, Any]:
    """What ``outbox --json`` prints of a letter: all but its text."""
    return {name: value for name, value in row._asdict().items() if name not in ("body", "claimed_by")}


def letters(found: Sequence[Outgoing], counts: Mapping[State, int], doubtful: int) -> RenderableType:
    """A list of letters, and how many there are of each state."""
    table = _table("state", "kind", "ref", "to", "address", "key", "why")
    for row in found:
        about = row.about.removeprefix("edition/")
        table.add_row(row.state, row.template, about, row.person, row.address, row.key, row.why)
    counted = ", ".join(f"{counts[state]:,} {state}" for state in State if counts.get(state)) or "nothing yet"
    twice = f"; {doubtful:,} may have arrived twice" if doubtful else ""
    told = Text(f"In the outbox: {counted}{twice}.")
    return Group(table, told) if found else told


def letter(row: Outgoing, acts: Sequence[Done]) -> RenderableType:
    """One letter, how it stands, its words, and what the desk did to it."""
    heads = {
        "Letter": row.key,
        "Kind": row.template,
        "About": row.about,
        "To": f"{row.person} <{row.address}>" if row.address else row.person,
        "State": f"{row.state}, tried {row.attempts} times" + ", may have arrived" * row.in_doubt,
        "Why": row.why,
        "Queued": moment(row.queued_at),
        "Sent": moment(row.sent_at),
        "Message-ID": row.message_id,
        "Subject": row.subject_line,
    }
    told = [Text(f"{name}: {value}") for name, value in heads.items() if value]
    done = [Text(f"{moment(one.at)}  {one.act} by {one.person}") for one in acts]
    return Group(*told, Text(f"\n{row.body}"), *done)


def moves_table(table_of: Iterable[Move]) -> RenderableType:
    """Rows of the lifecycle."""
    table = _table("move", "from", "to", "who", "second person", "conditions")
    for move in table_of:
        table.add_row(
            move.trigger,
            lifecycle.sources(move),
            str(move.dest or "–"),
            lifecycle.roles(move.actors),
            lifecycle.roles(move.approvers) or "–",
            ", ".join(guard.__name__ for guard in (*move.rules, *move.guards)),
        )
    return table


def lifecycle_tables() -> RenderableType:
    """Both tables of moves."""
    return Group(
        Text("An application", style="bold"),
        moves_table(MOVES),
        Text("An edition", style="bold"),
        moves_table(EDITION_MOVES),
    )
