"""USD-M futures: balances, positions, margin, income, and what the account is set to."""

from __future__ import annotations

from decimal import Decimal

from bot.core.margin import initial_margin, maintenance_margin
from bot.core.market import Asset
from bot.core.money import ZERO, plain, to_ledger
from bot.core.times import DAY, Millis
from bot.paper.account import AccountFigures, perp_fee
from bot.paper.records import IncomeKind, IncomeRow, PaperOrder
from bot.testnet.binance.endpoint import Endpoint, Security, Table
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.futures_modes import max_notional, rights
from bot.testnet.binance.markets import Markets
from bot.testnet.binance.params import Params
from bot.testnet.binance.settings import FuturesSettings
from bot.testnet.binance.shapes import Symbol
from bot.testnet.numbers import Row, fixed, money
from bot.testnet.options import SETTLE

_ALIAS = "LoCl"


class FuturesAccount:
    """Signed account endpoints of the futures API."""

    def __init__(self, markets: Markets, settings: FuturesSettings) -> None:
        self._markets = markets
        self._world = markets.world
        self._exchange = markets.world.exchange
        self._settings = settings

    def table(self) -> Table:
        """Endpoints by method and path."""
        signed = Security.SIGNED
        return {
            ("GET", "/fapi/v2/account"): Endpoint(self.account_v2, 5, signed),
            ("GET", "/fapi/v3/account"): Endpoint(self.account, 5, signed),
            ("GET", "/fapi/v2/balance"): Endpoint(self.balance, 5, signed),
            ("GET", "/fapi/v3/balance"): Endpoint(self.balance, 5, signed),
            ("GET", "/fapi/v2/positionRisk"): Endpoint(self.positions_v2, 5, signed),
            ("GET", "/fapi/v3/positionRisk"): Endpoint(self.positions, 5, signed),
            ("GET", "/fapi/v1/income"): Endpoint(self.income, 30, signed),
        }

    # --- balances ---

    def account(self, _: Params) -> Row:
        """Version 3: assets that have a balance, symbols that have a position or an open order."""
        figures = self._exchange.figures()
        return {
            **_totals(figures),
            "assets": [row for row in (self._asset(coin, figures) for coin in self._coins()) if _held(row)],
            "positions": [self._account_position(symbol) for symbol in self._busy()],
        }

    def account_v2(self, _: Params) -> Row:
        """Version 2: every asset and every symbol, and the account's rights."""
        figures = self._exchange.figures()
        return {
            **rights(),
            "multiAssetsMargin": self._settings.multi_assets,
            **_totals(figures),
            "assets": [{**self._asset(coin, figures), "marginAvailable": True} for coin in self._coins()],
            "positions": [self._account_position_v2(symbol) for symbol in self._markets.symbols.values()],
        }

    def balance(self, _: Params) -> list[Row]:
        """One row per asset."""
        figures = self._exchange.figures()
        shown = ("asset", "crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount", "updateTime")
        rows: list[Row] = []
        for coin in self._coins():
            asset = self._asset(coin, figures)
            rows.append({
                "accountAlias": _ALIAS, "balance": asset["walletBalance"], "marginAvailable": True,
                **{name: asset[name] for name in shown},
            })
        return rows

    def _coins(self) -> list[str]:
        return [SETTLE, *sorted(coin for coin in self._exchange.wallets.futures if coin != SETTLE)]

    def _asset(self, coin: str, figures: AccountFigures) -> Row:
        """One asset of the wallet. Only the settle coin carries profit and margin: this is a single-asset wallet."""
        if coin != SETTLE:
            wallet = self._exchange.wallets.futures.get(coin, ZERO)
            figures = AccountFigures(wallet, ZERO, wallet, ZERO, ZERO, ZERO)
        balance, unrealised, available = money(figures.wallet_balance), money(figures.unrealised), figures.available
        return {
            "asset": coin,
            "walletBalance": balance,
            "unrealizedProfit": unrealised,
            "marginBalance": money(figures.equity),
            "maintMargin": money(figures.maintenance_margin),
            "initialMargin": money(figures.initial_margin),
            "positionInitialMargin": money(figures.position_margin),
            "openOrderInitialMargin": money(figures.order_margin),
            "crossWalletBalance": balance,
            "crossUnPnl": unrealised,
            "availableBalance": money(available),
            "maxWithdrawAmount": money(max(ZERO, min(available, figures.wallet_balance))),
            "updateTime": self._changed_at(),
        }

    def _changed_at(self) -> Millis:
        """When the wallet last changed; the story's beginning before that (clients skip assets without a time)."""
        income = self._exchange.income
        return income[-1].at if income else self._markets.feed.start

    # --- positions ---

    def _busy(self) -> list[Symbol]:
        """Symbols with a position or an open order."""
        resting = {order.asset for order in self._exchange.open_orders("perp")}
        return [symbol for symbol in self._markets.symbols.values()
                if symbol.asset in resting or self._exchange.position(symbol.asset).quantity]

    def _margins(self, symbol: Symbol) -> tuple[Decimal, Decimal, Decimal]:
        """Initial margin of the position, of the open orders beyond it, and maintenance margin."""
        leverage = self._exchange.leverage(symbol.asset)
        signed = self._exchange.position(symbol.asset).quantity * self._exchange.mark(symbol.asset)
        bids, asks = self._order_notionals(symbol.asset)
        positioned = initial_margin(abs(signed), leverage)
        required = initial_margin(max(abs(signed + bids), abs(signed - asks)), leverage)
        return positioned, required - positioned, maintenance_margin(abs(signed), symbol.instrument.tiers)

    def _order_notionals(self, asset: Asset) -> tuple[Decimal, Decimal]:
        bids = asks = ZERO
        for order in self._exchange.open_orders("perp", asset):
            if order.reduce_only:
                continue
            value = _value(order, self._exchange.mark(asset))
            if order.side.sign > 0:
                bids += value
            else:
                asks += value
        return bids, asks

    def _account_position(self, symbol: Symbol) -> Row:
        position = self._exchange.position(symbol.asset)
        mark = self._exchange.mark(symbol.asset)
        positioned, ordered, maintenance = self._margins(symbol)
        return {
            "symbol": symbol.id,
            "positionSide": "BOTH",
            "positionAmt": symbol.quantity(position.quantity),
            "unrealizedProfit": money(position.unrealised(mark)),
            "isolatedMargin": "0",
            "notional": plain(to_ledger(position.quantity * mark)),
            "isolatedWallet": "0",
            "initialMargin": money(positioned + ordered),
            "maintMargin": money(maintenance),
            "updateTime": position.updated_at or 0,
        }

    def _account_position_v2(self, symbol: Symbol) -> Row:
        row = self._account_position(symbol)
        for name in ("isolatedMargin", "isolatedWallet", "notional"):
            del row[name]
        positioned, ordered, _ = self._margins(symbol)
        bids, asks = self._order_notionals(symbol.asset)
        return {
            **row,
            "positionInitialMargin": money(positioned),
            "openOrderInitialMargin": money(ordered),
            "leverage": plain(self._exchange.leverage(symbol.asset)),
            "isolated": symbol.asset in self._settings.isolated,
            "entryPrice": _entry(self._exchange.position(symbol.asset).entry),
            "maxNotional": max_notional(self._exchange, symbol),
            "bidNotional": plain(to_ledger(bids)),
            "askNotional": plain(to_ledger(asks)),
        }

    def positions(self, params: Params) -> list[Row]:
        """Version 3: symbols with a position or an open order."""
        wanted = self._markets.wanted(params)
        return [self._risk(symbol) for symbol in self._busy() if wanted is None or symbol is wanted]

    def positions_v2(self, params: Params) -> list[Row]:
        """Version 2: every symbol."""
        wanted = self._markets.wanted(params)
        return [self._risk_v2(symbol) for symbol in self._markets.symbols.values() if wanted in (None, symbol)]

    def _risk(self, symbol: Symbol) -> Row:
        position = self._exchange.position(symbol.asset)
        mark = self._exchange.mark(symbol.asset)
        positioned, ordered, maintenance = self._margins(symbol)
        bids, asks = self._order_notionals(symbol.asset)
        return {
            "symbol": symbol.id,
            "positionSide": "BOTH",
            "positionAmt": symbol.quantity(position.quantity),
            "entryPrice": _entry(position.entry),
            "breakEvenPrice": _entry(self._break_even(symbol)),
            "markPrice": money(mark),
            "unRealizedProfit": money(position.unrealised(mark)),
            "liquidationPrice": self._liquidation_price(symbol),
            "isolatedMargin": "0",
            "notional": plain(to_ledger(position.quantity * mark)),
            "marginAsset": SETTLE,
            "isolatedWallet": "0",
            "initialMargin": money(positioned + ordered),
            "maintMargin": money(maintenance),
            "positionInitialMargin": money(positioned),
            "openOrderInitialMargin": money(ordered),
            "adl": 1 if position.quantity else 0,
            "bidNotional": plain(to_ledger(bids)),
            "askNotional": plain(to_ledger(asks)),
            "updateTime": position.updated_at or 0,
        }

    def _risk_v2(self, symbol: Symbol) -> Row:
        row = self._risk(symbol)
        for name in ("marginAsset", "initialMargin", "maintMargin", "positionInitialMargin", "openOrderInitialMargin",
                     "adl", "bidNotional", "askNotional"):
            del row[name]
        return {
            **row,
            "marginType": "isolated" if symbol.asset in self._settings.isolated else "cross",
            "isAutoAddMargin": "false",
            "leverage": plain(self._exchange.leverage(symbol.asset)),
            "maxNotionalValue": max_notional(self._exchange, symbol),
        }

    def _break_even(self, symbol: Symbol) -> Decimal:
        """The price at which closing as a taker pays its own fee: entry shifted by the taker rate."""
        position = self._exchange.position(symbol.asset)
        rate = perp_fee(symbol.instrument, maker=False)
        return position.entry * (1 + rate if position.quantity > 0 else 1 - rate)

    def _liquidation_price(self, symbol: Symbol) -> str:
        price = self._exchange.liquidation_price(symbol.asset)
        return "0" if price is None else fixed(price, symbol.price_places)

    # --- what happened to the wallet ---

    def income(self, params: Params) -> list[Row]:
        """Rows of the wallet's history, oldest first: the last seven days unless a time is named."""
        limit = params.limit(100, 1000)
        symbol, kind = self._markets.wanted(params), params.get("incomeType")
        if kind is not None and kind not in list(IncomeKind):
            raise ApiError(-1130, "incomeType")
        start, end = params.integer("startTime"), params.integer("endTime")
        now = self._world.now()
        last = now if end is None else end
        first = start if start is not None else (now if end is None else end) - 7 * DAY
        page = params.integer("page") or 1
        rows = [
            row for row in self._exchange.income
            if first <= row.at <= last and (kind is None or row.kind == kind) and self._is_shown(row)
            and (symbol is None or row.symbol == symbol.instrument.symbol)
        ]
        chosen = rows[(page - 1) * limit: page * limit] if start is not None or page > 1 else rows[-limit:]
        return [self._income_row(row) for row in chosen]

    def _is_shown(self, row: IncomeRow) -> bool:
        """A settlement may be kept from the history for a while."""
        return row.kind is not IncomeKind.FUNDING_FEE or row.at <= self._world.now() - self._settings.funding_delay

    def _income_row(self, row: IncomeRow) -> Row:
        trade = "" if row.trade_id is None else str(row.trade_id)
        name = next((symbol.id for symbol in self._markets.symbols.values()
                     if symbol.instrument.symbol == row.symbol), "")
        return {
            "symbol": name,
            "incomeType": row.kind.value,
            "income": money(row.amount),
            "asset": row.currency,
            "time": row.at,
            "info": trade or row.kind.value,
            "tranId": row.id,
            "tradeId": trade,
        }


def _totals(figures: AccountFigures) -> Row:
    balance, unrealised, available = money(figures.wallet_balance), money(figures.unrealised), figures.available
    return {
        "totalInitialMargin": money(figures.initial_margin),
        "totalMaintMargin": money(figures.maintenance_margin),
        "totalWalletBalance": balance,
        "totalUnrealizedProfit": unrealised,
        "totalMarginBalance": money(figures.equity),
        "totalPositionInitialMargin": money(figures.position_margin),
        "totalOpenOrderInitialMargin": money(figures.order_margin),
        "totalCrossWalletBalance": balance,
        "totalCrossUnPnl": unrealised,
        "availableBalance": money(available),
        "maxWithdrawAmount": money(max(ZERO, min(available, figures.wallet_balance))),
    }


def _held(asset: Row) -> bool:
    return any(asset[name] != "0.00000000" for name in ("walletBalance", "marginBalance"))


def _value(order: PaperOrder, mark: Decimal) -> Decimal:
    """What an open order may add: a sell is valued at no less than the mark."""
    return order.remaining * (order.price if order.side.sign > 0 else max(order.price, mark))


def _entry(price: Decimal) -> str:
    return fixed(price, 1) if not price else plain(to_ledger(price))
