"""Positions, leverage and position mode (`/v5/position/*`).

Rules: bybit-exchange.github.io/docs/v5/position (position, leverage, position-mode, cross-isolate).
"""

from __future__ import annotations

from decimal import Decimal

from bot.core.money import ONE, ZERO, is_multiple, plain
from bot.core.runway import initial_margin, maintenance_margin, tier_of
from bot.paper.positions import PaperPosition
from bot.paper.records import PaperReject, RejectCode
from bot.testnet.bybit.endpoint import Endpoint, Table
from bot.testnet.bybit.errors import ApiError, bad
from bot.testnet.bybit.keeping import Keeping
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.order_shapes import average
from bot.testnet.bybit.paging import page
from bot.testnet.bybit.params import Params
from bot.testnet.bybit.settings import AccountSettings, MarginMode
from bot.testnet.bybit.shapes import Symbol, amount
from bot.testnet.bybit.specifications import UNBOUNDED, max_leverage
from bot.testnet.numbers import Row
from bot.testnet.options import SETTLE

LEVERAGE_STEP = Decimal("0.01")
ONE_WAY, BOTH_SIDES = 0, 3
"""What `mode` says in switching the position mode."""
_FLAT = PaperPosition()


class Positions:
    """Signed endpoints around positions."""

    def __init__(self, markets: Markets, settings: AccountSettings, keeping: Keeping) -> None:
        self._markets = markets
        self._exchange = markets.world.exchange
        self._settings = settings
        self._keeping = keeping

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {
            ("GET", "/v5/position/list"): Endpoint(self.positions, 50),
            ("POST", "/v5/position/set-leverage"): Endpoint(self.set_leverage, 10),
            ("POST", "/v5/position/switch-mode"): Endpoint(self.switch_mode, 10),
            ("POST", "/v5/position/switch-isolated"): Endpoint(self.switch_isolated, 10),
        }

    # --- what there is ---

    def positions(self, params: Params) -> Row:
        """The symbol's position, flat or not; by settle coin those that are not flat.

        Coin-margined contracts can be asked for, as ccxt's stream of positions does; this account holds none.
        """
        self._settings.key.require("Position", writes=False)
        if params.text("category") == "inverse":
            return {"list": [], "nextPageCursor": "", "category": "inverse"}
        _linear(params)
        if params.text("symbol") is not None:
            rows = self.rows(self._markets.one(params))
        else:
            if params.text("settleCoin") is None:
                raise ApiError(10001, message="params error: symbol or settleCoin is required")
            held = self._exchange.account.held if params.text("settleCoin") == SETTLE else []
            rows = [row for asset in held for row in self.rows(self._markets.of(asset)) if row["side"]]
        numbered = list(enumerate(rows))
        shown, cursor = page(numbered, lambda row: len(numbered) - row[0], params, 20, 200)
        return {"list": [row for _, row in shown], "nextPageCursor": cursor, "category": "linear"}

    def rows(self, symbol: Symbol) -> list[Row]:
        """One row; in hedge mode two, the long side's first."""
        position = self._exchange.position(symbol.asset)
        if symbol.asset not in self._settings.hedge_mode:
            return [self._row(symbol, position, 0)]
        return [
            self._row(symbol, position if position.quantity > 0 else _FLAT, 1),
            self._row(symbol, position if position.quantity < 0 else _FLAT, 2),
        ]

    def _row(self, symbol: Symbol, position: PaperPosition, index: int) -> Row:
        exchange, past = self._exchange, self._keeping.positions[symbol.asset]
        mark, leverage, tiers = exchange.mark(symbol.asset), exchange.leverage(symbol.asset), symbol.instrument.tiers
        size = abs(position.quantity)
        notional = size * mark
        tier = tier_of(notional, tiers)
        initial = amount(round(initial_margin(notional, leverage), 8))
        portfolio = self._settings.margin_mode is MarginMode.PORTFOLIO
        return {
            "positionIdx": index,
            "riskId": 0 if portfolio else tiers.index(tier) + 1,
            "riskLimitValue": "0" if portfolio else plain(tier.cap or UNBOUNDED),
            "symbol": symbol.id,
            "side": "" if not size else "Buy" if position.quantity > 0 else "Sell",
            "size": symbol.quantity(size) if size else "0",
            "avgPrice": average(position.entry),
            "positionValue": amount(round(size * position.entry, 8)),
            "tradeMode": 0,
            "positionStatus": self._settings.position_status.get(symbol.asset, "Normal"),
            "autoAddMargin": 0,
            "adlRankIndicator": 2 if size else 0,
            "leverage": "" if portfolio else plain(leverage),
            "positionBalance": "" if portfolio else initial,
            "markPrice": symbol.price(mark),
            "liqPrice": "" if portfolio or not size else self._liquidation(symbol),
            "bustPrice": "",
            "positionMM": "" if portfolio else amount(round(maintenance_margin(notional, tiers), 8)),
            "positionIM": "" if portfolio else initial,
            "tpslMode": "Full",
            "takeProfit": "",
            "stopLoss": "",
            "trailingStop": "0",
            "unrealisedPnl": amount(position.unrealised(mark)),
            "curRealisedPnl": amount(past.realised if size else ZERO),
            "cumRealisedPnl": amount(past.realised_ever),
            "seq": past.seq,
            "isReduceOnly": symbol.asset in self._settings.reduce_only,
            "mmrSysUpdatedTime": "",
            "leverageSysUpdatedTime": "",
            "createdTime": str(past.created_at),
            "updatedTime": str(past.updated_at),
        }

    def _liquidation(self, symbol: Symbol) -> str:
        """An estimate, as cross margin is: all else standing still. '' where no price would do it."""
        price = self._exchange.liquidation_price(symbol.asset)
        return "" if price is None or price <= 0 else symbol.price(price)

    # --- what can be set ---

    def set_leverage(self, params: Params) -> Row:
        """Set a symbol's leverage, the same for both sides."""
        self._settings.key.require("Position")
        _linear(params)
        symbol = self._markets.one(params)
        if self._settings.margin_mode is MarginMode.PORTFOLIO:
            raise ApiError(110038, message="Portfolio margin mode is not allowed to change leverage")
        leverage, other = params.decimal("buyLeverage"), params.decimal("sellLeverage")
        if leverage is None or leverage < ONE or not is_multiple(leverage, LEVERAGE_STEP):
            raise bad("buyLeverage")
        if other != leverage:
            raise ApiError(10001, message="buy leverage and sell leverage must be equal")
        if leverage == self._exchange.leverage(symbol.asset):
            raise ApiError(110043)
        try:
            self._exchange.set_leverage(symbol.asset, leverage)
        except PaperReject as reject:
            if reject.code is RejectCode.INSUFFICIENT_MARGIN:
                raise ApiError(110044) from reject
            top = max_leverage(symbol.instrument.tiers[0])
            raise ApiError(110013, f"[{plain(leverage)}]", f"[{plain(top)}]") from reject
        return {}

    def switch_mode(self, params: Params) -> Row:
        """One position or one for each side: of a symbol, or of every symbol without position and order."""
        self._settings.key.require("Position")
        _linear(params)
        mode = params.integer("mode")
        if mode not in (ONE_WAY, BOTH_SIDES):
            raise bad("mode")
        if params.text("symbol") is not None:
            symbol = self._markets.one(params)
            if self._is_both(symbol) == (mode == BOTH_SIDES):
                raise ApiError(110025)
            self._check_switchable(symbol)
            changed = [symbol]
        elif params.text("coin") == SETTLE:
            changed = [symbol for symbol in self._markets.symbols
                       if self._is_both(symbol) != (mode == BOTH_SIDES) and self._is_idle(symbol)]
            if not changed:
                raise ApiError(110025)
        else:
            raise ApiError(10001, message="params error: symbol or coin is required")
        for symbol in changed:
            (self._settings.hedge_mode.add if mode == BOTH_SIDES else self._settings.hedge_mode.discard)(symbol.asset)
        return {}

    def _is_both(self, symbol: Symbol) -> bool:
        return symbol.asset in self._settings.hedge_mode

    def _is_idle(self, symbol: Symbol) -> bool:
        return not (self._exchange.position(symbol.asset).quantity or self._exchange.open_orders("perp", symbol.asset))

    def _check_switchable(self, symbol: Symbol) -> None:
        if self._exchange.position(symbol.asset).quantity:
            raise ApiError(110024)
        if self._exchange.open_orders("perp", symbol.asset):
            raise ApiError(110028)

    def switch_isolated(self, _: Params) -> Row:
        """Always refused: a unified account has one margin mode for all its linear contracts."""
        self._settings.key.require("Position")
        raise ApiError(100028, message="unified account is forbidden")


def _linear(params: Params) -> None:
    if params.category() != "linear":
        raise ApiError(10001, message="params error: Illegal category")
