"""Every call of the `Venue` port and of `MarketData`, on an account with a past, each recorded with its replies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from inprocess_wire import Fate, StoryClock
from port_stage import ASSETS, BTC, POLICY, SPOT, Stage, options, record, wired
from replayed import Call, Key, Recording, RecordingWire
from venue_values import an_intent

from bot.core.market import Side
from bot.core.orders import TimeInForce
from bot.core.times import DAY, HOUR
from bot.ports import Market
from bot.testnet.build import build
from bot.testnet.dialect import Reply
from bot.venues.makers import MARKETS

D = Decimal

CHANGES = (
    "place, filled", "place, resting", "place, its name taken", "place, crossing", "place, refused", "amend",
    "amend to the same", "cancel", "cancel an ended order", "amend an ended order",
    "spot: place, filled", "spot: place, resting", "spot: place, its name taken", "spot: place, crossing",
    "spot: place, refused", "spot: cancel", "spot: cancel an ended order",
)
CALLS = (
    *CHANGES, "account", "snapshot", "instruments", "inspect", "prepare", "balances", "find a resting order",
    "find a filled order", "find nothing", "fills", "funding", "settlements", "orders", "forced closes", "prices",
    "depth", "spot: find a resting order", "spot: find a filled order", "spot: find nothing", "spot: fills",
    "spot: fills of long ago", "spot: orders", "spot: depth",
)
"""The names of the recordings."""


async def recordings(kind: str) -> dict[str, Recording]:
    """Live through a story on a testnet of that venue; its calls by name, in their order."""
    testnet, fate = build(options(kind, D(100_000))), Fate([])
    clock = StoryClock(testnet, fate, testnet.world.clock.end)
    found: dict[str, Recording] = {}

    async def note(name: str, call: Call, *, market: bool = False) -> Any:
        tape: dict[Key, Reply] = {}

        def wire(door: Any) -> RecordingWire:
            made = RecordingWire(testnet, fate, door, Counter())
            made.tape = tape
            return made

        opened = wired(kind, clock, wire, **({"make": MARKETS} if market else {}))
        at = clock.now()
        recording = found[name] = Recording(kind, call, at, tape, market)
        try:
            return await recording.call(opened)
        except Exception as error:  # noqa: BLE001 - a refusal is a reply too
            return error
        finally:
            await opened.close()

    def plain(door: Any) -> RecordingWire:
        made = RecordingWire(testnet, fate, door, Counter())
        made.tape = {}
        return made

    stage = Stage(kind, wired(kind, clock, plain), clock, testnet)
    begun = clock.now()
    await _on_spot(stage, note)
    await stage.venue.prepare(POLICY)
    filled = stage.intent(await stage.venue.snapshot(), away="-50", quantity=D("0.04"), time_in_force=TimeInForce.IOC)
    await note("place, filled", lambda venue: venue.place(filled))
    await stage.later(9 * HOUR)
    await stage.taking(Side.BUY, "0.01", reduce_only=True)
    rests = stage.intent(await stage.venue.snapshot(), away="500")
    placed = await note("place, resting", lambda venue: venue.place(rests))
    standing = record(rests, placed)
    await note("place, its name taken", lambda venue: venue.place(rests))
    crosses = stage.intent(await stage.venue.snapshot(), away="-50")
    await note("place, crossing", lambda venue: venue.place(crosses))
    poor = stage.intent(await stage.venue.snapshot(), quantity=D(50))
    await note("place, refused", lambda venue: venue.place(poor))
    await stage.later(5_000)
    nobody = an_intent(client_order_id="hrtest_btc1_nobody").client_order_id
    for name, call in {
        "account": lambda venue: venue.account(),
        "snapshot": lambda venue: venue.snapshot(),
        "instruments": lambda venue: venue.instruments(ASSETS),
        "inspect": lambda venue: venue.inspect(POLICY),
        "prepare": lambda venue: venue.prepare(POLICY),
        "balances": lambda venue: venue.balances(),
        "find a resting order": lambda venue: venue.find_order(BTC, rests.client_order_id),
        "find a filled order": lambda venue: venue.find_order(BTC, filled.client_order_id),
        "find nothing": lambda venue: venue.find_order(BTC, nobody),
        "fills": lambda venue: venue.fills(BTC, begun),
        "funding": lambda venue: venue.funding(begun),
        "settlements": lambda venue: venue.settlements(ASSETS, begun),
        "orders": lambda venue: venue.orders(BTC, begun),
        "forced closes": lambda venue: venue.forced_closes(BTC, begun),
    }.items():
        await note(name, call)
    for name, call in {
        "prices": lambda market: market.prices(), "depth": lambda market: market.depth("BTC"),
    }.items():
        await note(name, call, market=True)
    await note("amend", lambda venue: venue.amend(standing, rests.price + 20))
    await note("amend to the same", lambda venue: venue.amend(standing, rests.price + 20))
    await note("cancel", lambda venue: venue.cancel(standing))
    ended = replace(standing)
    await note("cancel an ended order", lambda venue: venue.cancel(ended))
    await note("amend an ended order", lambda venue: venue.amend(ended, rests.price + 30))
    await stage.venue.close()
    assert set(found) == set(CALLS)
    for recording in found.values():
        await recording.learn()
        await recording.close()
    return found


async def _on_spot(stage: Stage, note: Callable[..., Any]) -> None:
    """The spot market's part of the story: three orders within two days."""
    begun = stage.clock.now()
    sold = stage.intent(
        await stage.venue.snapshot(), away="-50", quantity=D("0.01"), time_in_force=TimeInForce.IOC, symbol=SPOT)
    await note("spot: place, filled", lambda venue: venue.place(sold))
    await note("spot: fills", lambda venue: venue.fills(SPOT, begun))
    await stage.later(2 * DAY)
    await stage.taking(Side.BUY, "0.01", symbol=SPOT)
    rests = stage.intent(await stage.venue.snapshot(), away="500", symbol=SPOT)
    placed = await note("spot: place, resting", lambda venue: venue.place(rests))
    await note("spot: place, its name taken", lambda venue: venue.place(rests))
    crosses = stage.intent(await stage.venue.snapshot(), away="-50", symbol=SPOT)
    await note("spot: place, crossing", lambda venue: venue.place(crosses))
    poor = stage.intent(await stage.venue.snapshot(), quantity=D(50), symbol=SPOT)
    await note("spot: place, refused", lambda venue: venue.place(poor))
    for name, call in {
        "spot: find a resting order": lambda venue: venue.find_order(SPOT, rests.client_order_id),
        "spot: find a filled order": lambda venue: venue.find_order(SPOT, sold.client_order_id),
        "spot: find nothing": lambda venue: venue.find_order(SPOT, "hrtest_btc1_nobody"),
        "spot: fills of long ago": lambda venue: venue.fills(SPOT, begun),
        "spot: orders": lambda venue: venue.orders(SPOT, begun),
    }.items():
        await note(name, call)
    await note("spot: depth", lambda market: market.depth("BTC", Market.SPOT), market=True)
    standing = record(rests, placed)
    await note("spot: cancel", lambda venue: venue.cancel(standing))
    await note("spot: cancel an ended order", lambda venue: venue.cancel(standing))
