"""Drift to wire with streams: from the ticker frame that crosses the trigger to the order's first byte.

Ours: ccxt.pro's socket, the rule asked at the pushed price, a snapshot (`pushed`: the last one at the prices pushed
since; `read`: a full one), the decision with its intent on the disk, the order. Bare (a): an aiohttp client that reads
the same frame, does one durable SQLite insert and sends a signed POST. Also shown: (a) with the same seven reads in
between, and what waiting for the poll costs at 5 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
from drift import Watch
from exchange import Arrival, Exchange, exchange
from figures import Goal, Outcome, Timed, quantile
from sides import ORDER, Bare, BareInsert, Ours, bare_insert, ours, settings

from bot.app import Wrap
from bot.engine.wakes import Wakes

SIDES = ("pushed", "read", "bare", "bare with reads")
FRESH = 2_000
POLL = 5_000.0
"""ms; a price crosses at any moment of it."""


def to_wire(arrivals: list[Arrival]) -> float:
    """From the last frame's leaving to the order's arrival, in ms."""
    frames = [arrival.at for arrival in arrivals if arrival.key == "frame"]
    orders = [arrival.at for arrival in arrivals if arrival.key == ORDER]
    assert len(orders) == 1, f"{len(orders)} orders came"
    return (orders[0] - frames[-1]) / 1e6


Parts = dict[str, list[float]]


async def _ours(side: Ours, wakes: Wakes, place: Exchange, watch: Watch, parts: Parts, *, fresh: int) -> float:
    wakes.shown.within = fresh
    place.push("below")
    await asyncio.sleep(0.08)
    engine = side.engine()
    await engine.tick(wakes.ticking())
    wakes.ticked(engine.watch(), acted=False)
    place.arrivals()
    watch.calls.clear()
    sleeping = asyncio.ensure_future(wakes.sleep_until(side.bot.clock.now() + 5_000))
    await asyncio.sleep(0)
    place.push("drift")
    await asyncio.wait({sleeping})  # as the daemon does
    report = await engine.tick(wakes.ticking())
    assert report.acted
    arrivals = place.arrivals()
    for name, took in (_read_parts if not fresh else _pushed_parts)(arrivals, watch).items():
        parts.setdefault(name, []).append(took)
    return to_wire(arrivals)


def _read_parts(arrivals: list[Arrival], watch: Watch) -> dict[str, float]:
    frame = next(arrival.at for arrival in arrivals if arrival.key == "frame")
    first = min(arrival.at for arrival in arrivals if arrival.key.startswith("GET ") and arrival.at > frame)
    found = {"frame to first read": (first - frame) / 1e6}
    for name, took in watch.parts(arrivals).items():
        found[f"{name} (from the last read)" if name == "snapshot" else name] = took
    return found


def _pushed_parts(arrivals: list[Arrival], watch: Watch) -> dict[str, float]:
    at = next(arrival.at for arrival in arrivals if arrival.key == "frame")
    assert not any(arrival.key.startswith("GET ") and arrival.at > at for arrival in arrivals), "it was to read nothing"
    found: dict[str, float] = {}
    for name, began, ended in watch.calls:
        if name in ("commands", "record_intent") and began > at:
            found["frame to commands" if name == "commands" else "deciding"] = (began - at) / 1e6
            found[name] = (ended - began) / 1e6
            at = ended
    order = next(arrival.at for arrival in arrivals if arrival.key == ORDER)
    return found | {"place": (order - at) / 1e6}


class _BareStream:
    """An aiohttp client on spot's book ticker."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, client: Bare, insert: BareInsert) -> None:
        self._socket = socket
        self._client = client
        self._insert = insert

    async def order(self, place: Exchange, number: int, *, reads: bool) -> float:
        place.push("below")
        await self._read_all()
        place.arrivals()
        place.push("drift")
        while True:
            frame = orjson.loads((await self._socket.receive()).data)
            if "b" in frame and (float(frame["b"]) + float(frame["a"])) / 2 > 49_500:
                break
        if reads:
            await self._client.poll()
        self._insert.commit(number)
        await self._client.place(number)
        return to_wire(place.arrivals())


    async def _read_all(self) -> None:
        """What came in the meantime, for the other side's turns."""
        with contextlib.suppress(TimeoutError):
            while True:
                await asyncio.wait_for(self._socket.receive(), 0.08)


