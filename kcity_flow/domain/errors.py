"""Every refusal, explained once.

A refusal is an answer, not an accident: it carries its fields and composes its own sentence, so that
console, command line and ledger say the same thing.
"""

from typing import ClassVar


class Refusal(Exception):
    """A command that was not carried out. Nothing has changed.

    Attributes:
        code: The stable name of the rule that refused, written into histories.
        trigger: The move that was asked for.
        stage: Where the application or edition stood.
        role: In what role it was asked for.
        guard: The guard that refused, when it was a guard.
        missing: What would have to be true first.
    """

    code: ClassVar[str] = "Refused"

    def __init__(
        self, sentence: str, *, trigger: str = "", stage: str = "", role: str = "", guard: str = "", missing: str = ""
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.trigger = trigger
        self.stage = stage
        self.role = role
        self.guard = guard
        self.missing = missing


class IllegalMove(Refusal):
    """The table has no such move from this stage."""

    code = "IllegalMove"

    def __init__(self, trigger: str, stage: str, role: str, offers: list[str]) -> None:
        legal = ", ".join(offers) or "nothing"
        super().__init__(
            f"{trigger} is not legal from {stage} (asked by {role}). Legal there: {legal}.",
            trigger=trigger,
            stage=stage,
            role=role,
            missing=f"a stage that offers {trigger}",
        )


class NotPermitted(Refusal):
    """The move is legal here, but not for this role, or not by this way."""

    code = "NotPermitted"

    def __init__(self, trigger: str, stage: str, role: str, needed: str) -> None:
        super().__init__(
            f"{role} may not {trigger} from {stage}: it takes {needed}.",
            trigger=trigger,
            stage=stage,
            role=role,
            missing=needed,
        )


class GuardFailed(Refusal):
    """The move is legal and permitted, but a fact it needs does not hold."""

    code = "GuardFailed"

    def __init__(self, trigger: str, stage: str, role: str, guard: str, missing: str) -> None:
        super().__init__(
            f"{role} cannot {trigger} from {stage}: {guard} does not hold. Missing: {missing}.",
            trigger=trigger,
            stage=stage,
            role=role,
            guard=guard,
            missing=missing,
        )


class SecondPersonNeeded(Refusal):
    """The two-person rule refuses: same person, other data, or no such proposal waiting."""

    code = "SecondPersonNeeded"

    def __init__(self, trigger: str, stage: str, role: str, missing: str) -> None:
        super().__init__(
            f"{role} cannot confirm {trigger} from {stage}: {missing}.",
            trigger=trigger,
            stage=stage,
            role=role,
            missing=missing,
        )


class Unreadable(Refusal):
    """A command that does not parse: unknown name, wrong number of arguments, or fields that do not fit."""

    code = "Unreadable"

    def __init__(self, trigger: str, why: str) -> None:
        super().__init__(
            f"The command {trigger!r} cannot be read: {why}. Nothing was done; send it again with these mended.",
            trigger=trigger,
            missing=why,
        )


class IdTaken(Refusal):
    """The command's id was used before, for another move."""

    code = "IdTaken"

    def __init__(self, trigger: str, command_id: str, earlier: str) -> None:
        super().__init__(
            f"The id {command_id!r} was used for {earlier} before. "
            f"Nothing was done; send {trigger} with an id of its own.",
            trigger=trigger,
            missing=f"an id that was not used for {earlier}",
        )


class Unknown(Refusal):
    """No edition, application, person or move goes by this name."""

    code = "Unknown"


class FileClosed(Refusal):
    """The application's file has been closed; nothing more is recorded on it."""

    code = "FileClosed"


class AlreadyReceived(Refusal):
    """The same application arrived before; its first reference number stands."""

    code = "AlreadyReceived"


class TooLarge(Refusal):
    """A payload over the limit; documents go to the document folder, commands name their hash."""

    code = "TooLarge"


class Unavailable(Refusal):
    """The Temporal server, or a worker, does not answer; the same command may be sent again under the same id."""

    code = "Unavailable"
