"""python-binance: the widest-used library for Binance; REST with its plain client, streams with its asyncio one."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException
from binance.ws.reconnecting_websocket import ReconnectingWebsocket
from telling import KEY, SECRET, Frames, Testnet, tell
from usdm import S, Usdm

ReconnectingWebsocket.TIMEOUT = 1  # real seconds; it leaves a socket only when a read gives up, by itself after ten


def client_of(url: str, secret: str) -> Client:
    client = Client(KEY, secret, ping=False)
    client.FUTURES_URL = f"{url}/fapi"  # there is an option for each of Binance's environments, and none for others
    return client


class Driver(Usdm):
    def __init__(self, url: str) -> None:
        self.testnet = Testnet(url)
        client = client_of(url, SECRET)
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
