"""python-binance: the widest-used library for Binance; REST with its plain client, streams with its asyncio one."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException
from binance.ws.reconnecting_websocket import ReconnectingWebsocket
from telling import KEY, SECRET, Frames, Testnet, number, same, tell
from usdm import S, Usdm

ReconnectingWebsocket.TIMEOUT = 1  # real seconds; it leaves a socket only when a read gives up, by itself after ten


def client_of(url: str, secret: str) -> Client:
    client = Client(KEY, secret, ping=False)
    client.FUTURES_URL = f"{url}/fapi"  # there is an option for each of Binance's environments, and none for others
    client.API_URL = f"{url}/api"
    return client


class Driver(Usdm):
    def __init__(self, url: str) -> None:
        self.testnet = Testnet(url)
        self.client = client = client_of(url, SECRET)
        self._methods: dict[str, Callable[..., Any]] = {
            "time": client.futures_time, "exchange_info": client.futures_exchange_info,
            "book": client.futures_orderbook_ticker, "depth": client.futures_order_book,
            "mark": client.futures_mark_price, "ticker": client.futures_ticker,
            "funding_rates": client.futures_funding_rate, "account": client.futures_account,
            "balance": client.futures_account_balance, "positions": client.futures_position_information,
            "brackets": client.futures_leverage_bracket, "leverage": client.futures_change_leverage,
            "margin_type": client.futures_change_margin_type, "place": client.futures_create_order,
            "amend": client.futures_modify_order, "cancel": client.futures_cancel_order,
            "order": client.futures_get_order, "open_orders": client.futures_get_open_orders,
            "all_orders": client.futures_get_all_orders, "trades": client.futures_account_trades,
            "income": client.futures_income_history,
            "listen_key": lambda: {"listenKey": client.futures_stream_get_listen_key()},
            "keep_listen_key": client.futures_stream_keepalive,
        }

    def ask(self, what: str, **params: Any) -> Any:
        return self._methods[what](**params)

    def calls(self) -> dict[str, Callable[[], object]]:
        calls = super().calls()
        last = {name: calls.pop(name) for name in ("late timestamp", "rate limit")}
        return {**calls, "spot sale": self.spot_sale, **last}

    def spot_sale(self) -> str:
        """Coins that an order holds, what becomes of it, and what a sale brings less its fee."""
        held = self.free()
        sale = {"symbol": S, "side": "SELL", "quantity": "0.01"}
        placed = self.client.create_order(
            **sale, type="LIMIT_MAKER", price=str(self.above()), newClientOrderId="coins", newOrderRespType="RESULT")
        same(self.client.get_order(symbol=S, origClientOrderId="coins")["status"], "NEW", "the order")
        same(held["BTC"] - self.free()["BTC"], Decimal("0.01"), "what the order holds")
        gone = self.client.cancel_order(symbol=S, origClientOrderId="coins")
        same((gone["status"], gone["origClientOrderId"], gone["orderId"]),
             ("CANCELED", "coins", placed["orderId"]), "the cancellation")
        self.is_refused(-2011, lambda: self.client.cancel_order(symbol=S, origClientOrderId="coins"))
        bid = self.client.get_orderbook_ticker(symbol=S)["bidPrice"]
        order = self.client.create_order(**sale, type="LIMIT", timeInForce="IOC", price=bid)
        trades = self.client.get_my_trades(symbol=S, orderId=order["orderId"])
        same({(row["isBuyer"], row["commissionAsset"]) for row in trades}, {(False, "USDT")}, "the executions")
        proceeds = sum((number(row["quoteQty"]) - number(row["commission"]) for row in trades), Decimal(0))
        same(self.free()["USDT"] - held["USDT"], proceeds, "what they brought")
        return f"{proceeds} USDT"

    def free(self) -> dict[str, Decimal]:
        """Coins in the spot wallet that no order holds."""
        return {row["asset"]: number(row["free"]) for row in self.client.get_account()["balances"]}

    def with_secret(self, secret: str) -> Callable[[], object]:
        return client_of(self.testnet.url, secret).futures_account

    def code(self, error: BaseException) -> int | None:
        return error.code if isinstance(error, BinanceAPIException) else None

    def open_user(self, listen_key: str, frames: Frames) -> Callable[[], None]:  # noqa: ARG002 - it fetches its own key
        return self._listen("futures_user_socket", {}, frames)

    def open_book(self, frames: Frames) -> Callable[[], None]:
        options = {"streams": [f"{S.lower()}@bookTicker"], "category": "public"}
        return self._listen("futures_multiplex_socket", options, frames)

    def _listen(self, socket: str, options: dict[str, Any], frames: Frames) -> Callable[[], None]:
        """Read a socket of the library's manager in a thread with a loop of its own."""
        started, stop = threading.Event(), threading.Event()

        async def listen() -> None:
            client = AsyncClient(KEY, SECRET)
            client.FUTURES_URL = f"{self.testnet.url}/fapi"
            manager = BinanceSocketManager(client)
            manager.FSTREAM_URL = f"{self.testnet.ws_url}/"
            async with getattr(manager, socket)(**options) as stream:
                started.set()
                while not stop.is_set():
                    try:
                        frames.put(await asyncio.wait_for(stream.recv(), 0.2))
                    except TimeoutError:
                        continue
            await client.close_connection()

        thread = threading.Thread(target=asyncio.run, args=(listen(),), daemon=True)
        thread.start()
        started.wait(10)

        def close() -> None:
            stop.set()
            thread.join(10)

        return close


if __name__ == "__main__":
    tell(Driver(sys.argv[1]).calls())
