"""What the unified account and its API key are set to, beyond what the simulated exchange itself keeps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bot.core.market import Asset
from bot.core.times import Millis
from bot.testnet.bybit.errors import ApiError
from bot.testnet.owner import NoSuchSetting, Switchable


class MarginMode(StrEnum):
    """How margin is reckoned, for the whole account: cross, isolated or portfolio."""

    REGULAR = "REGULAR_MARGIN"
    ISOLATED = "ISOLATED_MARGIN"
    PORTFOLIO = "PORTFOLIO_MARGIN"


def _permissions() -> dict[str, list[str]]:
    return {
        "ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": [], "Options": [], "Derivatives": [],
        "CopyTrading": [], "BlockTrade": [], "Exchange": [], "NFT": [], "Affiliate": [], "Earn": [], "FiatP2P": [],
        "FiatBybitPay": [], "FiatConvertBroker": [], "FiatGlobalPay": [], "FiatBitPay": [], "BitCard": [],
        "ByXPost": [],
    }


@dataclass(slots=True)
class KeySettings:
    """What the API key may do. `expires_at` None: never, as with a key that is bound to addresses."""

    read_only: bool = False
    permissions: dict[str, list[str]] = field(default_factory=_permissions)
    ips: list[str] = field(default_factory=lambda: ["127.0.0.1"])
    expires_at: Millis | None = None
    revoked: bool = False

    def require(self, right: str, *, writes: bool = True) -> None:
        """Raises ApiError 10005 where the key lacks the right ('Order', 'Position', 'SpotTrade')."""
        if (writes and self.read_only) or not any(right in rights for rights in self.permissions.values()):
            raise ApiError(10005)

    def arrange(self, what: Switchable, *, broken: bool, now: Millis) -> None:
        """What of `bot.testnet.owner.Owner.arrange` is about the key."""
        match what:
            case Switchable.WITHDRAW_KEY:
                self.permissions["Wallet"] = ["Withdraw"] if broken else []
            case Switchable.MISSING_PERMISSION:
                self.permissions["ContractTrade"] = [] if broken else ["Order", "Position"]
            case Switchable.MISSING_SPOT_PERMISSION:
                self.permissions["Spot"] = [] if broken else ["SpotTrade"]
            case Switchable.EXPIRED_KEY:
                self.expires_at = now if broken else None
            case _:
                self.revoked = broken


@dataclass(slots=True)
class AccountSettings:
    """Modes as Bybit keeps them. The simulated account is always cross and one-way: the other modes can be set, so
    that a client's refusal of them can be tried, and are then shown.

    `spot_borrow`: the part of a coin's wallet balance that is shown as lent to the account (its own balance is what
    is left); `accrued_interest`: what is shown as owed on top. `clock_skew`: how far the venue's clock is ahead.
    `modified_prices`: categories in which a price beyond the limit is moved to it, and not refused.
    `position_status`: coins whose position is not shown as 'Normal' but as 'Liq' or 'Adl'; `reduce_only`: coins whose
    position the venue only lets become smaller. `funding_delay`: how long settlements are not shown.
    """

    margin_mode: MarginMode = MarginMode.REGULAR
    hedge_mode: set[Asset] = field(default_factory=set)
    spot_borrow: dict[str, Decimal] = field(default_factory=dict)
    accrued_interest: dict[str, Decimal] = field(default_factory=dict)
    clock_skew: Millis = 0
    funding_delay: Millis = 0
    maintenance: bool = False
    modified_prices: set[str] = field(default_factory=lambda: {"linear"})
    position_status: dict[Asset, str] = field(default_factory=dict)
    reduce_only: set[Asset] = field(default_factory=set)
    key: KeySettings = field(default_factory=KeySettings)

    def arrange(self, what: Switchable, *, broken: bool, now: Millis, assets: Collection[Asset]) -> None:
        """See `bot.testnet.owner.Owner`. Margin in several coins is what a unified account is."""
        match what:
            case Switchable.HEDGE_MODE:
                self.hedge_mode = set(assets) if broken else set()
            case Switchable.MULTI_ASSETS:
                raise NoSuchSetting("a unified account always lends on every coin: there is no such mode to set")
            case Switchable.ISOLATED | Switchable.PORTFOLIO_MARGIN:
                mode = MarginMode.ISOLATED if what is Switchable.ISOLATED else MarginMode.PORTFOLIO
                self.margin_mode = mode if broken else MarginMode.REGULAR
            case Switchable.REDUCE_ONLY:
                self.reduce_only = set(assets) if broken else set()
            case Switchable.MAINTENANCE:
                self.maintenance = broken
            case _:
                self.key.arrange(what, broken=broken, now=now)
