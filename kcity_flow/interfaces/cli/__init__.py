"""``kcity``, the command line: what the secretariat types.

Every command prints for people, or with ``--json`` plain JSON and nothing else. It ends with 0 when done, 1 when
refused, 2 when misused; what is wrong stands on standard error in one sentence. What a command needs is imported
within it, so that ``kcity --help`` answers at once.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from kcity_flow.interfaces.cli import (
    adopting,
    applications,
    editions,
    evaluation,
    exporting,
    letters,
    outbox,
    people,
    registers,
    running,
    selection,
)
from kcity_flow.interfaces.cli.shell import DONE, INTERRUPTED, MISUSED, REFUSED
from kcity_flow.interfaces.misuse import Misused
from kcity_flow.process import leave

app = typer.Typer(
    name="kcity",
    help="The K-City Network season: from the call to the closure of each project.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Example: kcity up --rehearse 2021",
)
for group in (
    running.commands, editions.commands, applications.commands, evaluation.commands, selection.commands,
    people.people, people.mails, letters.commands, outbox.commands, registers.commands, exporting.commands,
    adopting.commands,
):  # fmt: skip
    app.add_typer(group)


def main() -> NoReturn:
    """Run one command and end the process."""
    leave(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    as_json = "--json" in arguments
    try:
        code = app(args=arguments, prog_name="kcity", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return DONE  # the reader of our pipe had enough
    except TyperException as error:
        if not (sentence := _usage(error)):
            return MISUSED  # help was asked for by saying nothing, and was printed
        return _tell(Misused(sentence), as_json)
    except Exception as error:
        return _tell(error, as_json)


def _usage(error: TyperException) -> str:
    said = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{said}; see `{context.command_path if context else 'kcity'} --help`." if said else ""


def _tell(error: Exception, as_json: bool) -> int:
    """Say what is wrong on standard error; returns the exit code."""
    from kcity_flow.adapters.edition_files import EditionFileError
    from kcity_flow.adapters.stores import StoreFailed
    from kcity_flow.domain.errors import Refusal
    from kcity_flow.letters import CannotWrite
    from kcity_flow.letters.checking import LettersAtFault
    from kcity_flow.settings import BadSetting, CannotStart

    at_fault = Refusal | Misused | CannotStart | EditionFileError | LettersAtFault | CannotWrite | StoreFailed | OSError
    expected = isinstance(error, at_fault)
    fields = ("trigger", "stage", "role", "guard", "missing")
    told = {"code": getattr(error, "code", type(error).__name__), "sentence": str(error)}
    told |= {name: str(getattr(error, name, "")) for name in fields}
    if not expected:
        traceback.print_exc()
    elif as_json:
        print(json.dumps(told, ensure_ascii=False), file=sys.stderr)
    else:
        print(told["sentence"], file=sys.stderr)
    return MISUSED if isinstance(error, Misused | BadSetting) else REFUSED
