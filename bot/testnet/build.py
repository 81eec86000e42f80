"""Putting one testnet together: market, account, clock, dialect, faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.core.market import Asset, Instrument
from bot.core.money import ZERO, round_to_step, to_ledger
from bot.errors import ConfigError
from bot.paper.exchange import PaperExchange
from bot.paper.feed import Feed
from bot.testnet.admin import Admin
from bot.testnet.clock import StoryClock
from bot.testnet.dialect import Credentials, Dialect
from bot.testnet.faults import Faults
from bot.testnet.market.scenarios import STORY_START, scenario_story
from bot.testnet.market.settled import SettledAnew
from bot.testnet.market.story import panel_story
from bot.testnet.mischief import Mischief
from bot.testnet.options import SETTLE, TestnetOptions
from bot.testnet.push import Hub
from bot.testnet.specs import EQUAL
from bot.testnet.venues import VENUES, SimulatedVenue
from bot.testnet.world import World


@dataclass(frozen=True, slots=True)
class Testnet:
    """One account on one simulated exchange, with the doors to it."""

    __test__ = False  # its name begins like a test class's

    world: World
    dialect: Dialect
    admin: Admin
    faults: Faults
    hub: Hub
    mischief: Mischief

    @property
    def exchange(self) -> PaperExchange:
        """The account itself."""
        return self.world.exchange


def build(options: TestnetOptions, feed: Feed | None = None) -> Testnet:
    """The testnet that the options describe, at its story's beginning; `feed` replaces the market they name.

    Raises ConfigError.
    """
    venue = _venue(options.venue)
    listed = EQUAL if options.specs == "equal" else venue.instruments
    feed = SettledAnew(_feed(options, listed) if feed is None else feed)
    instruments = {asset: listed[asset] for asset in feed.assets}
    spot, futures = _balances(options, feed, instruments)
    exchange = PaperExchange(
        feed, instruments, balances_spot=spot, balances_futures=futures, wallet=venue.wallet,
        leverage=options.leverage, settle=SETTLE, price_band=venue.price_band,
    )
    clock = StoryClock(feed.start, feed.end, speed=options.speed)
    return assemble(exchange, clock, Credentials(options.key, options.secret), seed=options.seed, venue=options.venue)


def assemble(
    exchange: PaperExchange, clock: StoryClock, credentials: Credentials, *, seed: int, venue: str = "binance",
) -> Testnet:
    """A testnet around an exchange that is already there; its feed is the exchange's. Raises ConfigError."""
    world = World(exchange, clock)
    faults = Faults(seed)
    dialect = _venue(venue).dialect(world, credentials)
    hub = Hub(world, dialect)
    return Testnet(world, dialect, Admin(world, faults, hub, dialect), faults, hub, Mischief(world, dialect))


def _venue(name: str) -> SimulatedVenue:
    if name not in VENUES:
        raise ConfigError(f"venue {name!r}: the testnet speaks {', '.join(VENUES)}")
    return VENUES[name]


def _feed(options: TestnetOptions, instruments: Mapping[Asset, Instrument]) -> Feed:
    assets = [asset for asset in options.weights if asset != SETTLE] or None
    if options.panel is not None:
        return panel_story(
            options.panel, start=options.start, end=options.end, assets=assets, seed=options.seed,
            path_mode=options.path, instruments=instruments,
        )
    return scenario_story(
        options.scenario, days=options.days, seed=options.seed, start=options.start or STORY_START, assets=assets,
        path_mode=options.path, instruments=instruments,
    )


def _balances(
    options: TestnetOptions, feed: Feed, instruments: Mapping[Asset, Instrument],
) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Spot and futures balances at the start: coins bought at their first spot mids, in whole lots."""
    spot: dict[str, Decimal] = {}
    cash = options.nav
    for asset, instrument in instruments.items():
        book = feed.at(asset, feed.start).spot
        mid = (book.bids[0].price + book.asks[0].price) / 2
        coins = round_to_step(options.nav * options.weights.get(asset, ZERO) / mid, instrument.spot_lot)
        spot[asset] = coins
        cash -= coins * mid
    in_futures = to_ledger(cash * options.futures_share)
    spot[SETTLE] = to_ledger(cash - in_futures)
    futures = {SETTLE: in_futures}
    return (
        dict(options.balances_spot) if options.balances_spot is not None else spot,
        dict(options.balances_futures) if options.balances_futures is not None else futures,
    )
