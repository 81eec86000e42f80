"""binance-futures-connector: Binance's older library for USD-M futures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from binance.error import ClientError
from binance.um_futures import UMFutures
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient
from telling import KEY, SECRET, Frames, Testnet, tell
from usdm import S, Usdm


class Driver(Usdm):
    def __init__(self, url: str) -> None:
        self.testnet = Testnet(url)
        client = UMFutures(key=KEY, secret=SECRET, base_url=url)
        self._methods: dict[str, Callable[..., Any]] = {
            "time": client.time, "exchange_info": client.exchange_info, "book": client.book_ticker,
            "depth": client.depth, "mark": client.mark_price, "ticker": client.ticker_24hr_price_change,
            "funding_rates": client.funding_rate, "account": client.account, "balance": client.balance,
            "positions": client.get_position_risk, "brackets": client.leverage_brackets,
            "leverage": client.change_leverage, "margin_type": client.change_margin_type, "place": client.new_order,
            "amend": client.modify_order, "cancel": client.cancel_order, "order": client.query_order,
            "open_orders": client.get_orders, "all_orders": client.get_all_orders,
            "trades": client.get_account_trades, "income": client.get_income_history,
            "listen_key": client.new_listen_key, "keep_listen_key": client.renew_listen_key,
        }

    def ask(self, what: str, **params: Any) -> Any:
        return self._methods[what](**params)

    def with_secret(self, secret: str) -> Callable[[], object]:
        return UMFutures(key=KEY, secret=secret, base_url=self.testnet.url).account

    def code(self, error: BaseException) -> int | None:
        return error.error_code if isinstance(error, ClientError) else None

    def open_user(self, listen_key: str, frames: Frames) -> Callable[[], None]:
        client = UMFuturesWebsocketClient(f"{self.testnet.ws_url}/fstream", on_message=lambda _, text: frames.put(text))
        client.user_data(listen_key=listen_key)
        frames.wait(lambda frame: "result" in frame, "answer to the subscription")
        return client.stop

    def open_book(self, frames: Frames) -> Callable[[], None]:
        client = UMFuturesWebsocketClient(f"{self.testnet.ws_url}/fstream", on_message=lambda _, text: frames.put(text))
        client.book_ticker(symbol=S)
        frames.wait(lambda frame: "result" in frame, "answer to the subscription")
        return client.stop


if __name__ == "__main__":
    tell(Driver(sys.argv[1]).calls())
