"""Binance USD-M futures as a client sees it: the same calls for every client whose replies are the venue's own JSON.

A client's driver says how it asks (`ask` with the venue's parameter names), how it reads a refusal, and how it opens
streams.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any

from telling import HOUR, MINUTE, Frames, Testnet, check, number, refused, same

S = "BTCUSDT"


class Usdm:
    """The calls. `testnet` moves time; every method named in `calls` is one of the report's lines."""

    testnet: Testnet

    def ask(self, what: str, **params: Any) -> Any:
        """One request through the client."""
        raise NotImplementedError

    def with_secret(self, secret: str) -> Callable[[], object]:
        """A signed read by a client whose secret is another."""
        raise NotImplementedError

    def code(self, error: BaseException) -> int | None:
        """The venue's code in the client's exception; None when it is another trouble."""
        raise NotImplementedError

    def open_user(self, listen_key: str, frames: Frames) -> Callable[[], None]:
        """The user stream; returns how to close it."""
        raise NotImplementedError

    def open_book(self, frames: Frames) -> Callable[[], None]:
        """The stream of best prices; returns how to close it."""
        raise NotImplementedError

    def calls(self) -> dict[str, Callable[[], object]]:
        """In order: each finds the account as the one before left it."""
        return {
            "markets": self.markets, "account": self.account, "leverage": self.leverage, "place": self.place,
            "query": self.query, "duplicate client id": self.duplicate, "amend": self.amend, "cancel": self.cancel,
            "post-only crossing": self.crossing, "insufficient margin": self.insufficient,
            "min notional": self.minimum, "partial fill": self.partial, "reduce-only": self.reduce_only,
            "user stream": self.user_stream, "market stream": self.market_stream,
            "funding income": self.funding, "bad signature": self.bad_signature,
            "late timestamp": self.late, "rate limit": self.rate_limit,
        }

    # --- small steps ---

    def touch(self) -> tuple[Decimal, Decimal, Decimal]:
        """Best bid, best ask, and the bid's quantity."""
        book = self.ask("book", symbol=S)
        return number(book["bidPrice"]), number(book["askPrice"]), number(book["bidQty"])

    def order(self, side: str, quantity: object, price: Decimal, tif: str = "GTC", **more: Any) -> Any:
        """Place a limit order."""
        return self.ask("place", symbol=S, side=side, type="LIMIT", timeInForce=tif, quantity=quantity,
                        price=price, **more)

    def above(self) -> Decimal:
        """A price at which a sell rests."""
        return (self.touch()[1] * Decimal("1.01")).quantize(Decimal("0.1"), ROUND_DOWN)

    def position(self) -> Decimal:
        """The position in BTC."""
        rows = [row for row in self.ask("positions", symbol=S) if row["symbol"] == S]
        return number(rows[0]["positionAmt"]) if rows else Decimal(0)

    def is_refused(self, code: int, act: Callable[[], object]) -> str:
        """The venue refuses with this code."""
        return refused(code, self.code, act)

    # --- calls ---

    def markets(self) -> str:
        same(self.ask("time")["serverTime"], self.testnet.now, "the time")
        (symbol,) = [row for row in self.ask("exchange_info")["symbols"] if row["symbol"] == S]
        filters = {row["filterType"]: row for row in symbol["filters"]}
        same(filters["LOT_SIZE"]["stepSize"], "0.001", "the amount step")
        bid, ask, _ = self.touch()
        depth = self.ask("depth", symbol=S, limit=5)
        same((number(depth["bids"][0][0]), number(depth["asks"][0][0])), (bid, ask), "the top of the book")
        mark = self.ask("mark", symbol=S)
        check(abs(number(mark["markPrice"]) / bid - 1) < Decimal("0.02"), "mark and book are far apart")
        check(mark["nextFundingTime"] > self.testnet.now, "the next funding lies behind")
        day = self.ask("ticker", symbol=S)
        check(number(day["highPrice"]) >= number(day["lowPrice"]), "the day's high is below its low")
        self.ask("funding_rates", symbol=S)
        return f"{bid} / {ask}"

    def account(self) -> str:
        account = self.ask("account")
        (row,) = [row for row in self.ask("balance") if row["asset"] == "USDT"]
        same(number(row["balance"]), number(account["totalWalletBalance"]), "balance and account")
        check(number(account["availableBalance"]) > 0, "nothing is available")
        same(self.position(), Decimal(0), "the position")
        return f"{row['balance']} USDT"

    def leverage(self) -> str:
        (row,) = self.ask("brackets", symbol=S)
        same(row["brackets"][0]["initialLeverage"], 125, "the first bracket's leverage")
        same(self.ask("leverage", symbol=S, leverage=15)["leverage"], 15, "the leverage")
        return self.is_refused(-4046, lambda: self.ask("margin_type", symbol=S, marginType="CROSSED"))

    def place(self) -> str:
        price = self.above()
        order = self.order("SELL", "0.01", price, "GTX", newClientOrderId="first")
        same((order["status"], order["clientOrderId"], number(order["origQty"])), ("NEW", "first", Decimal("0.01")),
             "the order")
        same(number(order["price"]), price, "the price")
        return f"order {order['orderId']}"

    def query(self) -> str:
        order = self.ask("order", symbol=S, origClientOrderId="first")
        same(order["status"], "NEW", "the status")
        same(self.ask("order", symbol=S, orderId=order["orderId"]), order, "the order by its id")
        same([row["orderId"] for row in self.ask("open_orders", symbol=S)], [order["orderId"]], "open orders")
        check(order["orderId"] in [row["orderId"] for row in self.ask("all_orders", symbol=S)], "not in all orders")
        return self.is_refused(-2013, lambda: self.ask("order", symbol=S, origClientOrderId="nobody"))

    def duplicate(self) -> str:
        return self.is_refused(
            -4116, lambda: self.order("SELL", "0.01", self.above(), "GTX", newClientOrderId="first"))

    def amend(self) -> str:
        price = self.above() + 10
        self.ask("amend", symbol=S, side="SELL", origClientOrderId="first", quantity="0.02", price=price)
        order = self.ask("order", symbol=S, origClientOrderId="first")
        same((number(order["price"]), number(order["origQty"])), (price, Decimal("0.02")), "the amended order")
        return self.is_refused(-5027, lambda: self.ask(
            "amend", symbol=S, side="SELL", origClientOrderId="first", quantity="0.02", price=price))

    def cancel(self) -> str:
        same(self.ask("cancel", symbol=S, origClientOrderId="first")["status"], "CANCELED", "the status")
        same(self.ask("open_orders", symbol=S), [], "open orders")
        return self.is_refused(-2011, lambda: self.ask("cancel", symbol=S, origClientOrderId="first"))

    def crossing(self) -> str:
        bid, _, _ = self.touch()
        code = self.is_refused(-5022, lambda: self.order("SELL", "0.01", bid, "GTX", newClientOrderId="taker"))
        self.is_refused(-2013, lambda: self.ask("order", symbol=S, origClientOrderId="taker"))
        return code

    def insufficient(self) -> str:
        return self.is_refused(-2019, lambda: self.order("SELL", "900", self.above()))

    def minimum(self) -> str:
        return self.is_refused(-4164, lambda: self.order("SELL", "0.001", self.above()))

    def partial(self) -> str:
        """More than the best bid holds: the rest stays in the book, and takers come for it as time passes."""
        bid, _, held = self.touch()
        order = self.order("SELL", held + 5, bid, newClientOrderId="large")
        first = self.ask("order", symbol=S, orderId=order["orderId"])
        same((first["status"], number(first["executedQty"])), ("PARTIALLY_FILLED", held), "the order at first")
        for _ in range(30):
            self.testnet.advance(10_000)
            later = self.ask("order", symbol=S, orderId=order["orderId"])
            if number(later["executedQty"]) != held:
                break
        check(number(later["executedQty"]) > held, "no taker came")
        if later["status"] != "FILLED":
            later = self.ask("cancel", symbol=S, orderId=order["orderId"])
        filled = number(later["executedQty"])
        trades = self.ask("trades", symbol=S)
        same(sum(number(row["qty"]) for row in trades), filled, "the trades' sum")
        same({row["maker"] for row in trades}, {False, True}, "taker first, maker then")
        same(self.position(), -filled, "the position")
        return f"{held}, then {filled} of {held + 5}"

    def reduce_only(self) -> str:
        held = self.position()
        self.order("BUY", "0.001", self.touch()[1], "IOC", reduceOnly="true")  # no minimum holds back a reduction
        same(self.position(), held + Decimal("0.001"), "the position")
        return self.is_refused(-2022, lambda: self.order("SELL", "0.01", self.above(), reduceOnly="true"))

    def user_stream(self) -> str:
        """An order placed, filled and cancelled, as the user stream tells it."""
        key, frames = self.ask("listen_key")["listenKey"], Frames()
        close = self.open_user(key, frames)
        try:
            self.order("SELL", "0.01", self.above(), "GTX", newClientOrderId="told")
            new = frames.wait(lambda frame: _told(frame, "NEW"), "order update NEW")
            same((new["o"]["X"], number(new["o"]["q"])), ("NEW", Decimal("0.01")), "the new order")
            self.ask("cancel", symbol=S, origClientOrderId="told")
            frames.wait(lambda frame: _told(frame, "CANCELED"), "order update CANCELED")
            self.order("SELL", "0.01", self.touch()[0], "IOC", newClientOrderId="told_too")
            trade = frames.wait(lambda frame: _told(frame, "TRADE"), "order update TRADE")
            same((trade["o"]["c"], trade["o"]["X"], number(trade["o"]["z"])), ("told_too", "FILLED", Decimal("0.01")),
                 "the fill")
            update = frames.have(_about, "account update")
            (row,) = update["a"]["P"]
            same((number(row["pa"]), row["s"]), (self.position(), S), "the told position")
        finally:
            close()
        self.ask("keep_listen_key", listenKey=key)
        return "orders, fill, position"

    def market_stream(self) -> str:
        frames = Frames()
        close = self.open_book(frames)
        try:
            self.testnet.advance(MINUTE)
            bid, ask, _ = self.touch()
            frames.wait(lambda frame: _best(frame) == (bid, ask), f"best prices {bid} / {ask}")
        finally:
            close()
        return f"{bid} / {ask}"

    def funding(self) -> str:
        """Eight hours with a short: it receives what the rate says, rounded once."""
        held, due = self.position(), self.ask("mark", symbol=S)["nextFundingTime"]
        check(held < 0, "there is no short")
        self.testnet.advance(due - self.testnet.now + 1_000)
        (settled,) = self.ask("funding_rates", symbol=S, startTime=due, endTime=due)
        (row,) = self.ask("income", symbol=S, incomeType="FUNDING_FEE", startTime=due - HOUR)
        expected = -held * number(settled["markPrice"]) * number(settled["fundingRate"])
        check(abs(number(row["income"]) - expected) < Decimal("0.000001"), f"{row['income']} for {expected}")
        return f"{row['income']} USDT"

    def bad_signature(self) -> str:
        return self.is_refused(-1022, self.with_secret("another"))

    def late(self) -> str:
        self.testnet.late = 61_000
        try:
            return self.is_refused(-1021, lambda: self.ask("account"))
        finally:
            self.testnet.late = 0

    def rate_limit(self) -> str:
        """Ask until the venue has enough; a minute later it answers again."""

        def ask_on() -> None:
            for _ in range(100):
                self.ask("income", symbol=S)

        code = self.is_refused(-1003, ask_on)
        self.testnet.advance(MINUTE)
        self.ask("income", symbol=S)
        return code


def _told(frame: Any, what: str) -> bool:
    return isinstance(frame, dict) and frame.get("e") == "ORDER_TRADE_UPDATE" and frame["o"]["x"] == what


def _about(frame: Any) -> bool:
    return isinstance(frame, dict) and frame.get("e") == "ACCOUNT_UPDATE" and bool(frame["a"]["P"])


def _best(frame: Any) -> tuple[Decimal, Decimal] | None:
    row = frame.get("data", frame) if isinstance(frame, dict) else {}
    return (number(row["b"]), number(row["a"])) if "b" in row and "a" in row else None
