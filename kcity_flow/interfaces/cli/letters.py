"""``kcity letters``: the templates, checked and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from kcity_flow.interfaces.cli.shell import AsJson, answer, write

commands = typer.Typer(
    name="letters", help="The wording of letters.", no_args_is_help=True, epilog="Example: kcity letters check"
)


@commands.command(epilog="Example: KCITY_LETTERS_DIR=letters kcity letters check")
def check(as_json: AsJson = False) -> None:
    """Write every letter in both languages about every kind of application; name what is wrong, file and line."""
    from kcity_flow.interfaces import letters
    from kcity_flow.settings import Settings

    written = letters.check(Settings.read())
    answer(as_json, {"letters": written}, lambda: f"Every template can be used; {written:,} letters were written.")


@commands.command(epilog="Example: kcity letters preview result_selected --language ko --html letter.html")
def preview(
    template: Annotated[str, typer.Argument(help="A letter's name, such as result_selected.")],
    language: Annotated[Literal["en", "ko"], typer.Option(help="en or ko.")] = "en",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it as a page.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a letter as it would go out, to somebody invented."""
    from kcity_flow.interfaces import letters
    from kcity_flow.settings import Settings

    shown = letters.preview(Settings.read(), template, language)
    if html:
        write(html, shown.html)
    told = {"template": template, "language": language, "subject_line": shown.subject_line, "text": shown.text}
    answer(as_json, told, lambda: f"Subject: {shown.subject_line}\n\n{shown.text}")
