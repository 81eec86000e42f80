"""Binance's dialect over one world."""

from __future__ import annotations

from bot.testnet.binance.api import BinanceApi
from bot.testnet.binance.futures_account import FuturesAccount
from bot.testnet.binance.futures_market import FuturesMarket
from bot.testnet.binance.futures_modes import FuturesModes
from bot.testnet.binance.futures_orders import FuturesOrders
from bot.testnet.binance.key import KeyPage
from bot.testnet.binance.listen_keys import ListenKeys
from bot.testnet.binance.markets import Markets
from bot.testnet.binance.settings import FuturesSettings
from bot.testnet.binance.spot_account import SpotAccount
from bot.testnet.binance.spot_market import SpotMarket
from bot.testnet.binance.streams import Streams
from bot.testnet.dialect import Credentials
from bot.testnet.world import World


def binance(world: World, credentials: Credentials) -> BinanceApi:
    """Both of Binance's APIs: spot and USD-M futures."""
    markets = Markets(world, world.exchange.feed, world.exchange.instruments)
    settings = FuturesSettings()
    futures_keys = ListenKeys(world, "futures", "/fapi/v1/listenKey")
    spot_keys = ListenKeys(world, "spot", "/api/v3/userDataStream")
    tables = (
        FuturesMarket(markets, settings).table(),
        FuturesAccount(markets, settings).table(),
        FuturesModes(markets, settings).table(),
        FuturesOrders(markets, settings).table(),
        SpotMarket(markets, settings).table(),
        SpotAccount(markets).table(),
        KeyPage(settings).table(),
        futures_keys.table(),
        spot_keys.table(),
    )
    streams = Streams(markets, settings, credentials, futures_keys, spot_keys)
    return BinanceApi(world, credentials, settings, tables, streams)
