"""binance-sdk-derivatives-trading-usds-futures: Binance's library made from its own description of the interface.

Its answers are pydantic models with strict types. Where an answer does not fit, the library relaxes the model and goes
on; here it may not, and every answer must be such a model and hold no key that the description does not know.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Callable
from typing import Any

import binance_common.utils
import binance_common.websocket
from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_common.errors import Error
from binance_sdk_derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from pydantic import BaseModel
from telling import KEY, SECRET, Frames, Missed, Testnet, check, tell
from usdm import S, Usdm
