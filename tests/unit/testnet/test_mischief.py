"""Replies that are whole and wrong."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from rig import Rig

from bot.paper.records import OrderStatus
from bot.testnet.dialect import Reply, Request
from bot.testnet.faults import Kind, Switch
from bot.testnet.mischief import Mischief

ASKED = Request("GET", "/list")


class Told:
    """A dialect that gives these replies, one after the other."""

    def __init__(self, *bodies: object) -> None:
        self._replies = [Reply(200, orjson.dumps(body)) for body in bodies]

    def answer(self, _request: Request) -> Reply:
        return self._replies.pop(0)


class World:
    """Nobody asks it for anything here."""

    exchange = None


def listed(*rows: int, **more: object) -> dict[str, Any]:
    return {"result": {"list": list(rows), **more}, "time": sum(rows)}


def spoiled(kind: Kind, *bodies: object) -> object:
    """What is said under the fault, after all but the last of these replies were given as they are."""
    mischief: Any = Mischief(World(), Told(*bodies))  # type: ignore[arg-type]  # fakes
    for _ in bodies[:-1]:
        mischief.plain(ASKED)
    return orjson.loads(mischief.answer(ASKED, Switch("GET *", kind)).body)


@pytest.mark.parametrize(("kind", "before", "now", "said"), [
    (Kind.STALE, [1], [2], [1]),
    (Kind.STALE, listed(1), listed(2), listed(1)),
    (Kind.LAGGING, listed(1), listed(2, 3), {"result": {"list": [1]}, "time": 5}),
    (Kind.LAGGING, {"positions": [1], "total": 1}, {"positions": [2], "total": 2}, {"positions": [1], "total": 2}),
    (Kind.DUPLICATE, [9], [1, 2], [1, 2, 1, 2]),
    (Kind.MISSING_PAGE, [9], [1, 2, 3, 4], [1, 2]),
    (Kind.MISSING_PAGE, listed(9), listed(1, 2, nextPageCursor="x"),
     {"result": {"list": [1], "nextPageCursor": ""}, "time": 3}),
    (Kind.MISSING_PAGE, {"id": 9}, {"id": 1}, {"id": 1}),
    (Kind.DUPLICATE, {"id": 9}, {"id": 1}, {"id": 1}),
])
def test_what_is_said_instead(kind: Kind, before: object, now: object, said: object) -> None:
    assert spoiled(kind, before, now) == said


@pytest.mark.parametrize("kind", [Kind.STALE, Kind.LAGGING])
def test_without_an_earlier_reply_nothing_is_old(kind: Kind) -> None:
    assert spoiled(kind, [1, 2]) == [1, 2]


@pytest.mark.parametrize("venue", ["binance", "bybit"])
@pytest.mark.parametrize("after", [0, 30_000])
async def test_a_cancel_is_acknowledged_and_done_later_or_never(
    venue: str, after: int, tmp_path: Any,
) -> None:
    rig = Rig(tmp_path, venue)
    await rig.start()
    rig.calm()
    await rig.until(lambda: bool(rig.resting()))
    order, = rig.resting()
    rig.arm("cancel", Kind.ASYNC_CANCEL, milliseconds=after)
    record, = rig.bot.book.live("BTC")
    told = await rig.bot.venue.cancel(record)
    assert order.open
    assert told.filled == 0
    await rig.clock.sleep(60)
    assert order.status is (OrderStatus.CANCELED if after else OrderStatus.NEW)
    await rig.stop()


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_an_order_fills_in_part_and_nothing_is_said(venue: str, tmp_path: Any) -> None:
    rig = Rig(tmp_path, venue)
    await rig.start()
    rig.calm()
    rig.arm("place", Kind.PARTIAL_SILENCE)
    await rig.until(lambda: bool(rig.said("order.uncertain")))
    order, = rig.ours()
    assert 0 < order.filled < order.quantity
    assert order.open
    await rig.stop()
