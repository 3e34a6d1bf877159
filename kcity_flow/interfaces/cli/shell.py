"""What the commands share: arguments, the server that runs, the answer, the bar, what was refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from kcity_flow.interfaces.misuse import Misused

if TYPE_CHECKING:
    from kcity_flow.interfaces.office import Office


T = TypeVar("T")
DONE, REFUSED, MISUSED, INTERRUPTED = 0, 1, 2, 130
AsJson = Annotated[bool, typer.Option("--json", help="Plain JSON on standard output, and nothing else.")]
As = Annotated[str | None, typer.Option("--as", metavar="P-…", help="Who acts; needed where several people could.")]
EditionArgument = Annotated[str, typer.Argument(metavar="E", help="An edition's year, such as 2021.")]


def as_subject(subject: str) -> str:
    """A reference number or an edition's year, as it was typed.

    Raises:
        Misused: it is neither.
    """
    from kcity_flow.domain.errors import Unknown
    from kcity_flow.gateway import kind_of

    try:
        kind_of(subject)
    except Unknown as refusal:
        raise Misused(refusal.sentence) from None
    return subject


Subject = Annotated[
    str, typer.Argument(metavar="REF|E", help="A reference number, or an edition's year.", callback=as_subject)
]


def as_reference(ref: str) -> str:
    """An application's reference number, as it was typed.

    Raises:
        Misused: it is none.
    """
    from kcity_flow.gateway import kind_of

    if kind_of(as_subject(ref)) != "application":
        raise Misused(f"{ref!r} is an edition; explain takes an application's reference number.")
    return ref


def answer(as_json: bool, data: Any, show: Callable[[], Any]) -> None:
    """Print data as JSON, or what ``show`` makes of them."""
    if as_json:
        print(json.dumps(data, ensure_ascii=False, indent=2, default=str))
        return
    from kcity_flow.interfaces.tables import console

    console().print(show(), markup=False)


def with_office(work: Callable[[Office], Coroutine[Any, Any, T]]) -> T:
    """Do something at the server that runs."""
    from temporalio.runtime import Runtime, TelemetryConfig
    from temporalio.service import RPCError

    from kcity_flow.domain.errors import Unavailable
    from kcity_flow.interfaces.office import connected

    # The SDK's core says on standard output each time that it tries again; we say it once, in a sentence.
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)), error_if_already_set=False)

    async def at_work() -> T:
        async with connected() as office:
            try:
                return await work(office)
            except RPCError as error:
                raise Unavailable(
                    f"Temporal does not answer ({error.message}); see that `kcity up` is running."
                ) from None

    return asyncio.run(at_work())


def told_of(subject: str, move: str, receipt: Any) -> str:
    """What a command that was answered came to, in a sentence."""
    before = " before" if receipt.repeated else ""
    meets = "" if receipt.meets is None else f" It meets {receipt.meets:,} application{'s' * (receipt.meets != 1)}."
    if receipt.outcome == "proposed":
        return (
            f"{move} was proposed{before} as entry {receipt.entry}; a second person makes it with "
            f"`kcity do {subject} {move} --confirm {receipt.entry} --as P-…`.{meets}"
        )
    done = f"{move} was done{before}; {subject} stands at {receipt.stage} (entry {receipt.entry}, {receipt.hash[:8]})."
    return done + meets


def once_told() -> Callable[[str], None]:
    """Says on standard error, once, that nobody answers and that it goes on when somebody does."""
    said: list[str] = []

    def away(why: str) -> None:
        if not said:
            print(f"{why} It is tried again until there is an answer.", file=sys.stderr)
        said.append(why)

    return away


def tell_refused(file: Path | None, why: dict[str, str], as_json: bool) -> None:
    """What was refused, with where it stands, on standard error; the command then ends with 1."""
    if not as_json:
        for where, sentence in why.items():
            print(f"{f'{file}, ' if file else ''}{where}: {sentence.rstrip('.')}.", file=sys.stderr)
    if why:
        raise typer.Exit(REFUSED)


def write(path: Path, text: str, mode: Literal["w", "a"] = "w") -> None:
    """Write a file that somebody named.

    Raises:
        Misused: it cannot be written.
    """
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Misused(f"The file {path} cannot be written: {error.strerror}.") from None


@contextlib.contextmanager
def bar(what: str, as_json: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error for what takes long; nothing where nobody would see it."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def progress(items: list[T], what: str, as_json: bool) -> Iterator[T]:
    """The items, one after another, with a bar that says how far it is."""
    with bar(what, as_json) as told:
        for done, item in enumerate(items, start=1):
            yield item
            if told:
                told(done, len(items))
