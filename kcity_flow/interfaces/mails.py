"""The mails that the embedded catcher keeps as files, for reading."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from kcity_flow.adapters.smtp import Catcher
from kcity_flow.interfaces.misuse import Misused


def caught(folder: Path, last: int = 0) -> list[SimpleNamespace]:
    """The heads of the mails caught, in order of arrival.

    Args:
        folder: The catcher's.
        last: How many of the newest; 0 for all.
    """
    found = []
    for path in Catcher(folder).files()[-last:]:
        with path.open("rb") as file:
            head = BytesParser(policy=default).parse(file, headersonly=True)
        found.append(SimpleNamespace(number=_number(path), to=str(head["To"]), subject=str(head["Subject"])))
    return found


def read(folder: Path, number: int) -> dict[str, Any]:
    """One mail: its headers and its text.

    Raises:
        Misused: there is none of that number.
    """
    path = next((path for path in Catcher(folder).files() if _number(path) == number), None)
    if path is None:
        raise Misused(f"There is no mail {number}; `kcity mail list` shows those that were caught.")
    with path.open("rb") as file:
        mail = BytesParser(policy=default).parse(file)
    shown = ("From", "To", "Subject", "Date", "Message-ID", "Reply-To")
    text = mail.get_body(("plain",))
    headers = {name: str(mail[name]) for name in shown if mail[name]}
    return {"number": number, "headers": headers, "text": text.get_content() if text else "", "file": str(path)}


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])
