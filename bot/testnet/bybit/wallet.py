"""The money of the unified account (`/v5/account/wallet-balance`): one wallet, in which coins are collateral.

In US dollars a settle coin is 1, and other coins are worth their perpetual's mark. A negative balance is a debt: the
venue lends what the account owes. Interest is not charged.
"""

from __future__ import annotations

from decimal import Decimal

from bot.core.money import ONE, ZERO, plain
from bot.paper.account import AccountFigures
from bot.testnet.bybit.endpoint import Endpoint, Table
from bot.testnet.bybit.errors import ApiError
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.params import Params
from bot.testnet.bybit.settings import AccountSettings, MarginMode
from bot.testnet.numbers import Row
from bot.testnet.options import SETTLE

HIGHEST_RATE = Decimal("99.9999")
"""The margin rate shown of an account that owes margin and has none."""
_OF_CROSS = ("accountIMRate", "totalMarginBalance", "totalInitialMargin", "totalAvailableBalance", "accountMMRate",
             "totalMaintenanceMargin")
"""What the account as a whole does not have in isolated mode."""


class WalletPage:
    """The signed endpoint that reads all balances."""

    def __init__(self, markets: Markets, settings: AccountSettings) -> None:
        self._exchange = markets.world.exchange
        self._assets = markets.feed.assets
        self._settings = settings

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {("GET", "/v5/account/wallet-balance"): Endpoint(self.balance, 50)}

    def balance(self, params: Params) -> Row:
        """The one account; coins that have a balance, or those that `coin` names, separated by commas."""
        if params.required("accountType") != "UNIFIED":
            raise ApiError(10001, message="accountType only support UNIFIED.")
        asked = params.text("coin")
        return {"list": [self.account(None if asked is None else asked.split(","))]}

    def account(self, coins: list[str] | None = None) -> Row:
        """The account's row; `coins` None: all that have a balance or margin set aside."""
        figures = self._exchange.figures()
        rows, total = [], ZERO
        for coin in self._coins():
            equity = self._equity(coin, figures)
            worth = self._worth(coin, equity)
            total += worth
            if coins is None or coin in coins:
                rows.append(self._coin(coin, figures, equity, worth))
        totals: Row = {
            "totalEquity": plain(total),
            "accountIMRate": _rate(figures.initial_margin, figures.equity),
            "totalMarginBalance": plain(figures.equity),
            "totalInitialMargin": plain(figures.initial_margin),
            "accountType": "UNIFIED",
            "totalAvailableBalance": plain(figures.available),
            "accountMMRate": _rate(figures.maintenance_margin, figures.equity),
            "totalPerpUPL": plain(figures.unrealised),
            "totalWalletBalance": plain(figures.equity - figures.unrealised),
            "accountLTV": "0",
            "totalMaintenanceMargin": plain(figures.maintenance_margin),
            "coin": rows,
        }
        if self._settings.margin_mode is MarginMode.ISOLATED:
            totals |= dict.fromkeys(_OF_CROSS, "")
        return totals

    def _coins(self) -> list[str]:
        """Coins with a balance, a debt or a lock; the settle coin always."""
        held = self._exchange.wallets.spot
        others = sorted(set(held) - set(self._assets) - {SETTLE})
        return [coin for coin in (*self._assets, SETTLE, *others)
                if coin == SETTLE or held.get(coin) or self._settings.spot_borrow.get(coin)]

    def _equity(self, coin: str, figures: AccountFigures) -> Decimal:
        balance = self._exchange.wallets.spot.get(coin, ZERO)
        return balance + figures.unrealised if coin == SETTLE else balance

    def _worth(self, coin: str, quantity: Decimal) -> Decimal:
        """In US dollars; a coin that has no market here is worth nothing."""
        if coin == SETTLE:
            return quantity
        return quantity * self._exchange.mark(coin) if coin in self._assets else ZERO

    def _coin(self, coin: str, figures: AccountFigures, equity: Decimal, worth: Decimal) -> Row:
        wallets, settles = self._exchange.wallets, coin == SETTLE
        lent = self._settings.spot_borrow.get(coin, ZERO)
        return {
            "availableToBorrow": "",
            "bonus": "0",
            "accruedInterest": plain(self._settings.accrued_interest.get(coin, ZERO)),
            "availableToWithdraw": "",
            "totalOrderIM": plain(figures.order_margin) if settles else "0",
            "equity": plain(equity),
            "totalPositionMM": plain(figures.maintenance_margin) if settles else "0",
            "usdValue": plain(worth),
            "unrealisedPnl": plain(figures.unrealised) if settles else "0",
            "borrowAmount": plain(lent + wallets.debt(coin)),
            "totalPositionIM": plain(figures.position_margin) if settles else "0",
            "walletBalance": plain(wallets.spot.get(coin, ZERO) + lent),
            "cumRealisedPnl": plain(self._realised()) if settles else "0",
            "locked": plain(wallets.locked.get(coin, ZERO)),
            "collateralSwitch": self._ratio(coin) > 0,
            "marginCollateral": settles or coin in self._assets,
            "coin": coin,
            "spotHedgingQty": "0",
            "spotBorrow": plain(lent),
        }

    def _ratio(self, coin: str) -> Decimal:
        if coin == SETTLE:
            return ONE
        return self._exchange.instruments[coin].collateral_ratio if coin in self._assets else ZERO

    def _realised(self) -> Decimal:
        """Profit, fees and funding of the perpetuals so far."""
        return sum((row.amount for row in self._exchange.income), ZERO)


def _rate(margin: Decimal, equity: Decimal) -> str:
    if not margin:
        return "0"
    return plain(min(HIGHEST_RATE, round(margin / equity, 4)) if equity > 0 else HIGHEST_RATE)
