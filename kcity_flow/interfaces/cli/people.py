"""``kcity person`` and ``kcity mail``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from kcity_flow.domain.stages import Role
from kcity_flow.interfaces.cli.shell import AsJson, answer
from kcity_flow.interfaces.misuse import Misused

people = typer.Typer(
    name="person", help="People and their roles.", no_args_is_help=True, epilog="Example: kcity person list --role desk"
)
mails = typer.Typer(
    name="mail",
    help="The mails that the embedded catcher keeps.",
    invoke_without_command=True,
    epilog="Example: kcity mail show 12",
)


@people.command("add", epilog='Example: kcity person add "Kim Min-ji" minji@desk.example --role desk --id P-DESK')
def person_add(
    name: str,
    address: Annotated[str, typer.Argument(help="Where letters go.")],
    role: Annotated[list[Role], typer.Option(metavar="R", help="May be repeated.")],
    organisation: Annotated[str, typer.Option(help="Whom they belong to.")] = "",
    language: Annotated[Literal["en", "ko"], typer.Option(help="en or ko.")] = "en",
    person: Annotated[
        str | None, typer.Option("--id", metavar="P-…", help="An id of your choice; brings who has it up to date.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a person with roles. Histories will hold the id alone."""
    from email.utils import parseaddr

    from pydantic import TypeAdapter, ValidationError

    from kcity_flow.domain.messages import PersonId
    from kcity_flow.interfaces.office import stores
    from kcity_flow.settings import Settings

    if not name.strip():
        raise Misused("The name is empty; write the person's name.")
    user, _, domain = parseaddr(address)[1].rpartition("@")
    if not user or not domain:
        raise Misused(f"{address!r} is no e-mail address; write one like minji@desk.example.")
    if Role.CLOCK in role:
        raise Misused("The clock is nobody; a person has another role.")
    if person is not None:
        try:
            TypeAdapter(PersonId).validate_python(person)
        except ValidationError:
            raise Misused(f"{person!r} is no id; write P- and then capitals, digits or hyphens, like P-DESK.") from None
    with stores(Settings.read()) as (_, vault):
        known = vault.person(person) if person else None
        added = vault.add_person(name, address, organisation=organisation, language=language, roles=role, id=person)
    before = f" Before: {known.name}, in the roles {', '.join(known.roles)}." if known else ""
    said = f"{added} is {name}, in the roles {', '.join(role)}.{before}"
    answer(as_json, {"id": added, "roles": role}, lambda: said)


@people.command("list", epilog="Example: kcity person list --role ministry")
def person_list(
    role: Annotated[Role | None, typer.Option(metavar="R", help="Only those in this role.")] = None,
    as_json: AsJson = False,
) -> None:
    """List everybody who is known here, or everybody in a role."""
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.office import stores
    from kcity_flow.settings import Settings

    with stores(Settings.read()) as (_, vault):
        found = vault.people(role)
    answer(as_json, [tables.plain(person) for person in found], lambda: tables.people(found))


@mails.callback()
def mail(context: typer.Context, as_json: AsJson = False) -> None:
    """List or read the mails that the embedded catcher keeps; without more, the latest."""
    if context.invoked_subcommand is None:
        mail_list(as_json=as_json)
    elif as_json:
        raise Misused(f"--json comes last here; write `kcity mail {context.invoked_subcommand} --json`.")


@mails.command("list", epilog="Example: kcity mail list --last 100")
def mail_list(
    last: Annotated[int, typer.Option(min=0, help="How many, counted from the newest; 0: all.")] = 40,
    as_json: AsJson = False,
) -> None:
    """List the mails that were caught, the newest last."""
    from kcity_flow.interfaces import tables
    from kcity_flow.interfaces.mails import caught
    from kcity_flow.settings import Settings

    found = caught(Settings.read().mails, last)
    answer(as_json, {"mails": [vars(mail) for mail in found]}, lambda: tables.mails(found))


@mails.command("show", epilog="Example: kcity mail show 12")
def mail_show(number: Annotated[int, typer.Argument(metavar="N", min=1)], as_json: AsJson = False) -> None:
    """Show one mail."""
    from kcity_flow.interfaces.mails import read
    from kcity_flow.settings import Settings

    found = read(Settings.read().mails, number)
    headers = "\n".join(f"{name}: {value}" for name, value in found["headers"].items())
    answer(as_json, found, lambda: f"{headers}\n\n{found['text']}")
