"""Logging, configured once by each program.

Lines written by a workflow while its history is replayed are dropped: they were written when it first ran.
"""

import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow


def drop_replayed(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Let a workflow say each thing once."""
    if workflow.in_workflow() and workflow.unsafe.is_replaying_history_events():
        raise structlog.DropEvent
    return event


def temporal_context(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add the time (UTC; a workflow's own in a workflow) and which workflow, update or activity is speaking."""
    now = datetime.now(UTC)
    if workflow.in_workflow():
        now = workflow.now()
        event["workflow_id"] = workflow.info().workflow_id
        if update := workflow.current_update_info():
            event["update_id"] = update.id
    elif activity.in_activity():
        info = activity.info()
        event.update(workflow_id=info.workflow_id, activity_id=info.activity_id, attempt=info.attempt)
    event["timestamp"] = now.isoformat(timespec="milliseconds")
    return event


def configure(level: str = "info", file: Path | None = None) -> None:
    """Send the lines of structlog and of the standard library to one place.

    Args:
        level: The least level that is written.
        file: Where to add JSON lines. Without it lines go to standard error, for people if that is a terminal.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        temporal_context,
    ]
    render: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if file is None and sys.stderr.isatty():
        render += [structlog.dev.ConsoleRenderer()]
    else:
        render += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]

    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=render, foreign_pre_chain=shared))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # It reports every callback of every move at INFO.
    logging.getLogger("transitions").setLevel(logging.WARNING)

    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            drop_replayed,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
