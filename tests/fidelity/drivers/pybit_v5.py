"""pybit: Bybit's own library for its v5 interface."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from functools import partial
from typing import Any

import pybit.unified_trading
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP, WebSocket
from telling import HOUR, KEY, MINUTE, SECRET, Frames, Testnet, check, number, refused, same, tell

S = "BTCUSDT"
LINEAR = {"category": "linear", "symbol": S}


def client_of(url: str, secret: str) -> HTTP:
    # By itself it waits in real time and asks again when it is late or has asked too often: one code that never comes
    # stands for none, since an empty set means its own list.
    client = HTTP(api_key=KEY, api_secret=secret, retry_codes={-1})
    client.endpoint = url  # its options choose among Bybit's own domains, always over https
    return client


class Socket(WebSocket):
    """Its WebSocket, which notes a subscription after sending it: over loopback the answer may be there first, and then
    it knows nothing of it and hangs up. Here answers wait until the subscription is noted.
    """

    def __init__(self, channel: str, **options: Any) -> None:
        self._noting = threading.RLock()
        super().__init__(channel, testnet=False, **options)

    def subscribe(self, *args: Any, **options: Any) -> None:
        with self._noting:
            super().subscribe(*args, **options)

    def _on_message(self, message: str) -> None:
        with self._noting:
            super()._on_message(message)


class Driver:
    def __init__(self, url: str) -> None:
        self.testnet = Testnet(url)
        self.client = client_of(url, SECRET)
        # The addresses of its WebSockets are constants of the module.
        pybit.unified_trading.PRIVATE_WSS = f"{self.testnet.ws_url}/v5/private"
        pybit.unified_trading.PUBLIC_WSS = f"{self.testnet.ws_url}/v5/public/{{CHANNEL_TYPE}}"

    def calls(self) -> dict[str, Callable[[], object]]:
        calls: dict[str, Callable[[], object]] = {
            "markets": self.markets, "account": self.account, "leverage": self.leverage, "place": self.place,
            "query": self.query, "duplicate client id": self.duplicate, "amend": self.amend, "cancel": self.cancel,
            "post-only crossing": self.crossing, "insufficient margin": self.insufficient,
            "min notional": self.minimum, "partial fill": self.partial, "reduce-only": self.reduce_only,
            "spot sale": self.spot_sale, "user stream": self.user_stream, "market stream": self.market_stream,
            "funding income": self.funding, "bad signature": self.bad_signature, "late timestamp": self.late,
            "rate limit": self.rate_limit,
        }
        return {name: self._later(call) for name, call in calls.items()}

    def _later(self, call: Callable[[], object]) -> Callable[[], object]:
        def act() -> object:
            self.testnet.advance(2_000)  # requests count per second of the story, which stands still between the calls
            return call()

        return act

    # --- small steps ---

    def touch(self) -> tuple[Decimal, Decimal, Decimal]:
        """Best bid, best ask, and the bid's quantity."""
        (row,) = self.client.get_tickers(**LINEAR)["result"]["list"]
        return number(row["bid1Price"]), number(row["ask1Price"]), number(row["bid1Size"])

    def above(self) -> Decimal:
        """A price at which a sell rests."""
        return (self.touch()[1] * Decimal("1.01")).quantize(Decimal("0.1"), ROUND_DOWN)

    def order(self, side: str, quantity: object, price: Decimal, tif: str = "GTC", **more: Any) -> str:
        """Place a limit order; Bybit answers with its ids only."""
        placed = self.client.place_order(**LINEAR, side=side, orderType="Limit", timeInForce=tif, qty=str(quantity),
                                         price=str(price), **more)
        return str(placed["result"]["orderId"])

    def find(self, **which: str) -> Any:
        """The order, open or ended lately."""
        found = self.client.get_open_orders(**LINEAR, **which)["result"]["list"]
        found = found or self.client.get_order_history(**LINEAR, **which)["result"]["list"]
        check(len(found) == 1, f"{len(found)} orders for {which}")
        return found[0]

    def held(self) -> Decimal:
        """The position in BTC, negative when short."""
        (row,) = self.client.get_positions(**LINEAR)["result"]["list"]
        return number(row["size"]) * (-1 if row["side"] == "Sell" else 1)

    def coins(self) -> dict[str, Decimal]:
        """What the wallet holds."""
        (wallet,) = self.client.get_wallet_balance(accountType="UNIFIED")["result"]["list"]
        return {row["coin"]: number(row["walletBalance"]) for row in wallet["coin"]}

    def is_refused(self, code: int, act: Callable[[], object]) -> str:
        def read(error: BaseException) -> int | None:
            return error.status_code if isinstance(error, (InvalidRequestError, FailedRequestError)) else None

        return refused(code, read, act)

    # --- calls ---

    def markets(self) -> str:
        same(self.client.get_server_time()["time"], self.testnet.now, "the time")
        (market,) = self.client.get_instruments_info(**LINEAR)["result"]["list"]
        same((market["status"], market["contractType"]), ("Trading", "LinearPerpetual"), "the market")
        number(market["lotSizeFilter"]["qtyStep"])
        number(market["lotSizeFilter"]["minNotionalValue"])
        (spot,) = self.client.get_instruments_info(category="spot", symbol=S)["result"]["list"]
        number(spot["lotSizeFilter"]["basePrecision"])
        bid, ask, _ = self.touch()
        book = self.client.get_orderbook(**LINEAR, limit=5)["result"]
        same((number(book["b"][0][0]), number(book["a"][0][0])), (bid, ask), "the top of the book")
        check(self.client.get_risk_limit(**LINEAR)["result"]["list"], "no risk limits")
        self.client.get_funding_rate_history(**LINEAR)
        (coin,) = self.client.get_tickers(category="spot", symbol=S)["result"]["list"]
        check(number(coin["bid1Price"]) < number(coin["ask1Price"]), "the spot book is crossed")
        return f"{bid} / {ask}"

    def account(self) -> str:
        coins = self.coins()
        check(coins["BTC"] > 0 and coins["USDT"] > 0, f"{coins}")
        same(self.client.get_account_info()["result"]["marginMode"], "REGULAR_MARGIN", "the margin mode")
        key = self.client.get_api_key_information()["result"]
        same(key["apiKey"], KEY, "the key")
        (fees,) = self.client.get_fee_rates(**LINEAR)["result"]["list"]
        number(fees["makerFeeRate"])
        same(self.held(), Decimal(0), "the position")
        return f"{coins['BTC']} BTC, {coins['USDT']} USDT"

    def leverage(self) -> str:
        self.client.set_leverage(**LINEAR, buyLeverage="15", sellLeverage="15")
        (row,) = self.client.get_positions(**LINEAR)["result"]["list"]
        same((row["leverage"], row["positionIdx"]), ("15", 0), "leverage and mode")
        return self.is_refused(
            110043, lambda: self.client.set_leverage(**LINEAR, buyLeverage="15", sellLeverage="15"))

    def place(self) -> str:
        price = self.above()
        order_id = self.order("Sell", "0.01", price, "PostOnly", orderLinkId="first")
        order = self.find(orderId=order_id)
        same((order["orderStatus"], order["orderLinkId"], number(order["qty"]), number(order["price"])),
             ("New", "first", Decimal("0.01"), price), "the order")
        return order_id

    def query(self) -> str:
        order = self.find(orderLinkId="first")
        listed = self.client.get_open_orders(category="linear", settleCoin="USDT")["result"]["list"]
        same([row["orderId"] for row in listed], [order["orderId"]], "open orders")
        same(self.client.get_order_history(**LINEAR, orderLinkId="nobody")["result"]["list"], [], "nobody's orders")
        return str(order["orderId"])

    def duplicate(self) -> str:
        price = self.above()
        return self.is_refused(110072, lambda: self.order("Sell", "0.01", price, "PostOnly", orderLinkId="first"))

    def amend(self) -> str:
        price = str(self.above() + 10)
        self.client.amend_order(**LINEAR, orderLinkId="first", qty="0.02", price=price)
        order = self.find(orderLinkId="first")
        same((number(order["qty"]), number(order["price"])), (Decimal("0.02"), Decimal(price)), "the amended order")
        return self.is_refused(
            110001, lambda: self.client.amend_order(**LINEAR, orderLinkId="nobody", qty="0.03"))

    def cancel(self) -> str:
        self.client.cancel_order(**LINEAR, orderLinkId="first")
        order = self.find(orderLinkId="first")
        same((order["orderStatus"], order["cancelType"]), ("Cancelled", "CancelByUser"), "the order")
        self.is_refused(110010, lambda: self.client.cancel_order(**LINEAR, orderLinkId="first"))
        return self.is_refused(110001, lambda: self.client.cancel_order(**LINEAR, orderLinkId="nobody"))

    def crossing(self) -> str:
        """Accepted, and cancelled a moment later."""
        order_id = self.order("Sell", "0.01", self.touch()[0], "PostOnly")
        self.testnet.advance(1_000)
        order = self.find(orderId=order_id)
        same((order["orderStatus"], order["rejectReason"], number(order["cumExecQty"])),
             ("Cancelled", "EC_PostOnlyWillTakeLiquidity", Decimal(0)), "the order")
        return str(order["rejectReason"])

    def insufficient(self) -> str:
        price = self.above()
        return self.is_refused(110007, lambda: self.order("Sell", "900", price))

    def minimum(self) -> str:
        """The smallest amount, at a price at which it is worth too little."""
        low = (self.touch()[0] * Decimal("0.12")).quantize(Decimal("0.1"))
        return self.is_refused(110094, lambda: self.order("Buy", "0.001", low))

    def partial(self) -> str:
        """More than the best bid holds: the rest stays in the book, and takers come for it as time passes."""
        bid, _, top = self.touch()
        order_id = self.order("Sell", top + 5, bid)
        first = later = self.find(orderId=order_id)
        same((first["orderStatus"], number(first["cumExecQty"])), ("PartiallyFilled", top), "the order at first")
        for _ in range(30):
            self.testnet.advance(10_000)
            later = self.find(orderId=order_id)
            if number(later["cumExecQty"]) != top:
                break
        filled = number(later["cumExecQty"])
        check(filled > top, "no taker came")
        if later["orderStatus"] != "Filled":
            self.client.cancel_order(**LINEAR, orderId=order_id)
            same(self.find(orderId=order_id)["orderStatus"], "Cancelled", "the rest")
        trades = self.client.get_executions(**LINEAR)["result"]["list"]
        same(sum(number(row["execQty"]) for row in trades), filled, "the executions' sum")
        same({row["isMaker"] for row in trades}, {False, True}, "taker first, maker then")
        same(self.held(), -filled, "the position")
        return f"{top}, then {filled} of {top + 5}"

    def reduce_only(self) -> str:
        held = self.held()
        self.order("Buy", "0.001", self.touch()[1], "IOC", reduceOnly=True)
        same(self.held(), held + Decimal("0.001"), "the position")
        price = self.above()
        return self.is_refused(110017, lambda: self.order("Sell", "0.01", price, reduceOnly=True))

    def spot_sale(self) -> str:
        """Coins that an order holds, what becomes of it, and what a sale brings less its fee."""
        spot, coins = {"category": "spot", "symbol": S}, self.coins()
        sale = {**spot, "side": "Sell", "orderType": "Limit", "qty": "0.01"}
        self.client.place_order(**sale, price=str(self.above()), timeInForce="PostOnly", orderLinkId="coins")
        self.client.amend_order(**spot, orderLinkId="coins", price=str(self.above() + 1))
        (order,) = self.client.get_open_orders(**spot, orderLinkId="coins")["result"]["list"]
        same((order["orderStatus"], number(order["price"])), ("New", self.above() + 1), "the order")
        self.is_refused(170141, lambda: self.client.place_order(
            **sale, price=str(self.above()), timeInForce="GTC", orderLinkId="coins"))
        self.client.cancel_order(**spot, orderLinkId="coins")
        self.is_refused(170142, lambda: self.client.cancel_order(**spot, orderLinkId="coins"))
        self.is_refused(170131, lambda: self.client.place_order(
            **{**sale, "qty": "900"}, price=str(self.above()), timeInForce="GTC"))
        (row,) = self.client.get_tickers(**spot)["result"]["list"]
        placed = self.client.place_order(**sale, price=row["bid1Price"], timeInForce="IOC")["result"]
        (trade,) = self.client.get_executions(**spot, orderId=placed["orderId"])["result"]["list"]
        same((trade["side"], trade["execType"], trade["feeCurrency"], number(trade["execQty"])),
             ("Sell", "Trade", "USDT", Decimal("0.01")), "the execution")
        proceeds = number(trade["execValue"]) - number(trade["execFee"])
        after = self.coins()
        same(coins["BTC"] - after["BTC"], Decimal("0.01"), "the coins sold")
        same(after["USDT"] - coins["USDT"], proceeds, "what they brought")
        return f"{proceeds} USDT"

    def user_stream(self) -> str:
        """Orders, an execution, the position and the wallet, as the private stream tells them."""
        frames = Frames()
        socket = Socket("private", api_key=KEY, api_secret=SECRET)
        try:
            for subscribe in (socket.order_stream, socket.execution_stream, socket.position_stream,
                              socket.wallet_stream):
                subscribe(frames.put)
            self._settle()
            self.order("Sell", "0.01", self.above(), "PostOnly", orderLinkId="told")
            frames.wait(lambda frame: _order(frame, "told") == "New", "new order")
            self.client.cancel_order(**LINEAR, orderLinkId="told")
            frames.wait(lambda frame: _order(frame, "told") == "Cancelled", "cancelled order")
            self.order("Sell", "0.01", self.touch()[0], "IOC", orderLinkId="told_too")
            held, coins = self.held(), self.coins()
            told: dict[str, Callable[[Any], bool]] = {
                "order": lambda row: (row["orderLinkId"], row["orderStatus"]) == ("told_too", "Filled"),
                "execution": lambda row: (row["orderLinkId"], row["execQty"]) == ("told_too", "0.010"),
                "position": lambda row: (row["side"], -number(row["size"])) == ("Sell", held),
                "wallet": lambda row: {coin["coin"]: number(coin["walletBalance"]) for coin in row["coin"]} == coins,
            }
            for topic, wanted in told.items():
                frames.have(partial(_tells, topic, wanted), topic)
        finally:
            socket.exit()
        return ", ".join(told)

    def market_stream(self) -> str:
        frames = Frames()
        socket = Socket("linear")
        try:
            socket.orderbook_stream(1, S, frames.put)
            frames.wait(lambda frame: frame["topic"] == f"orderbook.1.{S}", "snapshot of the book")
            self.testnet.advance(MINUTE)
            bid, ask, _ = self.touch()
            # The library keeps the book itself, from snapshots and changes.
            frames.wait(lambda frame: _best(frame) == (bid, ask), f"best prices {bid} / {ask}")
        finally:
            socket.exit()
        return f"{bid} / {ask}"

    def _settle(self) -> None:
        """Wait until the venue has taken the subscriptions: it answers requests of one client in order."""
        threading.Event().wait(0.5)

    def funding(self) -> str:
        """Eight hours with a short: it receives what the rate says, rounded once."""
        held = self.held()
        (row,) = self.client.get_tickers(**LINEAR)["result"]["list"]
        due = int(row["nextFundingTime"])
        check(held < 0, "there is no short")
        self.testnet.advance(due - self.testnet.now + 1_000)
        (settled,) = self.client.get_funding_rate_history(**LINEAR, startTime=due, endTime=due)["result"]["list"]
        (entry,) = self.client.get_transaction_log(
            accountType="UNIFIED", category="linear", type="SETTLEMENT", startTime=due - HOUR,
            endTime=self.testnet.now)["result"]["list"]
        amount = number(entry["funding"])
        rate, mark = number(settled["fundingRate"]), number(entry["tradePrice"])
        check(abs(amount - -held * mark * rate) < Decimal("0.000001"), f"{amount} for {-held * mark * rate}")
        return f"{amount} USDT"

    def bad_signature(self) -> str:
        other = client_of(self.testnet.url, "another")
        return self.is_refused(10004, lambda: other.get_wallet_balance(accountType="UNIFIED"))

    def late(self) -> str:
        self.testnet.late = 61_000
        try:
            return self.is_refused(10002, lambda: self.client.get_wallet_balance(accountType="UNIFIED"))
        finally:
            self.testnet.late = 0

    def rate_limit(self) -> str:
        """Ask until the venue has enough; a second later it answers again."""

        def ask_on() -> None:
            for _ in range(100):
                self.client.get_wallet_balance(accountType="UNIFIED")

        code = self.is_refused(10006, ask_on)
        self.testnet.advance(MINUTE)
        self.client.get_wallet_balance(accountType="UNIFIED")
        return code


def _tells(topic: str, wanted: Callable[[Any], bool], frame: Any) -> bool:
    return frame["topic"] == topic and any(wanted(row) for row in frame["data"])


def _order(frame: Any, client_id: str) -> str | None:
    if frame["topic"] != "order":
        return None
    return next((row["orderStatus"] for row in frame["data"] if row["orderLinkId"] == client_id), None)


def _best(frame: Any) -> tuple[Decimal, Decimal] | None:
    bids, asks = frame["data"]["b"], frame["data"]["a"]
    return (number(bids[0][0]), number(asks[0][0])) if bids and asks else None


if __name__ == "__main__":
    tell(Driver(sys.argv[1]).calls())
