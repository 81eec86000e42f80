"""Loading one exchange of ccxt: each in a process of its own, since what is imported stays."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-W", "error::ImportWarning", "-c", code], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_one_exchange_is_loaded_without_the_others() -> None:
    run("""
import sys
from bot.venues.lean import exchange_class
assert exchange_class("binance")().id == "binance"
assert exchange_class("binance") is exchange_class("binance")
assert not {"ccxt", "ccxt.async_support", "ccxt.kraken", "ccxt.async_support.kraken"} & set(sys.modules)
""")


def test_the_whole_of_ccxt_can_still_be_imported_afterwards() -> None:
    run("""
from bot.venues.lean import exchange_class
lean = exchange_class("binance")
import ccxt.async_support
assert ccxt.async_support.binance is lean
assert issubclass(ccxt.kraken, ccxt.Exchange)
""")


def test_where_all_of_ccxt_is_there_it_is_used() -> None:
    run("""
import ccxt.async_support
from bot.venues.lean import exchange_class
assert exchange_class("binance") is ccxt.async_support.binance
""")


def test_where_the_short_way_is_closed_the_long_one_is_taken() -> None:
    run("""
from pathlib import Path
from bot.venues import lean
right = lean._stand_in
lean._stand_in = lambda package, path: right(package, path / "nowhere")
found = lean.exchange_class("binance")
import ccxt.async_support
assert found is ccxt.async_support.binance
try:
    lean.exchange_class("no_such_exchange")
except ImportError:
    pass
else:
    raise SystemExit("found what is not there")
""")


def test_one_exchange_with_websockets_is_loaded_without_the_others() -> None:
    run("""
import sys
from bot.venues.lean import exchange_class, stream_class
for name in ("binance", "bybit"):
    assert issubclass(stream_class(name), exchange_class(name))
    assert stream_class(name)().has["ws"]
assert not {"ccxt", "ccxt.pro", "ccxt.async_support", "ccxt.pro.kraken", "ccxt.async_support.kraken"} & set(sys.modules)
import ccxt.pro
assert ccxt.pro.binance is stream_class("binance")
""")
