"""How venues name markets, and how we do: one name here means one market.

`BTCUSDT` at a venue is `BTC/USDT` (spot) and `BTC/USDT:USDT` (perpetual) here.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.market import Asset


@dataclass(frozen=True, slots=True)
class Names:
    """The venue's names of the markets in one settle coin, and ours."""

    settle: str

    def native(self, asset: Asset) -> str:
        """'BTCUSDT', on both markets."""
        return f"{asset}{self.settle}"

    def perpetual(self, native: str) -> str:
        """Ours of a perpetual; one in another settle coin keeps the venue's name."""
        asset = native.removesuffix(self.settle)
        return f"{asset}/{self.settle}:{self.settle}" if asset not in ("", native) else native

    def spot(self, asset: Asset) -> str:
        """Ours of a spot market."""
        return f"{asset}/{self.settle}"

    def coin(self, symbol: str) -> Asset:
        """The coin of one of our symbols."""
        return symbol.partition("/")[0]

    def is_spot(self, symbol: str) -> bool:
        """Whether one of our symbols names a spot market."""
        return symbol.endswith(f"/{self.settle}")

    def market(self, native: str, *, spot: bool) -> str:
        """Ours of a spot market, or of a perpetual, that the venue calls `native`; against another coin as it says."""
        asset = native.removesuffix(self.settle)
        return self.spot(asset) if spot and asset not in ("", native) else native if spot else self.perpetual(native)

    def wire(self, symbol: str) -> str:
        """The venue's name of one of our symbols."""
        return symbol.partition(":")[0].replace("/", "")
