"""What is published of an edition, as the command line asks for it: ledgers from the register, names from the vault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kcity_flow.audit.contracting import package
from kcity_flow.audit.ocds import RecordPackage
from kcity_flow.domain.errors import Refusal

if TYPE_CHECKING:
    from kcity_flow.interfaces.office import Office


async def procurements(office: Office, year: int) -> RecordPackage:
    """Everything public about an edition's procurements.

    Raises:
        Unknown: the edition was never opened.
        Refusal: there is nothing yet.
    """
    rules = (await office.gateway.rules(year)).edition
    ledgers = office.register.ledgers(year, "set_terms")
    found = package(rules, ledgers, office.vault.organisations(), office.settings.ocid_prefix)
    if not found.records:
        raise Refusal(
            f"Nothing of edition {year} is public yet: the first release of a procurement is that its terms are set."
        )
    return found


def written(package: RecordPackage) -> str:
    """As a file: JSON, the same for the same package."""
    return json.dumps(package.plain(), ensure_ascii=False, indent=2) + "\n"
