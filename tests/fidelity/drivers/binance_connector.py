"""binance-connector: Binance's older library for the spot market."""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any

from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient
from telling import KEY, MINUTE, SECRET, Frames, Testnet, check, number, refused, same, tell

S = "BTCUSDT"


class Driver:
    def __init__(self, url: str) -> None:
        self.testnet = Testnet(url)
        self.client = Spot(api_key=KEY, api_secret=SECRET, base_url=url)

    def calls(self) -> dict[str, Callable[[], object]]:
        return {
            "markets": self.markets, "account": self.account, "place": self.place, "query": self.query,
            "duplicate client id": self.duplicate, "cancel": self.cancel, "post-only crossing": self.crossing,
            "insufficient margin": self.insufficient, "min notional": self.minimum, "partial fill": self.partial,
            "spot sale": self.spot_sale, "user stream": self.user_stream, "market stream": self.market_stream,
            "bad signature": self.bad_signature, "late timestamp": self.late, "rate limit": self.rate_limit,
        }

    # --- small steps ---

    def touch(self) -> tuple[Decimal, Decimal, Decimal]:
        """Best bid, best ask, and the bid's quantity."""
        book = self.client.book_ticker(symbol=S)
        return number(book["bidPrice"]), number(book["askPrice"]), number(book["bidQty"])

    def above(self) -> str:
        """A price at which a sell rests."""
        return str((self.touch()[1] * Decimal("1.01")).quantize(Decimal("0.01"), ROUND_DOWN))

    def order(self, side: str, quantity: object, price: object, **more: Any) -> Any:
        params: dict[str, Any] = {"type": "LIMIT", "timeInForce": "GTC", **more}
        if params["type"] == "LIMIT_MAKER":
            del params["timeInForce"]
        return self.client.new_order(symbol=S, side=side, quantity=str(quantity), price=str(price), **params)

    def free(self, coin: str) -> Decimal:
        return next(number(row["free"]) for row in self.client.account()["balances"] if row["asset"] == coin)

    def is_refused(self, code: int, act: Callable[[], object]) -> str:
        def read(error: BaseException) -> int | None:
            return error.error_code if isinstance(error, ClientError) else None

        return refused(code, read, act)

    # --- calls ---

    def markets(self) -> str:
        same(self.client.time()["serverTime"], self.testnet.now, "the time")
        (symbol,) = self.client.exchange_info(symbol=S)["symbols"]
        check("LIMIT_MAKER" in symbol["orderTypes"], "no LIMIT_MAKER")
        bid, ask, _ = self.touch()
        depth = self.client.depth(S, limit=5)
        same((number(depth["bids"][0][0]), number(depth["asks"][0][0])), (bid, ask), "the top of the book")
        same(len(self.client.book_ticker(symbols=["BTCUSDT", "ETHUSDT"])), 2, "two books")
        check(number(self.client.ticker_24hr(S)["highPrice"]) > 0, "no day's high")
        self.client.ticker_price(S)
        return f"{bid} / {ask}"

    def account(self) -> str:
        account = self.client.account(omitZeroBalances="true")
        same(account["accountType"], "SPOT", "the account's type")
        rates = self.client.query_commission_rates(S)
        same(rates["standardCommission"]["maker"], account["commissionRates"]["maker"], "the fee")
        return f"{self.free('BTC')} BTC"

    def place(self) -> str:
        held = self.free("BTC")
        order = self.order("SELL", "0.01", self.above(), type="LIMIT_MAKER", newClientOrderId="first")
        same((order["status"], order["type"], order["clientOrderId"]), ("NEW", "LIMIT_MAKER", "first"), "the order")
        same(held - self.free("BTC"), Decimal("0.01"), "what the order locks")
        return f"order {order['orderId']}"

    def query(self) -> str:
        order = self.client.get_order(S, origClientOrderId="first")
        same(self.client.get_order(S, orderId=order["orderId"]), order, "the order by its id")
        same([row["orderId"] for row in self.client.get_open_orders(S)], [order["orderId"]], "open orders")
        check(order["orderId"] in [row["orderId"] for row in self.client.get_orders(S)], "not in all orders")
        return self.is_refused(-2013, lambda: self.client.get_order(S, origClientOrderId="nobody"))

    def duplicate(self) -> str:
        return self.is_refused(-2010, lambda: self.order("SELL", "0.01", self.above(), newClientOrderId="first"))

    def cancel(self) -> str:
        order = self.client.cancel_order(S, origClientOrderId="first")
        same((order["status"], order["origClientOrderId"]), ("CANCELED", "first"), "the order")
        return self.is_refused(-2011, lambda: self.client.cancel_order(S, origClientOrderId="first"))

    def crossing(self) -> str:
        return self.is_refused(-2010, lambda: self.order("SELL", "0.01", self.touch()[0], type="LIMIT_MAKER"))

    def insufficient(self) -> str:
        return self.is_refused(-2010, lambda: self.order("SELL", "900", self.above()))

    def minimum(self) -> str:
        return self.is_refused(-1013, lambda: self.order("SELL", "0.0001", self.above()))

    def partial(self) -> str:
        """More than the best bid holds: the rest stays in the book, and takers come for it as time passes."""
        bid, _, held = self.touch()
        order = self.order("SELL", held + 5, bid, newClientOrderId="large")
        same((order["status"], number(order["executedQty"])), ("PARTIALLY_FILLED", held), "the order at first")
        for _ in range(60):
            self.testnet.advance(10_000)
            later = self.client.get_order(S, orderId=order["orderId"])
            if number(later["executedQty"]) != held:
                break
        check(number(later["executedQty"]) > held, "no taker came")
        if later["status"] != "FILLED":
            self.client.cancel_open_orders(S)
        trades = self.client.my_trades(S)
        same(sum(number(row["qty"]) for row in trades), number(later["executedQty"]), "the trades' sum")
        return f"{held}, then {later['executedQty']} of {held + 5}"

    def spot_sale(self) -> str:
        """What a sale brings, less its fee in what it brought."""
        coins, cash = self.free("BTC"), self.free("USDT")
        order = self.order("SELL", "0.01", self.touch()[0], timeInForce="IOC", newOrderRespType="RESULT")
        check("fills" not in order, "executions in a RESULT")
        trades = self.client.my_trades(S, orderId=order["orderId"])
        same({(row["isBuyer"], row["commissionAsset"]) for row in trades}, {(False, "USDT")}, "the executions")
        proceeds = sum(number(row["quoteQty"]) - number(row["commission"]) for row in trades)
        same(coins - self.free("BTC"), Decimal("0.01"), "the coins sold")
        same(self.free("USDT") - cash, proceeds, "what they brought")
        return f"{proceeds} USDT"

    def user_stream(self) -> str:
        """An order placed and filled, and the balance after it, as the user stream tells it."""
        key, frames = self.client.new_listen_key()["listenKey"], Frames()
        client = SpotWebsocketStreamClient(self.testnet.ws_url, on_message=lambda _, text: frames.put(text))
        try:
            client.user_data(listen_key=key)
            frames.wait(lambda frame: "result" in frame, "answer to the subscription")
            self.order("SELL", "0.01", self.above(), type="LIMIT_MAKER", newClientOrderId="told")
            new = frames.wait(lambda frame: _told(frame, "NEW"), "execution report NEW")
            same((new["c"], number(new["q"])), ("told", Decimal("0.01")), "the new order")
            self.client.cancel_order(S, origClientOrderId="told")
            gone = frames.wait(lambda frame: _told(frame, "CANCELED"), "execution report CANCELED")
            same(gone["C"], "told", "the cancelled order's own id")
            self.order("SELL", "0.01", self.touch()[0], timeInForce="IOC", newClientOrderId="told_too")
            trade = frames.wait(lambda frame: _told(frame, "TRADE"), "execution report TRADE")
            same((trade["c"], trade["X"], number(trade["l"])), ("told_too", "FILLED", Decimal("0.01")), "the fill")
            held = self.free("BTC")
            frames.wait(lambda frame: _balance(frame, "BTC") == held, f"account position with {held} BTC")
        finally:
            client.stop()
        self.client.renew_listen_key(key)
        return "orders, fill, balance"

    def market_stream(self) -> str:
        frames = Frames()
        client = SpotWebsocketStreamClient(self.testnet.ws_url, on_message=lambda _, text: frames.put(text))
        try:
            client.book_ticker(symbol=S)
            frames.wait(lambda frame: "result" in frame, "answer to the subscription")
            self.testnet.advance(MINUTE)
            bid, ask, _ = self.touch()
            frames.wait(lambda frame: "b" in frame and (number(frame["b"]), number(frame["a"])) == (bid, ask),
                        f"best prices {bid} / {ask}")
        finally:
            client.stop()
        return f"{bid} / {ask}"

    def bad_signature(self) -> str:
        return self.is_refused(-1022, Spot(api_key=KEY, api_secret="another", base_url=self.testnet.url).account)

    def late(self) -> str:
        self.testnet.late = 61_000
        try:
            return self.is_refused(-1021, self.client.account)
        finally:
            self.testnet.late = 0

    def rate_limit(self) -> str:
        """Ask until the venue has enough; a minute later it answers again."""

        def ask_on() -> None:
            for _ in range(400):
                self.client.account()

        code = self.is_refused(-1003, ask_on)
        self.testnet.advance(MINUTE)
        self.client.account()
        return code


def _told(frame: Any, what: str) -> bool:
    return frame.get("e") == "executionReport" and frame["x"] == what


def _balance(frame: Any, coin: str) -> Decimal | None:
    if frame.get("e") != "outboundAccountPosition":
        return None
    return next((number(row["f"]) for row in frame["B"] if row["a"] == coin), None)


if __name__ == "__main__":
    tell(Driver(sys.argv[1]).calls())
