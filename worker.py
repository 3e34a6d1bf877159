"""The composition root: settings → adapters → activities → worker. Nothing else puts parts together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.orders import Orders
from activities.record import Recorder
from kcity_flow.adapters.register import Register
from kcity_flow.adapters.smtp import Postman
from kcity_flow.adapters.vault import Vault
from kcity_flow.gateway import Gateway
from kcity_flow.letters import Letters
from kcity_flow.settings import Settings
from workflows.application import ApplicationWorkflow
from workflows.edition import EditionWorkflow
from workflows.in_order import InOrder

WORKFLOWS = (ApplicationWorkflow, EditionWorkflow)

PASSED_THROUGH = ("kcity_flow.domain", "activities", "structlog", "transitions", "holidays")
"""Modules that workflow code may use as they are: without state, and without I/O on import."""


def workflow_runner() -> InOrder:
    """The sandbox, as the worker and every replayer use it."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return InOrder(SandboxedWorkflowRunner(restrictions=restrictions))


@dataclass(frozen=True, slots=True)
class Programme:
    """Everything put together: what the command line, the rehearsal and tests work with."""

    client: Client
    register: Register
    vault: Vault
    gateway: Gateway
    postman: Postman
    worker: Worker


def assemble(client: Client, register: Register, vault: Vault, postman: Postman, settings: Settings) -> Programme:
    """Put the parts together; nothing runs yet."""
    gateway = Gateway(client, register, vault, settings.task_queue)
    worker = Worker(
        client,
        task_queue=settings.task_queue,
        workflows=list(WORKFLOWS),
        activities=[
            Recorder(register, vault, postman.wake, Letters(settings.letters_dir), settings.hold_letters).record,
            Orders(gateway).carry_out,
        ],
        activity_executor=ThreadPoolExecutor(max_workers=8, thread_name_prefix="activity"),
        workflow_runner=workflow_runner(),
        max_cached_workflows=2000,
        # How far a decision has been told is written down each second: a killed worker repeats no more than that.
        max_heartbeat_throttle_interval=timedelta(seconds=1),
        graceful_shutdown_timeout=timedelta(seconds=10),
    )
    return Programme(client, register, vault, gateway, postman, worker)


@contextlib.asynccontextmanager
async def working(programme: Programme) -> AsyncIterator[Programme]:
    """Run worker and postman for as long as the block lasts."""
    async with programme.worker, programme.postman:
        yield programme
