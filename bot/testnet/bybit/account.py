"""What the unified account and its key are (`/v5/user/query-api`, `/v5/account/…` but for its money)."""

from __future__ import annotations

from bot.core.market import Asset
from bot.core.money import ONE, ZERO, plain
from bot.core.times import DAY, SECOND, Millis, iso
from bot.paper.account import perp_fee, spot_fee
from bot.testnet.bybit.endpoint import Endpoint, Table
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.params import Params
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.bybit.shapes import USER_ID, Symbol
from bot.testnet.dialect import Credentials
from bot.testnet.numbers import Row
from bot.testnet.options import SETTLE

UNIFIED = 5
"""`unifiedMarginStatus`: a unified account of the present kind."""
NO_DEADLINE = -2
"""`deadlineDay` of a key that does not expire."""


class AccountPages:
    """Signed endpoints that read modes, rights, fees and what serves as collateral."""

    def __init__(self, markets: Markets, settings: AccountSettings, credentials: Credentials) -> None:
        self._markets = markets
        self._credentials = credentials
        self._world = markets.world
        self._settings = settings

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {
            ("GET", "/v5/user/query-api"): Endpoint(self.key, 10, message=""),
            ("GET", "/v5/account/info"): Endpoint(self.info, 50),
            ("GET", "/v5/account/collateral-info"): Endpoint(self.collateral, 50),
            ("GET", "/v5/account/fee-rate"): Endpoint(self.fee_rates, {"linear": 10, "spot": 5}),
        }

    def key(self, _: Params) -> Row:
        """What the API key may do, and until when."""
        key, now = self._settings.key, self._world.now() + self._settings.clock_skew
        expires = key.expires_at
        return {
            "id": "2208369",
            "note": "testnet",
            "apiKey": self._credentials.key,
            "readOnly": int(key.read_only),
            "secret": "",
            "permissions": {group: list(rights) for group, rights in key.permissions.items()},
            "ips": list(key.ips),
            "type": 1,
            "deadlineDay": NO_DEADLINE if expires is None else max(0, (expires - now) // DAY),
            "expiredAt": _second(expires or 0),
            "createdAt": _second(self._markets.feed.start),
            "unified": 0,
            "uta": 1,
            "userID": USER_ID,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_1",
            "kycRegion": "",
            "userIDInt64": str(USER_ID),
            "inviterIDInt64": "0",
            "affiliateIDInt64": "0",
        }

    def info(self, _: Params) -> Row:
        """The account's modes."""
        return {
            "marginMode": self._settings.margin_mode.value,
            "updatedTime": str(self._markets.feed.start),
            "unifiedMarginStatus": UNIFIED,
            "dcpStatus": "OFF",
            "timeWindow": 10,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }

    def collateral(self, params: Params) -> Row:
        """Which part of each coin's value is margin. Lending costs nothing here."""
        wanted = params.text("currency")
        coins = [*self._markets.feed.assets, SETTLE]
        return {"list": [self._collateral(coin) for coin in coins if wanted in (None, coin)]}

    def _collateral(self, coin: Asset) -> Row:
        ratio = ONE if coin == SETTLE else self._markets.of(coin).instrument.collateral_ratio
        debt = self._world.exchange.wallets.debt(coin) + self._settings.spot_borrow.get(coin, ZERO)
        return {
            "availableToBorrow": "0",
            "freeBorrowingAmount": "",
            "freeBorrowAmount": "0",
            "maxBorrowingAmount": "0",
            "hourlyBorrowRate": "0",
            "borrowUsageRate": "0",
            "collateralRatio": plain(ratio),
            "currency": coin,
            "borrowAmount": plain(debt),
            "borrowable": True,
            "marginCollateral": True,
            "collateralSwitch": ratio > 0,
            "freeBorrowingLimit": "0",
        }

    def fee_rates(self, params: Params) -> Row:
        """Fee rates of one symbol, or of all of a category."""
        category = params.category()
        return {"list": [_fees(symbol, category) for symbol in self._markets.several(params)]}


def _fees(symbol: Symbol, category: str) -> Row:
    listed = symbol.instrument
    spot = category == "spot"
    taker, maker = ((spot_fee(listed), spot_fee(listed)) if spot
                    else (perp_fee(listed, maker=False), perp_fee(listed, maker=True)))
    return {"symbol": symbol.id, "takerFeeRate": plain(taker), "makerFeeRate": plain(maker), "baseCoin": ""}


def _second(at: Millis) -> str:
    """An instant as this page writes it: whole seconds, UTC."""
    return iso(at - at % SECOND)
