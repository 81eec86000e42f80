"""What the owner of an account, or the venue itself, may set on pages that no trading API reaches.

Each dialect keeps these settings in its own words and lets them show wherever the venue would; `POST /testnet/setup`
turns them, so that what a client makes of a broken set-up can be tried.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol

from bot.core.market import Asset
from bot.core.times import Millis


class Switchable(StrEnum):
    """What is either as a client needs it, or broken."""

    HEDGE_MODE = "hedge_mode"                  # a long and a short beside each other
    MULTI_ASSETS = "multi_assets"              # margin in other coins too
    ISOLATED = "isolated"                      # isolated margin, for every symbol
    WITHDRAW_KEY = "withdraw_key"              # the API key may withdraw
    EXPIRED_KEY = "expired_key"                # the API key's time is over
    MISSING_PERMISSION = "missing_permission"  # the API key may not trade futures
    MISSING_SPOT_PERMISSION = "missing_spot_permission"  # nor coins
    REVOKED_KEY = "revoked_key"                # the API key was taken back
    PORTFOLIO_MARGIN = "portfolio_margin"      # margin by the whole portfolio's risk
    REDUCE_ONLY = "reduce_only"                # the account may only make positions smaller
    MAINTENANCE = "maintenance"                # the venue is closed to everybody


class NoSuchSetting(ValueError):
    """The venue knows nothing of the kind."""


class Owner(Protocol):
    """The settings of one account. `clock_skew`: by how much (ms) the venue's clock is ahead of the story's.
    `funding_delay`: how long (ms) a settlement is not shown in the account's history.
    """

    clock_skew: Millis
    funding_delay: Millis

    def arrange(self, what: Switchable, *, broken: bool, now: Millis, assets: Collection[Asset]) -> None:
        """Break it, or make it whole again; `assets`: the coins traded there. Raises NoSuchSetting."""
