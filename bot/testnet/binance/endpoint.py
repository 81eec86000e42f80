"""What one endpoint is: its handler, what it costs, and who may call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from bot.testnet.binance.params import Params

Handler: TypeAlias = Callable[[Params], object]
Weight: TypeAlias = "int | Callable[[Params], int]"


class Security(Enum):
    """Open to all, open to a key holder, or signed."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path. `weight` counts on the address, `order` on the account's order budget; what `trades` wants
    a key with that right.

    `handler` returns what becomes JSON, or raises ApiError.
    """

    handler: Handler
    weight: Weight = 1
    security: Security = Security.NONE
    order: bool = False
    trades: bool = False

    def cost(self, params: Params) -> int:
        """The weight of this call."""
        return self.weight if isinstance(self.weight, int) else self.weight(params)


Table: TypeAlias = Mapping[tuple[str, str], Endpoint]


def by_symbol(one: int, every: int) -> Callable[[Params], int]:
    """A weight that is higher when no symbol narrows the question."""
    return lambda params: one if "symbol" in params else every


def depth_weight(steps: tuple[tuple[int, int], ...], default: int) -> Callable[[Params], int]:
    """A weight that grows with `limit`: pairs of (up to, weight)."""

    def weigh(params: Params) -> int:
        limit = params.integer("limit") or default
        return next((weight for most, weight in steps if limit <= most), steps[-1][1])

    return weigh
