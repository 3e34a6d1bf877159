"""What every test shares."""

import atexit
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from kcity_flow.process import leave
from tests.season import Season, real_season, real_server, skipped_season

# What an example finds must not depend on how busy the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave as the programs do, once pytest has said everything it has to say."""
    atexit.register(lambda: leave(int(session.exitstatus)))


@pytest.fixture
async def season(tmp_path: Path) -> AsyncIterator[Season]:
    """The 2021 season with its call open, on the server that skips time."""
    async with skipped_season(tmp_path) as season:
        yield season


@pytest.fixture
async def short_runs(tmp_path: Path) -> AsyncIterator[Season]:
    """The same on a real server, where runs are continued after some twenty events, and the window closes soon."""
    async with (
        real_server(tmp_path, limit_historyCount_suggestContinueAsNew=20) as client,
        real_season(client, tmp_path, closes_in=timedelta(seconds=62)) as season,
    ):
        yield season
