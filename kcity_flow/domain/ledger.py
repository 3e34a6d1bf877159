"""The append-only ledger: each entry carries the hash of the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from kcity_flow.domain.messages import Entry, canonical

GENESIS = "0" * 64
"""What the first entry names as its previous."""


def entry_hash(entry: Entry) -> str:
    """SHA-256 over what the entry says, as canonical JSON.

    What it does not say is left out, so that a field that is added later changes no older hash; and so is the wording
    of a refusal, which a newer version may put better: its code and its guard are in.
    """
    said = entry.model_dump(mode="json", exclude={"hash": True, "refused": {"missing"}}, exclude_defaults=True)
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def sealed(entry: Entry) -> Entry:
    """The entry with its hash."""
    return entry.model_copy(update={"hash": entry_hash(entry)})


def breaks(entries: Iterable[Entry]) -> list[str]:
    """Each place where the chain does not hold, in a sentence; nothing if it holds throughout."""
    found, previous, number = [], GENESIS, 0
    for entry in entries:
        number += 1
        if entry.number != number:
            found.append(f"{entry.subject}: entry {number} is missing, {entry.number} stands in its place")
            number = entry.number
        if entry.previous != previous:
            found.append(f"{entry.subject}: entry {entry.number} does not follow the one before it")
        if entry_hash(entry) != entry.hash:
            found.append(f"{entry.subject}: entry {entry.number} was changed after it was written")
        previous = entry.hash
    return found
