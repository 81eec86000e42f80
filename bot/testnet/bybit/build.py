"""Bybit's dialect over one world."""

from __future__ import annotations

from bot.testnet.bybit.api import BybitApi
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.public import PublicMarket
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.bybit.specifications import Specifications
from bot.testnet.dialect import Credentials
from bot.testnet.world import World


def bybit(world: World, credentials: Credentials) -> BybitApi:
    """The v5 API."""
    markets = Markets(world)
    settings = AccountSettings()
    tables = (
        PublicMarket(markets, settings).table(),
        Specifications(markets).table(),
    )
    return BybitApi(world, credentials, settings, tables)
