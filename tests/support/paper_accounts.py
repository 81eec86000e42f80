"""A simulated account in one line, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from feeds import FakeFeed, paper_instrument

from bot.core.market import Instrument, WalletKind
from bot.paper.exchange import PaperExchange
from bot.paper.feed import Feed

D = Decimal
_COINS = {"BTC": "1.2", "USDT": "10000"}
_MARGIN = {"USDT": "10000"}


def paper_exchange(feed: Feed | None = None, *, wallet: WalletKind = WalletKind.SEPARATE,
                   spot: Mapping[str, str] | None = None, futures: Mapping[str, str] | None = None,
                   leverage: str = "20", instruments: Mapping[str, Instrument] | None = None,
                   price_band: Decimal | None = None) -> PaperExchange:
    """1.2 BTC and 10,000 USDT on spot, 10,000 USDT as margin, unless told otherwise."""
    story = feed or FakeFeed()
    return PaperExchange(
        story, instruments or {asset: paper_instrument(asset) for asset in story.assets},
        balances_spot={coin: D(amount) for coin, amount in (_COINS if spot is None else spot).items()},
        balances_futures={coin: D(amount) for coin, amount in (_MARGIN if futures is None else futures).items()},
        wallet=wallet, leverage=D(leverage), price_band=price_band,
    )
