"""Bybit's dialect over one world."""

from __future__ import annotations

from bot.testnet.bybit.account import AccountPages
from bot.testnet.bybit.account_topics import AccountTopics
from bot.testnet.bybit.api import BybitApi
from bot.testnet.bybit.keeping import Keeping
from bot.testnet.bybit.ledger import Ledger
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.order_lists import OrderLists
from bot.testnet.bybit.orders import Orders
from bot.testnet.bybit.positions import Positions
from bot.testnet.bybit.public import PublicMarket
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.bybit.specifications import Specifications
from bot.testnet.bybit.streams import Streams
from bot.testnet.bybit.wallet import WalletPage
from bot.testnet.dialect import Credentials
from bot.testnet.world import World


def bybit(world: World, credentials: Credentials) -> BybitApi:
    """The v5 API."""
    markets = Markets(world)
    settings = AccountSettings()
    keeping = Keeping(markets)
    public = PublicMarket(markets, settings)
    positions = Positions(markets, settings, keeping)
    wallet = WalletPage(markets, settings)
    tables = (
        public.table(),
        Specifications(markets).table(),
        AccountPages(markets, settings, credentials).table(),
        wallet.table(),
        Ledger(markets, settings).table(),
        positions.table(),
        Orders(markets, settings, keeping).table(),
        OrderLists(markets, settings, keeping).table(),
    )
    streams = Streams(markets, settings, credentials, public, AccountTopics(markets, keeping, positions, wallet))
    return BybitApi(world, credentials, settings, tables, streams)
