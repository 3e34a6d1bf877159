"""Entries, views and letters to write with: what the tests of stores and mail share."""

from datetime import UTC, datetime, timedelta
from typing import Any

from kcity_flow.domain.ledger import sealed
from kcity_flow.domain.messages import Batch, Entry, Letter, Outcome, View
from kcity_flow.domain.stages import Via

REF = "KC2021-PLA-0001"
AT = datetime(2021, 3, 2, 5, 0, tzinfo=UTC)


def entry(number: int = 1, subject: str = REF, **fields: Any) -> Entry:
    made: dict[str, Any] = {
        "subject": subject,
        "number": number,
        "command": "receive",
        "outcome": Outcome.MADE,
        "source": "absent",
        "dest": "received",
        "person": "P-DESK",
        "role": "desk",
        "via": Via.UPDATE,
        "command_id": f"c{number}",
        "at": AT + timedelta(minutes=number),
        "recorded_at": AT + timedelta(minutes=number),
        "previous": "0" * 64,
    }
    return sealed(Entry(**{**made, **fields}))


def view(entries: int = 1, subject: str = REF, **fields: Any) -> View:
    made: dict[str, Any] = {
        "subject": subject,
        "edition": 2021,
        "stage": "received",
        "since": AT,
        "programme": "planning",
        "country": "GE",
        "city": "Tbilisi",
        "title": "A blueprint for the old town",
        "contact": "P-MAYOR",
        "entries": entries,
        "head": "1" * 64,
    }
    return View(**{**made, **fields})


def letter(template: str = "acknowledgement", to: str = "P-MAYOR", about: int = 1, **fields: Any) -> Letter:
    key = fields.pop("key", f"{REF}/{template}/{about}/{to}")
    return Letter(key=key, subject=REF, template=template, to=to, about=about, **fields)


def batch(number: int = 1, *letters: Letter, **fields: Any) -> Batch:
    return Batch(entries=(entry(number),), letters=letters, view=view(number, **fields))
