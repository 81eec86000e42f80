"""A hedge that is ended with its coins, and what goes wrong on the way (DOMAIN §5B)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from rig import Rig

D = Decimal


def coins(rig: Rig, asset: str = "BTC") -> Decimal:
    """What the wallet holds."""
    return rig.testnet.exchange.wallets.spot[asset]


def finalised(rig: Rig) -> bool:
    return bool(rig.said("hedge.finalised"))


async def test_by_command_coins_are_sold_and_the_short_is_closed_slice_by_slice(rig: Rig) -> None:
    short, held = await rig.hedged(), coins(rig)
    answer = await rig.ask("finalize", "BTC")
    assert "sold" in answer
    await rig.until(lambda: finalised(rig), 200)
    assert rig.position() == 0
    sold = held - coins(rig)
    assert 0 < sold <= short
    ended = rig.said("hedge.finalised")[-1]
    assert ended["sold"] == sold
    assert rig.decision is not None
    assert rig.decision.state.of("BTC").disarmed is None
    assert not rig.said("decision.held")
