"""Binance's wallet API (`/sapi/v1/…`): what the API key may do, and whether the venue is open. There is none of it on
Binance's demo; here there is, so that a client's look at them can be tried.
"""

from __future__ import annotations

from bot.testnet.binance.endpoint import Endpoint, Security, Table
from bot.testnet.binance.params import Params
from bot.testnet.binance.settings import FuturesSettings
from bot.testnet.numbers import Row

STATUS_PAGE = "/sapi/v1/system/status"
"""The one page that stays up in maintenance."""


class KeyPage:
    """The wallet API's endpoints."""

    def __init__(self, settings: FuturesSettings) -> None:
        self._settings = settings

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {
            ("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(self.restrictions, 1, Security.SIGNED),
            ("GET", STATUS_PAGE): Endpoint(self.status),
        }

    def status(self, _: Params) -> Row:
        """Whether the venue is open."""
        closed = self._settings.maintenance
        return {"status": int(closed), "msg": "system_maintenance" if closed else "normal"}

    def restrictions(self, _: Params) -> Row:
        """Rights, the binding to addresses, and until when the key may trade (left out where that has no end)."""
        key = self._settings.key
        shown: Row = {
            "ipRestrict": key.bound,
            "createTime": 1_577_836_800_000,
            "enableReading": True,
            "enableWithdrawals": key.withdraws,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": key.futures,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": key.spot,
            "enablePortfolioMarginTrading": False,
        }
        if key.expires_at is not None:
            shown["tradingAuthorityExpirationTime"] = key.expires_at
        return shown
