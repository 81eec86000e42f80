"""ccxt and its streams, by the words that it has for every venue: `ccxt_unified.py URL binance|bybit`."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import ccxt.pro
from telling import HOUR, KEY, MINUTE, PATIENCE, SECRET, Missed, Testnet, check, same, tell

P, SPOT = "BTC/USDT:USDT", "BTC/USDT"
_HOST = re.compile(r"^(https|wss)://[^/]+")


@dataclass(frozen=True)
class Venue:
    """The venue's own codes for the same trouble, found in the text of ccxt's exceptions.

    `gone`: cancelling what is cancelled. `crossing` None: accepted, and cancelled a moment later.
    """

    gone: int
    duplicate: int
    unchanged: int
    insufficient: int
    reduce_only: int
    minimum: int
    signature: int
    late: int
    limit: int
    leverage_unchanged: int | None = None
    crossing: int | None = None


VENUES = {
    "binance": Venue(
        gone=-2011, duplicate=-4116, unchanged=-5027, insufficient=-2019, reduce_only=-2022, minimum=-4164,
        signature=-1022, late=-1021, limit=-1003, crossing=-5022,
    ),
    "bybit": Venue(
        gone=110010, duplicate=110072, unchanged=10001, insufficient=110007, reduce_only=110017, minimum=110094,
        signature=10004, late=10002, limit=10006, leverage_unchanged=110043,
    ),
}


def client_of(venue: str, url: str, secret: str) -> Any:
    """ccxt's own client in its demo environment. Only the host is replaced, where a request leaves: ccxt chooses
    tables of errors by the address, and knows no address of ours.
    """
    base: Any = getattr(ccxt.pro, venue)

    class Local(base):
        async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
            wire = _HOST.sub(self.wire, url)
            self.logical[wire] = url
            return await super().fetch(wire, method, headers, body)

        def handle_errors(self, code: int, reason: str, url: str, *rest: Any) -> Any:
            return super().handle_errors(code, reason, self.logical.get(url, url), *rest)

        def client(self, url: str) -> Any:
            return super().client(_HOST.sub(self.wire.replace("http", "ws", 1), url))

    client = Local({
        "apiKey": KEY, "secret": secret, "enableRateLimit": False,
        "options": {"fetchCurrencies": False, "fetchMargins": False, "defaultType": "swap",
                    "enableUnifiedAccount": True, "fetchMarkets": {"types": ["spot", "linear"]}},
    })
    client.has["fetchCurrencies"] = False
    client.enable_demo_trading(True)
    client.wire = url
    client.logical = {}
    return client


class Driver:
    def __init__(self, url: str, name: str) -> None:
        self.testnet = Testnet(url)
        self.name = name
        self.venue = VENUES[name]
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.client = client_of(name, url, SECRET)
        self.order_id = ""

    def calls(self) -> dict[str, Callable[[], object]]:
        calls = {
            "markets": self.markets, "account": self.account, "leverage": self.leverage, "place": self.place,
            "query": self.query, "duplicate client id": self.duplicate, "amend": self.amend, "cancel": self.cancel,
            "post-only crossing": self.crossing, "insufficient margin": self.insufficient,
            "min notional": self.minimum, "partial fill": self.partial, "reduce-only": self.reduce_only,
            "spot sale": self.spot_sale, "user stream": self.user_stream, "market stream": self.market_stream,
            "funding income": self.funding,
            "bad signature": self.bad_signature, "late timestamp": self.late, "rate limit": self.rate_limit,
        }
        return {name: self._run(call) for name, call in calls.items()}

    def _run(self, call: Callable[[], Coroutine[Any, Any, str]]) -> Callable[[], str]:
        def run() -> str:
            # Bybit counts requests of a second of the story, which stands still between the calls.
            self.testnet.advance(2_000)
            return self.loop.run_until_complete(call())

        return run

    def close(self) -> None:
        self.loop.run_until_complete(self.client.close())

    # --- small steps ---

    async def touch(self) -> tuple[float, float, float]:
        """Best bid, best ask, and the bid's quantity."""
        book = await self.client.fetch_order_book(P, 5)
        return book["bids"][0][0], book["asks"][0][0], book["bids"][0][1]

    async def above(self) -> float:
        """A price at which a sell rests."""
        return float(round((await self.touch())[1] * 1.01, 1))

    async def sell(self, amount: float, price: float, **params: Any) -> Any:
        return await self.client.create_order(P, "limit", "sell", amount, price, params)

    async def held(self) -> Decimal:
        """The position in BTC, negative when short."""
        rows = [row for row in await self.client.fetch_positions([P]) if row["contracts"]]
        return sum((Decimal(str(row["contracts"])) * (1 if row["side"] == "long" else -1) for row in rows), Decimal(0))

    async def find(self, order_id: str) -> Any:
        """The order, open or ended."""
        if self.name == "binance":
            return await self.client.fetch_order(order_id, P)
        found = await self.client.fetch_open_orders(P, params={"orderId": order_id})
        found = found or await self.client.fetch_closed_orders(P, params={"orderId": order_id})
        found = found or await self.client.fetch_canceled_orders(P, params={"orderId": order_id})
        return found[0]

    async def is_refused(self, code: int, act: Callable[[], Awaitable[object]]) -> str:
        try:
            answer = await act()
        except ccxt.BaseError as error:
            found = re.search(r'"(?:code|retCode)":(-?\d+)', str(error))
            same(found and int(found[1]), code, f"refused with ({error})")
            return f"{code} {type(error).__name__}"
        raise Missed(f"expected {code}, but was answered {answer!r}")

    # --- calls ---

    async def markets(self) -> str:
        markets = await self.client.load_markets()
        market = markets[P]
        same((market["active"], market["linear"], market["contractSize"], market["precision"]["amount"]),
             (True, True, 1.0, 0.001), "the market")
        check(market["limits"]["cost"]["min"] or market["limits"]["amount"]["min"], "no minimum")
        same(await self.client.fetch_time(), self.testnet.now, "the time")
        bid, ask, _ = await self.touch()
        check(bid < ask, "the book is crossed")
        rate = await self.client.fetch_funding_rate(P)
        check(abs(rate["markPrice"] / bid - 1) < 0.02, "mark and book are far apart")
        check(rate["fundingTimestamp"] > self.testnet.now, "the next funding lies behind")
        ticker = await self.client.fetch_ticker(P)
        check(ticker["high"] >= ticker["low"] > 0, "no range of the day")
        await self.client.fetch_funding_rate_history(P)
        check(await self.client.fetch_market_leverage_tiers(P), "no tiers")
        return f"{bid} / {ask}"

    async def account(self) -> str:
        balance = await self.client.fetch_balance()
        check(balance["USDT"]["total"] > 0, f"{balance['USDT']}")
        same(await self.held(), Decimal(0), "the position")
        return f"{balance['USDT']['total']} USDT"

    async def leverage(self) -> str:
        await self.client.set_leverage(15, P)
        if self.venue.leverage_unchanged is not None:
            return await self.is_refused(self.venue.leverage_unchanged, lambda: self.client.set_leverage(15, P))
        same((await self.client.fetch_leverage(P))["shortLeverage"], 15, "the leverage")
        return "15"

    async def place(self) -> str:
        price = await self.above()
        placed = await self.sell(0.01, price, clientOrderId="first", postOnly=True)
        self.order_id = placed["id"]
        order = await self.find(self.order_id)
        same((order["status"], order["clientOrderId"], order["amount"], order["price"], order["postOnly"]),
             ("open", "first", 0.01, price, True), "the order")
        return self.order_id

    async def query(self) -> str:
        (order,) = await self.client.fetch_open_orders(P)
        same(order["id"], self.order_id, "the open order")
        key = "clientOrderId" if self.name == "binance" else "orderLinkId"
        if self.name == "binance":
            found = await self.client.fetch_order(None, P, {key: "first"})
        else:
            (found,) = await self.client.fetch_open_orders(P, params={key: "first"})
        same(found["id"], self.order_id, "by the client id")
        return f"{key} found"

    async def duplicate(self) -> str:
        price = await self.above()
        return await self.is_refused(
            self.venue.duplicate, lambda: self.sell(0.01, price, clientOrderId="first", postOnly=True))

    async def amend(self) -> str:
        price = await self.above() + 10
        edit = (self.order_id, P, "limit", "sell", 0.02, price)
        await self.client.edit_order(*edit)
        order = await self.find(self.order_id)
        same((order["price"], order["amount"], order["status"]), (price, 0.02, "open"), "the amended order")
        return await self.is_refused(self.venue.unchanged, lambda: self.client.edit_order(*edit))

    async def cancel(self) -> str:
        await self.client.cancel_order(self.order_id, P)
        same((await self.find(self.order_id))["status"], "canceled", "the status")
        same(await self.client.fetch_open_orders(P), [], "open orders")
        return await self.is_refused(self.venue.gone, lambda: self.client.cancel_order(self.order_id, P))

    async def crossing(self) -> str:
        bid, _, _ = await self.touch()
        if self.venue.crossing is not None:
            return await self.is_refused(self.venue.crossing, lambda: self.sell(0.01, bid, postOnly=True))
        placed = await self.sell(0.01, bid, postOnly=True)
        self.testnet.advance(1_000)
        order = await self.find(placed["id"])
        same((order["status"], order["filled"], order["info"]["rejectReason"]),
             ("canceled", 0.0, "EC_PostOnlyWillTakeLiquidity"), "the order")
        return "accepted, then cancelled"

    async def spot_sale(self) -> str:
        """Coins that an order holds, what becomes of it, and what a sale brings less its fee."""
        # With contracts as its default, it takes the name of a spot market for the contract's.
        self.client.options["defaultType"] = "spot"
        try:
            return await self._sell_coins()
        finally:
            self.client.options["defaultType"] = "swap"

    async def _sell_coins(self) -> str:
        before = await self.client.fetch_balance({"type": "spot"})
        book = await self.client.fetch_order_book(SPOT, 5)
        high = round(book["asks"][0][0] * 1.01, 1)
        placed = await self.client.create_order(
            SPOT, "limit", "sell", 0.01, high, {"postOnly": True, "clientOrderId": "coins"})
        (order,) = await self.client.fetch_open_orders(SPOT)
        same((order["id"], order["clientOrderId"], order["price"]), (placed["id"], "coins", high), "the order")
        await self.client.cancel_order(placed["id"], SPOT)
        same(await self.client.fetch_open_orders(SPOT), [], "open orders")
        sold = await self.client.create_order(
            SPOT, "limit", "sell", 0.01, book["bids"][0][0], {"timeInForce": "IOC"})
        trades = [trade for trade in await self.client.fetch_my_trades(SPOT) if trade["order"] == sold["id"]]
        same({(trade["side"], trade["fee"]["currency"]) for trade in trades}, {("sell", "USDT")}, "the trades")
        proceeds = sum(trade["cost"] - trade["fee"]["cost"] for trade in trades)
        after = await self.client.fetch_balance({"type": "spot"})
        check(abs(before["BTC"]["total"] - after["BTC"]["total"] - 0.01) < 1e-9, "the coins sold")
        check(abs(after["USDT"]["total"] - before["USDT"]["total"] - proceeds) < 1e-6, "what they brought")
        return f"{proceeds:.2f} USDT"

    async def insufficient(self) -> str:
        price = await self.above()
        return await self.is_refused(self.venue.insufficient, lambda: self.sell(900, price))

    async def minimum(self) -> str:
        """Too little money: at a price so low that the smallest amount is worth less than the venue wants."""
        if self.name == "binance":
            price = await self.above()
            return await self.is_refused(self.venue.minimum, lambda: self.sell(0.001, price))
        low = float(round((await self.touch())[0] * 0.12, 1))
        return await self.is_refused(
            self.venue.minimum, lambda: self.client.create_order(P, "limit", "buy", 0.001, low))

    async def partial(self) -> str:
        bid, _, top = await self.touch()
        whole = round(top + 5, 3)
        placed = await self.sell(whole, bid)
        first = await self.find(placed["id"])
        same((first["status"], first["filled"]), ("open", top), "the order at first")
        later = first
        for _ in range(30):
            self.testnet.advance(10_000)
            later = await self.find(placed["id"])
            if later["filled"] != top:
                break
        check(later["filled"] > top, "no taker came")
        if later["status"] == "open":
            await self.client.cancel_order(placed["id"], P)
        trades = await self.client.fetch_my_trades(P)
        same(sum(Decimal(str(row["amount"])) for row in trades), Decimal(str(later["filled"])), "the trades' sum")
        same({row["takerOrMaker"] for row in trades}, {"taker", "maker"}, "taker first, maker then")
        same(-await self.held(), Decimal(str(later["filled"])), "the position")
        return f"{top}, then {later['filled']} of {whole}"

    async def reduce_only(self) -> str:
        held = await self.held()
        ask = (await self.touch())[1]
        await self.client.create_order(P, "limit", "buy", 0.001, ask, {"reduceOnly": True, "timeInForce": "IOC"})
        same(await self.held(), held + Decimal("0.001"), "the position")
        price = await self.above()
        return await self.is_refused(self.venue.reduce_only, lambda: self.sell(0.01, price, reduceOnly=True))

    async def user_stream(self) -> str:
        """An order placed, cancelled and another filled, as ccxt's streams tell it."""
        client = self.client
        async with (
            Watching(lambda: client.watch_orders(P)) as orders, Watching(lambda: client.watch_my_trades(P)) as trades,
            Watching(lambda: client.watch_positions([P])) as positions,
        ):
            await self._subscribed()
            placed = await self.sell(0.01, await self.above(), clientOrderId="told", postOnly=True)
            await orders.until(lambda row: _about(row) == ("told", "open"), "a new order")
            await client.cancel_order(placed["id"], P)
            await orders.until(lambda row: _about(row) == ("told", "canceled"), "a cancelled order")
            await self.sell(0.01, (await self.touch())[0], clientOrderId="told_too", timeInForce="IOC")
            await orders.until(lambda row: _about(row) == ("told_too", "closed"), "a filled order")
            await trades.until(lambda row: row["amount"] == 0.01, "the fill")
            held = -await self.held()
            await positions.until(lambda row: Decimal(str(row["contracts"])) == held, f"a position of {held}")
        return "orders, fill, position"

    async def _subscribed(self) -> None:
        """Wait until every socket that ccxt opened is open: what happens before is not told."""
        async with asyncio.timeout(PATIENCE):
            # There is no event to wait for.
            while not (open_ := self._sockets()) or not all(socket.isConnected for socket in open_):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # and the venue has taken the subscriptions

    def _sockets(self) -> list[Any]:
        """Those with an address: ccxt keeps other things among them."""
        return [socket for url, socket in self.client.clients.items() if url.startswith("ws")]

    async def market_stream(self) -> str:
        async with Watching(lambda: self.client.watch_bids_asks([P])) as books:
            await self._subscribed()
            self.testnet.advance(MINUTE)
            bid, ask, _ = await self.touch()
            await books.until(lambda row: (row["bid"], row["ask"]) == (bid, ask), f"best prices {bid} / {ask}")
        return f"{bid} / {ask}"

    async def funding(self) -> str:
        """Eight hours with a short: it receives what the rate says, rounded once."""
        held = await self.held()
        due = (await self.client.fetch_funding_rate(P))["fundingTimestamp"]
        check(held < 0, "there is no short")
        self.testnet.advance(due - self.testnet.now + 1_000)
        (settled,) = await self.client.fetch_funding_rate_history(P, due, 1)
        rate = Decimal(str(settled["fundingRate"]))
        (row,) = await self.client.fetch_funding_history(P, due - HOUR)
        mark = Decimal(str((await self.client.fetch_ticker(P))["markPrice"] or 0)) or None
        amount = Decimal(str(row["amount"]))
        if self.name == "bybit":  # ccxt hands on what was paid: positive when the account pays
            amount = -amount
        check((amount > 0) == (rate > 0), f"a short's funding {amount} at rate {rate}")
        check(mark is None or abs(amount / (-held * rate * mark) - 1) < Decimal("0.05"), f"{amount} at rate {rate}")
        return f"{amount} USDT received"

    async def bad_signature(self) -> str:
        other = client_of(self.name, self.testnet.url, "another")
        try:
            return await self.is_refused(self.venue.signature, other.fetch_balance)
        finally:
            await other.close()

    async def late(self) -> str:
        self.testnet.late = 61_000
        try:
            return await self.is_refused(self.venue.late, self.client.fetch_balance)
        finally:
            self.testnet.late = 0

    async def rate_limit(self) -> str:
        """Ask until the venue has enough; a minute later it answers again."""

        async def ask_on() -> None:
            for _ in range(500):
                await self.client.fetch_positions([P])

        code = await self.is_refused(self.venue.limit, ask_on)
        self.testnet.advance(MINUTE)
        await self.client.fetch_positions([P])
        return code


class Watching:
    """One of ccxt's streams, read on and on while the block lasts."""

    def __init__(self, watch: Callable[[], Awaitable[Any]]) -> None:
        self._watch = watch
        self._rows: list[Any] = []
        self._read = 0
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._on_and_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _on_and_on(self) -> None:
        try:
            while True:
                found = await self._watch()
                self._rows += [dict(row) for row in (found.values() if isinstance(found, dict) else found)]
                self._came.set()
        finally:
            self._came.set()

    async def until(self, wanted: Callable[[Any], bool], what: str) -> None:
        """Wait for a row that is wanted; raise what ended the stream, or Missed after a while."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not any(wanted(row) for row in self._rows):
                    if self._task.done():
                        self._task.result()
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise Missed(f"no {what} came; the last: {self._rows[-2:]}") from None


def _about(row: Any) -> tuple[str, str]:
    return row["clientOrderId"], row["status"]


if __name__ == "__main__":
    driver = Driver(sys.argv[1], sys.argv[2])
    try:
        tell(driver.calls())
    finally:
        driver.close()
