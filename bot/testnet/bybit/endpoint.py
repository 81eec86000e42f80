"""What one endpoint is: its handler, whether it is signed, and how often it may be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bot.testnet.bybit.params import Params
from bot.testnet.numbers import Row

Handler: TypeAlias = Callable[[Params], Row]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path. `handler` returns the envelope's `result`, or raises ApiError.

    `per_second`: requests per second of one account, apart for each category; None: open to all and unsigned.
    `message`: the retMsg of success.
    """

    handler: Handler
    per_second: int | Mapping[str, int] | None = None
    message: str = "OK"

    @property
    def signed(self) -> bool:
        """Whether only the account itself may ask."""
        return self.per_second is not None

    def most(self, category: str) -> int:
        """The limit per second in one category ('' where the endpoint knows none)."""
        if isinstance(self.per_second, int):
            return self.per_second
        return (self.per_second or {}).get(category, 10)


Table: TypeAlias = Mapping[tuple[str, str], Endpoint]
