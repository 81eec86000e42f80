"""Wallets as data: spot and futures apart, or one for both. Balances change only through `add` and `move`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.core.market import WalletKind
from bot.core.money import ZERO


class Wallets:
    """Balances by coin. With a unified wallet both names mean the same purse; a negative balance there is a debt.

    `locked` is the part of the spot purse that resting spot orders hold; `changes` counts what happened to any of it.
    """

    def __init__(self, kind: WalletKind, spot: Mapping[str, Decimal], futures: Mapping[str, Decimal]) -> None:
        self.kind = kind
        self.spot: dict[str, Decimal] = dict(spot)
        self.futures: dict[str, Decimal] = self.spot if kind is WalletKind.UNIFIED else {}
        for coin, amount in futures.items():
            self.futures[coin] = self.futures.get(coin, ZERO) + amount
        self.locked: dict[str, Decimal] = {}
        self.changes = 0

    def add(self, purse: dict[str, Decimal], coin: str, amount: Decimal) -> None:
        """Credit (or, negative, charge) one purse: `wallets.spot` or `wallets.futures`."""
        self.changes += 1
        purse[coin] = purse.get(coin, ZERO) + amount

    def lock(self, coin: str, amount: Decimal) -> None:
        """Hold spot balance for a resting order (negative: let go)."""
        self.changes += 1
        self.locked[coin] = self.locked.get(coin, ZERO) + amount

    def free(self, coin: str) -> Decimal:
        """Spot balance that no order holds."""
        return self.spot.get(coin, ZERO) - self.locked.get(coin, ZERO)

    def debt(self, coin: str) -> Decimal:
        """What the account owes of a coin: the venue lends where a unified wallet would fall below zero."""
        return max(ZERO, -self.spot.get(coin, ZERO))

    def move(self, coin: str, amount: Decimal, *, to_futures: bool) -> None:
        """Move between the two purses (a transfer; nothing is created)."""
        signed = amount if to_futures else -amount
        self.add(self.spot, coin, -signed)
        self.add(self.futures, coin, signed)
