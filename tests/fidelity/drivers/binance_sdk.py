"""binance-sdk-derivatives-trading-usds-futures: Binance's library made from its own description of the interface.

Its answers are pydantic models with strict types. Where an answer does not fit, the library relaxes the model, or
gives the raw JSON instead, and goes on; here it may do neither, over REST and over WebSocket.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import binance_common.utils
from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_common.errors import Error
from binance_sdk_derivatives_trading_usds_futures import derivatives_trading_usds_futures as sdk
from binance_sdk_derivatives_trading_usds_futures.websocket_streams.models import UserDataStreamEventsResponse
from pydantic import BaseModel
from telling import KEY, SECRET, Frames, Missed, Testnet, tell
from usdm import S, Usdm


class Untypical(Exception):
    """An answer that does not fit its model as it is written."""


def _stay_strict(model: type[BaseModel]) -> NoReturn:
    raise Untypical(f"an answer does not fit {model.__name__}")


# The library relaxes a model's types in place when an answer does not fit. Not here: that is what is tested.
binance_common.utils.relax_model_strictness = _stay_strict


class Complaints(logging.Handler):
    """What the library logs instead of raising, such as a frame that does not fit."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.held: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.held.append(record.getMessage())


COMPLAINTS = Complaints()
logging.getLogger().addHandler(COMPLAINTS)


def plain(value: Any) -> Any:
    """JSON of what must be models all the way down; one-of models stand for what they hold."""
    if isinstance(value, list):
        return [plain(row) for row in value]
    inner = getattr(value, "actual_instance", None)
    if isinstance(value, UserDataStreamEventsResponse):  # the event's name is its model
        return {"e": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(inner).__name__).upper(), **plain(inner)}
    if inner is not None:
        return plain(inner)
    if not isinstance(value, BaseModel):
        raise Untypical(f"{type(value).__name__} instead of a model: {COMPLAINTS.held[-1:]}")
    fields = type(value).model_fields
    return {
        fields[name].alias or name: plain(held) if _is_model(held) else held
        for name, held in value if held is not None and name != "additional_properties"
    }


def _is_model(held: object) -> bool:
    return isinstance(held, BaseModel) or (isinstance(held, list) and bool(held) and isinstance(held[0], BaseModel))


def client_of(url: str, secret: str) -> sdk.DerivativesTradingUsdsFutures:
    return sdk.DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(api_key=KEY, api_secret=secret, base_path=url, retries=0),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=url.replace("http", "ws", 1)),
    )


METHODS = {
    "time": "check_server_time", "exchange_info": "exchange_information", "book": "symbol_order_book_ticker",
    "depth": "order_book", "mark": "mark_price", "ticker": "ticker24hr_price_change_statistics",
    "funding_rates": "get_funding_rate_history", "account": "account_information_v3",
    "balance": "futures_account_balance_v3", "positions": "position_information_v3",
    "brackets": "notional_and_leverage_brackets", "leverage": "change_initial_leverage",
    "margin_type": "change_margin_type", "place": "new_order", "amend": "modify_order", "cancel": "cancel_order",
    "order": "query_order", "open_orders": "current_all_open_orders", "all_orders": "all_orders",
    "trades": "account_trade_list", "income": "get_income_history", "listen_key": "start_user_data_stream",
    "configuration": "futures_account_configuration", "balance v2": "futures_account_balance_v2",
    "account v2": "account_information_v2", "positions v2": "position_information_v2",
    "symbol configuration": "symbol_configuration", "commission": "user_commission_rate",
    "funding info": "get_funding_rate_info", "multi-assets": "get_current_multi_assets_mode",
    "position mode": "get_current_position_mode", "open order": "query_current_open_order",
    "price": "symbol_price_ticker", "price v2": "symbol_price_ticker_v2", "ping": "test_connectivity",
    "cancel all": "cancel_all_open_orders", "countdown": "auto_cancel_all_open_orders",
}


class Driver(Usdm):
    def __init__(self, url: str) -> None:
        self.testnet = Testnet(url)
        self._client = client_of(url, SECRET)

    def calls(self) -> dict[str, Callable[[], object]]:
        return {**super().calls(), "models": self.models}

    def ask(self, what: str, **params: Any) -> Any:
        if what == "keep_listen_key":  # answered by the same key again, which the library needs not be told
            return self._client.rest_api.keepalive_user_data_stream().data()
        method = getattr(self._client.rest_api, METHODS[what])
        return plain(method(**{_snake(name): value for name, value in params.items()}).data())

    def with_secret(self, secret: str) -> Callable[[], object]:
        return client_of(self.testnet.url, secret).rest_api.account_information_v3

    def code(self, error: BaseException) -> int | None:
        return getattr(error, "status_code", None) if isinstance(error, Error) else None

    def models(self) -> str:
        """Every further reading against its model, with something to show."""
        self.order("SELL", "0.02", self.above(), "GTX", newClientOrderId="modelled")
        for what in ("account v2", "balance v2", "configuration", "funding info", "multi-assets", "position mode"):
            self.ask(what)
        for what in ("positions v2", "symbol configuration", "commission", "price", "price v2", "countdown"):
            self.ask(what, symbol=S, **({"countdownTime": 60_000} if what == "countdown" else {}))
        self.ask("open order", symbol=S, origClientOrderId="modelled")
        for what in ("book", "mark", "ticker", "price", "open_orders", "brackets"):
            self.ask(what)  # all symbols: a list of the same rows
        self.ask("cancel all", symbol=S)
        return f"{len(METHODS)} methods"

    def open_user(self, listen_key: str, frames: Frames) -> Callable[[], None]:
        return self._listen(lambda streams: streams.user_data(listen_key), frames)

    def open_book(self, frames: Frames) -> Callable[[], None]:
        return self._listen(lambda streams: streams.individual_symbol_book_ticker_streams(symbol=S.lower()), frames)

    def _listen(self, subscribe: Callable[[Any], Coroutine[Any, Any, Any]], frames: Frames) -> Callable[[], None]:
        """Subscribe in a thread with a loop of its own."""
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        complaints = len(COMPLAINTS.held)

        async def start() -> Any:
            connection = await self._client.websocket_streams.create_connection()
            if connection is None:
                raise Missed(f"no connection: {COMPLAINTS.held[complaints:]}")
            stream = await subscribe(connection)
            stream.on("message", lambda message: frames.put(plain(message)))
            await connection.list_subscribe()  # answered after the subscription took hold
            return connection

        connection = asyncio.run_coroutine_threadsafe(start(), loop).result(15)

        def close() -> None:
            asyncio.run_coroutine_threadsafe(connection.close_connection(), loop).result(15)
            loop.call_soon_threadsafe(loop.stop)
            unfit = [text for text in COMPLAINTS.held[complaints:] if "callback" in text]
            if unfit:
                raise Untypical(unfit[0])

        return close


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


if __name__ == "__main__":
    tell(Driver(sys.argv[1]).calls())
