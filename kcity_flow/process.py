"""How a process that has spoken to Temporal ends."""

import contextlib
import logging
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End this process now with exit ``code``, everything written and nothing finalised.

    Temporal's threads may still hold a Python callback when the interpreter finalises itself; then a process that
    has done its work aborts with code 134 (temporalio/sdk-python issue 300). Every program of ours ends here instead.
    Nothing registered with ``atexit`` runs.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        # The reader of a pipe may have gone before us.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
