"""Drift to wire: from the arrival of a poll's last request at the exchange to the arrival of the order that follows."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from exchange import Arrival, Exchange, exchange
from figures import Outcome, Timed, quantile
from sides import ORDER, READS, Bare, BareInsert, Ours, alternating, bare, bare_insert, ours

from bot.app import Wrap

_POLLS = frozenset(key for key, _ in READS)


def to_wire(arrivals: list[Arrival]) -> float:
    """In ms. The order is the last that came; the poll before it is what it followed."""
    orders, polls = _seen(arrivals)
    return (orders[0] - max(polls)) / 1e6


def _seen(arrivals: list[Arrival]) -> tuple[list[int], list[int]]:
    orders = [arrival.at for arrival in arrivals if arrival.key == ORDER]
    assert len(orders) == 1, f"{len(orders)} orders came"
    return orders, [arrival.at for arrival in arrivals if arrival.key in _POLLS and arrival.at < orders[0]]


class Watch:
    """Notes when each call of the ports that lie on the way began and ended."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def around(self, port: Any) -> Any:  # noqa: ANN401 - any port
        """The port with a look-out before and after its calls."""
        return _Watched(port, self.calls)

    def parts(self, arrivals: list[Arrival]) -> dict[str, float]:
        """Each stretch of the way from the last poll request to the order, in ms."""
        orders, polls = _seen(arrivals)
        at = max(polls)
        found: dict[str, float] = {}
        for name, began, ended in self.calls:
            if name in ("snapshot", "commands", "record_decision", "record_intent") and ended > at:
                if began > at:
                    found["before " + name] = (began - at) / 1e6
                found[name] = (ended - max(began, at)) / 1e6
                at = ended
        return found | {"place": (orders[0] - at) / 1e6}


class _Watched:
    def __init__(self, port: Any, calls: list[tuple[str, int, int]]) -> None:  # noqa: ANN401 - any port
        self._port = port
        self._calls = calls

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        inner = getattr(self._port, name)
        if not inspect.iscoroutinefunction(inner):
            return inner

        async def watched(*args: object, **kwargs: object) -> object:
            began = time.monotonic_ns()
            try:
                return await inner(*args, **kwargs)
            finally:
                self._calls.append((name, began, time.monotonic_ns()))

        return watched


async def _ours(side: Ours, place: Exchange, watch: Watch, parts: dict[str, list[float]]) -> float:
    engine = side.engine()
    await engine.tick()  # sees the drift, waits for confirmation
    place.arrivals()
    watch.calls.clear()
    report = await engine.tick()
    assert report.acted
    arrivals = place.arrivals()
    for name, took in watch.parts(arrivals).items():
        parts.setdefault(name, []).append(took)
    return to_wire(arrivals)


async def _bare(side: Bare, insert: BareInsert, place: Exchange, number: int) -> float:
    await side.poll()
    place.arrivals()
    await side.poll()
    insert.commit(number)
    await side.place(number)
    return to_wire(place.arrivals())


async def measure(rounds: int, folder: Path) -> tuple[Timed, list[str]]:
    """Both sides in turns, in one process; and where our time goes."""
    watch = Watch()
    wrap = Wrap(venue=lambda port, _: watch.around(port), journal=lambda port, _: watch.around(port))
    parts: dict[str, list[float]] = {}
    took: dict[str, list[float]] = {"ours": [], "bare": []}
    with exchange(2, "drift") as place, bare_insert(folder) as insert:
        async with ours(place, folder, wrap) as bot, bare(place) as client:
            for warm in range(10):
                await _ours(bot, place, watch, {})
                await _bare(client, insert, place, -warm - 1)
            gc.collect()
            gc.freeze()
            for number, order in enumerate(alternating(rounds), 1):
                for side in order:
                    took[side].append(await (_ours(bot, place, watch, parts) if side == "ours"
                                             else _bare(client, insert, place, number)))
    timed = Timed("last poll request to order", "ms", took["ours"], took["bare"])
    return timed, ["of ours, p50: " + ", ".join(f"{name} {quantile(took, 0.5):.2f}" for name, took in parts.items())]


def bench(rounds: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        timed, notes = asyncio.run(measure(rounds, Path(folder)))
    return Outcome("Drift to wire", [timed], [
        timed.goal("drift to wire", 0.5, 2.0), timed.goal("drift to wire", 0.99, 2.5),
    ], notes)


if __name__ == "__main__":
    outcome = bench(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
    print("\n".join(outcome.lines()))
    for goal in outcome.goals:
        print(goal.name, f"{goal.value:.2f}", goal.verdict)
