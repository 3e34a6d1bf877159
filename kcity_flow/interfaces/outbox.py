"""The outbox as the desk keeps it: whose letters it may touch, which are meant, and what came back."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterable
from email.message import Message

from kcity_flow.adapters.vault import ACTS, Act, CannotAct, Outgoing, State
from kcity_flow.domain.errors import NotPermitted, Unknown
from kcity_flow.domain.stages import Role
from kcity_flow.interfaces.misuse import Misused
from kcity_flow.interfaces.office import Stores, acting, reader

KEEPERS = (Role.DESK, Role.HEAD)
"""Who may touch a letter before it is sent."""

WAITING = (State.QUEUED, State.SENDING, State.HELD, State.FAILED)
"""Where a letter is not done with."""


def treated(
    opened: Stores,
    act: Act,
    keys: Iterable[str],
    person: str | None,
    *,
    kind: str | None = None,
    subject_line: str = "",
    body: str = "",
    why: str = "",
) -> list[Outgoing]:
    """Do something to letters: to those with these keys, or to all of a kind that stand where the act takes them.

    Raises:
        Misused: neither keys nor a kind are given, or it is not clear who acts.
        NotPermitted: the person is not of the desk, or in conflict with what a letter is about.
        CannotAct: a letter does not stand where the act takes it, or lacks something; none was touched.
    """
    keys = [*keys]
    if bool(keys) is bool(kind):
        raise Misused("Name letters by their keys, or all of a kind with --kind; `kcity outbox` lists them.")
    by = _keeper(opened, act, person)
    sources, _ = ACTS[act]
    if kind:
        keys = [row.key for row in opened.vault.outbox(*sources, template=kind)]
        if not keys:
            raise CannotAct(f"No letter of the kind {kind} is {' or '.join(sources)}; `kcity outbox` lists them.")
    for about in sorted({row.about for row in opened.vault.outbox(keys=keys)}):
        view = opened.register.view(about)
        if view and by in view.barred:
            raise NotPermitted(act, "the outbox", by, f"somebody who is not in conflict with {about}")
    why = why or (f"Held by {by}." if act is Act.HOLD else "")
    return opened.vault.treat(act, keys, by, subject_line=subject_line, body=body, why=why)


def letter(opened: Stores, key: str) -> Outgoing:
    """One letter.

    Raises:
        Unknown: there is none of that key.
    """
    found = opened.vault.outbox(keys=[key])
    if not found:
        raise Unknown(f"There is no letter {key}; `kcity outbox` lists those that there are.")
    return found[0]


def returned(opened: Stores, notice: bytes) -> tuple[Outgoing, str]:
    """Which letter a notice of non-delivery (RFC 3464) is about, and why it was not delivered.

    Raises:
        Misused: it names no letter of this outbox, or does not say that one failed.
    """
    named = dict.fromkeys(re.findall(rb"<[0-9a-f]{40}@kcity-flow>", notice))
    found = [row for name in named for row in opened.vault.outbox(message_id=name.decode())]
    if len(found) != 1:
        raise Misused("This message names no letter of the outbox; give the notice as it came, with all its parts.")
    message = email.message_from_bytes(notice, policy=email.policy.compat32)
    for part in message.walk():
        blocks = part.get_payload() if part.get_content_type() == "message/delivery-status" else ()
        for block in blocks:
            if isinstance(block, Message) and str(block["Action"]).strip().lower() == "failed":
                said = block["Diagnostic-Code"] or block["Status"] or "without a reason"
                return found[0], f"It came back: {' '.join(str(said).split())}"
    raise Misused("This message does not say that a letter failed; only a notice of non-delivery does.")


def _keeper(opened: Stores, act: Act, person: str | None) -> str:
    who = acting(opened.vault, person, None, [*KEEPERS], act).person
    _, roles = reader(opened.vault, who)
    if not set(KEEPERS) & set(roles):
        raise NotPermitted(act, "the outbox", who, "the role desk or head")
    return who
