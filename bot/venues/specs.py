"""What specifications have in common: a coin's two markets, what trading there costs, and that none is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.core.market import Asset
from bot.errors import Refused
from bot.venues.names import Names
from bot.venues.replies import Row, by_key, text


@dataclass(frozen=True, slots=True)
class Market:
    """One coin's rows, as the venue specifies its spot market and its perpetual."""

    spot: Row
    perp: Row

    def is_in(self, status: str) -> bool:
        """Whether both of them have this status."""
        return {text(self.perp, "status"), text(self.spot, "status")} == {status}


@dataclass(frozen=True, slots=True)
class Fees:
    """Rates, as fractions of the notional."""

    maker: Decimal | None
    taker: Decimal | None
    spot_taker: Decimal | None


def of_coins(
    found: Iterable[Row], assets: Sequence[Asset], names: Names, *, venue: str, what: str, where: str,
) -> dict[Asset, Row]:
    """Each coin's row, which must tell a status. `what` is missed, `where` contradicts itself: both in words.

    Raises Refused for a coin that has none.
    """
    wanted = {names.native(asset): asset for asset in assets}
    rows = by_key([entry for entry in found if text(entry, "symbol") in wanted], "symbol", where)
    if missing := [asset for symbol, asset in wanted.items() if symbol not in rows]:
        raise Refused(f"{venue} has no {what} in {names.settle} for {', '.join(missing)}")
    for entry in rows.values():
        text(entry, "status")
    return {asset: rows[symbol] for symbol, asset in wanted.items()}
