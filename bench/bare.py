"""The floor: a workflow whose updates append to a list and answer, and nothing else."""

from typing import Any

from temporalio import workflow


@workflow.defn(name="Bare")
class BareWorkflow:
    """As little as an entity workflow can be."""

    @workflow.init
    def __init__(self, start: dict[str, Any]) -> None:
        self._commands: list[Any] = []
        self._over = False

    @workflow.run
    async def run(self, start: dict[str, Any]) -> int:
        """Live until told to stop."""
        await workflow.wait_condition(lambda: self._over)
        return len(self._commands)

    @workflow.update
    def command(self, data: dict[str, Any]) -> dict[str, Any]:
        """Keep the command and answer."""
        self._commands.append(data)
        return {"entry": len(self._commands)}

    @workflow.signal
    def stop(self) -> None:
        """End."""
        self._over = True
