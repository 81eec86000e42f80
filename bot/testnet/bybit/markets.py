"""The coins of the story by their names on Bybit, and their markets at the present instant."""

from __future__ import annotations

from decimal import Decimal

from bot.core.market import Asset
from bot.paper.feed import BookState, MarketState
from bot.paper.records import MarketName
from bot.testnet.bybit.errors import ApiError
from bot.testnet.bybit.params import Params
from bot.testnet.bybit.shapes import Symbol
from bot.testnet.days import Days, DayStatistics, book
from bot.testnet.options import SETTLE
from bot.testnet.world import World


class Markets:
    """Symbols of both categories; they share their names."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.feed = world.exchange.feed
        self._assets = {asset + SETTLE: asset for asset in self.feed.assets}
        self._days = Days(world)
        self._known: dict[Asset, Symbol] = {}

    @property
    def symbols(self) -> list[Symbol]:
        """All of them: the venue may change a specification."""
        return [self.of(asset) for asset in self.feed.assets]

    def of(self, asset: Asset) -> Symbol:
        """The symbol of a coin, as it is specified now."""
        instrument = self.world.exchange.instruments[asset]
        symbol = self._known.get(asset)
        if symbol is None or symbol.instrument is not instrument:
            symbol = self._known[asset] = Symbol.of(asset, instrument, before=symbol)
        return symbol

    def one(self, params: Params) -> Symbol:
        """The symbol that must be named. Raises ApiError 10001."""
        return self.named(params.required("symbol"))

    def named(self, name: str) -> Symbol:
        """The symbol of that name. Raises ApiError 10001."""
        asset = self._assets.get(name)
        if asset is None:
            raise ApiError(10001, "symbol")
        return self.of(asset)

    def several(self, params: Params) -> list[Symbol]:
        """The symbol that narrows the question, or all of them (those of one coin where `baseCoin` was sent)."""
        if params.text("symbol") is not None:
            return [self.one(params)]
        coin = params.text("baseCoin")
        return [symbol for symbol in self.symbols if coin in (None, symbol.asset)]

    def state(self, symbol: Symbol) -> MarketState:
        """The coin's markets now."""
        return self.world.exchange.state(symbol.asset)

    def book(self, symbol: Symbol, market: MarketName) -> BookState:
        """One of the coin's books, without our own orders."""
        return book(self.state(symbol), market)

    def day(self, symbol: Symbol, market: MarketName) -> DayStatistics:
        """The last twenty-four hours of the market."""
        return self._days.day(symbol.asset, market)

    def last(self, symbol: Symbol, market: MarketName) -> Decimal:
        """The last price: the mid of the book of others."""
        return self._days.last(symbol.asset, market)