@asynccontextmanager
async def _bare_stream(place: Exchange, insert: BareInsert) -> AsyncIterator[_BareStream]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{place.url}/ws/0", compress=0) as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1})
        yield _BareStream(socket, Bare(place, session), insert)


async def measure(rounds: int, folder: Path) -> tuple[Parts, dict[str, Parts]]:
    """All sides in turns, in one process; and where our time goes."""
    watch = Watch()
    wrap = Wrap(venue=lambda port, _: watch.around(port), journal=lambda port, _: watch.around(port))
    parts: dict[str, Parts] = {"pushed": {}, "read": {}}
    took: dict[str, list[float]] = {side: [] for side in SIDES}
    with exchange(2, "below") as place, bare_insert(folder) as insert:
        wished = settings(
            place, folder, triggers='open: "4.6pp", confirm: 1, confirm_spacing: "0s"',
            streams='enabled: true, floor: "0s", per_minute: 1000000, silence: "10m"')
        async with ours(place, folder, wrap, wished) as bot, _bare_stream(place, insert) as client:
            wakes = bot.bot.wakes
            assert wakes is not None
            await wakes.start()
            await asyncio.sleep(0.5)
            for number in range(-10, rounds):
                if number == 0:
                    gc.collect()
                    gc.freeze()
                kept = took if number >= 0 else {side: [] for side in SIDES}
                for place_in_turn in range(len(SIDES)):
                    side = SIDES[(number + place_in_turn) % len(SIDES)]
                    if side in parts:
                        kept[side].append(await _ours(
                            bot, wakes, place, watch, parts[side] if number >= 0 else {},
                            fresh=FRESH if side == "pushed" else 0))
                    else:
                        reads = side == "bare with reads"
                        unique = len(SIDES) * number + place_in_turn + 1_000_000
                        kept[side].append(await client.order(place, unique, reads=reads))
    return took, parts


def bench(rounds: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        took, parts = asyncio.run(measure(rounds, Path(folder)))
    pushed = Timed("crossing frame to order, pushed state, against (a)", "ms", took["pushed"], took["bare"])
    timed = Timed("the same, full snapshot, against (a)", "ms", took["read"], took["bare"])
    read = Timed("the same, full snapshot, against (a) with seven reads", "ms", took["read"], took["bare with reads"])
    polled = [ours + POLL * (number + 0.5) / len(took["read"]) for number, ours in enumerate(took["read"])]
    against_poll = Timed("the same, full snapshot, against a poll every 5 s", "ms", took["read"], polled)
    goals: list[Goal] = [
        side.goal(name, share, limit)
        for side, name, limit in (
            (pushed, "crossing frame to order, pushed state", 1.5), (timed, "the same, full snapshot", 2.0),
            (read, "the same, full snapshot, bare with seven reads", 2.0))
        for share in (0.5, 0.99)
    ]
    return Outcome("Drift to wire with streams", [pushed, timed, read, against_poll], goals, [
        *(f"of ours, {side}, p50: " + ", ".join(f"{name} {quantile(took, 0.5):.2f}" for name, took in found.items())
          for side, found in parts.items()),
        "the poll's side is reckoned: the moment of the crossing evenly spread over the interval, then the same path",
    ])


if __name__ == "__main__":
    outcome = bench(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
    print("\n".join(outcome.lines()))
    for goal in outcome.goals:
        print(goal.name, f"{goal.value:.2f}", goal.verdict)
