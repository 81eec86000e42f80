"""Putting one testnet together: market, account, clock, dialect, faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.core.market import Asset, Instrument, WalletKind
from bot.core.money import ZERO, round_to_step, to_ledger
from bot.paper.exchange import PaperExchange
from bot.paper.feed import Feed
from bot.testnet.admin import Admin
from bot.testnet.binance.api import BinanceApi
from bot.testnet.binance.futures_account import FuturesAccount
from bot.testnet.binance.futures_market import PRICE_BAND, FuturesMarket
from bot.testnet.binance.futures_modes import FuturesModes
from bot.testnet.binance.futures_orders import FuturesOrders
from bot.testnet.binance.markets import Markets
from bot.testnet.binance.settings import FuturesSettings
from bot.testnet.binance.spot_account import SpotAccount
from bot.testnet.binance.spot_market import SpotMarket
from bot.testnet.clock import StoryClock
from bot.testnet.faults import Faults
from bot.testnet.market import panel_story, scenario_story
from bot.testnet.market.scenarios import STORY_START
from bot.testnet.options import SETTLE, TestnetOptions
from bot.testnet.signing import Credentials
from bot.testnet.specs import INSTRUMENTS
from bot.testnet.world import World


@dataclass(frozen=True, slots=True)
class Testnet:
    """One account on one simulated exchange, with the doors to it."""

    __test__ = False  # its name begins like a test class's

    world: World
    api: BinanceApi
    admin: Admin
    faults: Faults

    @property
    def exchange(self) -> PaperExchange:
        """The account itself."""
        return self.world.exchange


def build(options: TestnetOptions, feed: Feed | None = None) -> Testnet:
    """The testnet that the options describe, at its story's beginning; `feed` replaces the market they name.

    Raises ConfigError.
    """
    feed = _feed(options) if feed is None else feed
    instruments = {asset: INSTRUMENTS[asset] for asset in feed.assets}
    spot, futures = _balances(options, feed, instruments)
    exchange = PaperExchange(
        feed, instruments, balances_spot=spot, balances_futures=futures, wallet=WalletKind.SEPARATE,
        leverage=options.leverage, settle=SETTLE, price_band=PRICE_BAND,
    )
    clock = StoryClock(feed.start, feed.end, speed=options.speed)
    return assemble(exchange, clock, Credentials(options.key, options.secret), seed=options.seed)


def assemble(exchange: PaperExchange, clock: StoryClock, credentials: Credentials, *, seed: int) -> Testnet:
    """A testnet around an exchange that is already there; its feed is the exchange's."""
    world = World(exchange, clock)
    markets = Markets(world, exchange.feed, exchange.instruments)
    settings = FuturesSettings()
    tables = (
        FuturesMarket(markets).table(),
        FuturesAccount(markets, settings).table(),
        FuturesModes(markets, settings).table(),
        FuturesOrders(markets, settings).table(),
        SpotMarket(markets).table(),
        SpotAccount(markets).table(),
    )
    faults = Faults(seed)
    return Testnet(world, BinanceApi(world, credentials, tables), Admin(world, faults), faults)


def _feed(options: TestnetOptions) -> Feed:
    assets = [asset for asset in options.weights if asset != SETTLE] or None
    if options.panel is not None:
        return panel_story(
            options.panel, start=options.start, end=options.end, assets=assets, seed=options.seed,
            path_mode=options.path,
        )
    return scenario_story(
        options.scenario, days=options.days, seed=options.seed, start=options.start or STORY_START, assets=assets,
        path_mode=options.path,
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
