"""The bot under a fault, on both venues where the fault is not one venue's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rig import Rig, running

VENUES = ("binance", "bybit")


@pytest.fixture(params=VENUES)
async def rich_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """The same with so much money that its orders fill in parts."""
    async with running(tmp_path, request.param, nav=20_000_000) as one:
        yield one


@pytest.fixture(params=VENUES)
async def watchful_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """One that looks account, key and specifications over at every tick."""
    async with running(tmp_path, request.param, more='inspect_every: "1m"') as one:
        yield one


@pytest.fixture(params=VENUES)
async def lean_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """One whose coins are no collateral anywhere, so that a rise can liquidate it on both venues."""
    async with running(tmp_path, request.param, specs="equal", more='inspect_every: "1m"') as one:
        yield one


@pytest.fixture(params=VENUES)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """A bot whose BTC is 8pp over its target, not yet hedged; its promises are checked when the test ends."""
    async with running(tmp_path, request.param) as one:
        yield one
