"""``kcity outbox``: the letters that wait, and what the desk does to them before they are sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kcity_flow.interfaces.cli.shell import As, AsJson, answer
from kcity_flow.interfaces.misuse import Misused

if TYPE_CHECKING:
    from kcity_flow.adapters.vault import Act, Outgoing

commands = typer.Typer(
    name="outbox",
    help="The letters that wait to be sent, and what the desk does to them.",
    invoke_without_command=True,
    epilog="Example: kcity outbox --state held",
)
Keys = Annotated[list[str] | None, typer.Argument(metavar="KEY…", help="Which letters.")]
Kind = Annotated[str | None, typer.Option("--kind", metavar="TEMPLATE", help="All letters of a kind.")]


@commands.callback()
def outbox(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option(metavar="S", help="Those in this state; all that are not done with if not given.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="TEMPLATE", help="Those of a kind.")] = None,
    about: Annotated[str | None, typer.Option(metavar="REF", help="Those about an application.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the letters that wait, with what is amiss with each; or do something to them."""
    if context.invoked_subcommand is not None:
        if as_json or state or kind or about:
            raise Misused(f"Options come last here; write `kcity outbox {context.invoked_subcommand} …`.")
        return
    from kcity_flow.adapters.vault import State
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.office import stores
    from kcity_flow.interfaces.outbox import WAITING
    from kcity_flow.settings import Settings

    if state and state not in [*State]:
        raise Misused(f"There is no state {state!r}; states are {', '.join(State)}.")
    states = (State(state),) if state else WAITING
    with stores(Settings.read()) as (_, vault):
        found = vault.outbox(*states, about=about, template=kind)
        counts, doubtful = vault.mail_counts(), vault.doubtful()
    told = {
        "letters": [tables.letter_data(row) for row in found],
        "counts": counts,
        "may_have_arrived_twice": doubtful,
    }
    answer(as_json, told, lambda: tables.letters(found, counts, doubtful))


@commands.command("show", epilog="Example: kcity outbox show KC2021-PLA-0001/result_selected/12/P-MAYOR")
def show(key: Annotated[str, typer.Argument(metavar="KEY")], as_json: AsJson = False) -> None:
    """Show one letter, and what the desk did to it."""
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.office import stores
    from kcity_flow.interfaces.outbox import letter
    from kcity_flow.settings import Settings

    with stores(Settings.read()) as opened:
        row = letter(opened, key)
        acts = opened.vault.acts(key)
    told = {**row._asdict(), "acts": [done._asdict() for done in acts]}
    answer(as_json, told, lambda: tables.letter(row, acts))


@commands.command("hold", epilog="Example: kcity outbox hold --kind result_selected --as P-DESK")
def hold(keys: Keys = None, kind: Kind = None, person: As = None, as_json: AsJson = False) -> None:
    """Keep letters from being sent until they are released."""
    _treat("hold", keys, kind, person, as_json)


@commands.command("release", epilog="Example: kcity outbox release --kind result_selected --as P-DESK")
def release(keys: Keys = None, kind: Kind = None, person: As = None, as_json: AsJson = False) -> None:
    """Let letters that are held be sent, to the address that their person has now."""
    _treat("release", keys, kind, person, as_json)


@commands.command("cancel", epilog="Example: kcity outbox cancel KC2021-PLA-0001/closed/12/P-MAYOR --as P-DESK")
def cancel(keys: Keys = None, kind: Kind = None, person: As = None, as_json: AsJson = False) -> None:
    """Let letters never be sent."""
    _treat("cancel", keys, kind, person, as_json)


@commands.command("retry", epilog="Example: kcity outbox retry KC2021-PLA-0001/result_selected/12/P-MAYOR --as P-DESK")
def retry(keys: Keys = None, kind: Kind = None, person: As = None, as_json: AsJson = False) -> None:
    """Send letters that failed again, under the same Message-ID, to the address that their person has now."""
    _treat("retry", keys, kind, person, as_json)


@commands.command("edit", epilog="Example: kcity outbox edit KEY --body letter.txt --as P-DESK")
def edit(
    key: Annotated[str, typer.Argument(metavar="KEY")],
    subject_line: Annotated[str, typer.Option("--subject", metavar="LINE", help="Another subject line.")] = "",
    body: Annotated[Path | None, typer.Option(metavar="FILE", help="Another text, in UTF-8.")] = None,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Give a letter that is held or has failed other words; the old ones are kept."""
    if not subject_line.strip() and body is None:
        raise Misused("Give the letter other words with --subject LINE or --body FILE.")
    if not subject_line.isprintable():
        raise Misused("The subject line holds a line break or a control character; write one line of text.")
    text = _text(body) if body else ""
    _treat("edit", [key], None, person, as_json, subject_line=subject_line.strip(), body=text)


@commands.command("bounce", epilog="Example: kcity outbox bounce notice.eml --as P-DESK")
def bounce(
    notice: Annotated[Path, typer.Argument(metavar="FILE", help="The notice of non-delivery as it came; -: piped.")],
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Record that a letter came back, by the mail server's notice; it then waits in the desk's inbox."""
    from kcity_flow.interfaces.office import stores
    from kcity_flow.interfaces.outbox import returned
    from kcity_flow.settings import Settings

    with stores(Settings.read()) as opened:
        row, why = returned(opened, _read(notice))
    _treat("bounce", [row.key], None, person, as_json, why=why)


DONE = {
    "hold": "held",
    "release": "released",
    "edit": "edited",
    "cancel": "cancelled",
    "retry": "queued again",
    "bounce": "recorded as returned",
}


def _treat(act: str, keys: list[str] | None, kind: str | None, person: str | None, as_json: bool, **words: Any) -> None:
    from kcity_flow.adapters.vault import Act
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.office import stores
    from kcity_flow.interfaces.outbox import treated
    from kcity_flow.settings import Settings

    with stores(Settings.read()) as opened:
        found = treated(opened, Act(act), keys or (), person, kind=kind, **words)
    answer(as_json, [tables.letter_data(row) for row in found], lambda: _said(Act(act), found))


def _said(act: Act, found: list[Outgoing]) -> str:
    what = f"The letter {found[0].key} was" if len(found) == 1 else f"{len(found)} letters were"
    return f"{what} {DONE[act]}."


def _text(path: Path) -> str:
    try:
        text = _read(path).decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise Misused(f"The file {path} holds no text in UTF-8; write the letter's text into it.")
    return text + "\n"


def _read(path: Path) -> bytes:
    import sys

    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise Misused(f"The file {path} cannot be read: {error.strerror}.") from None
