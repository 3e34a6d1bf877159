"""What every test shares."""

import atexit

import pytest

from kcity_flow.process import leave


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave as the programs do, once pytest has said everything it has to say."""
    atexit.register(lambda: leave(int(session.exitstatus)))
