"""Pushed prices that bring the account to another rung of the margin ladder wake a tick; others do not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rule_world import World, asset_policy, instrument, quote, terms, world
from test_rule_properties import decimals

from bot.core.decision import Decision, Rung, Situation
from bot.core.ladder import rung_of
from bot.core.market import Asset, MarginTier, Snapshot, WalletKind
from bot.core.plan import decide
from bot.core.times import SECOND
from bot.core.wake import Glimpse, Watch, watch

D = Decimal


def short_world(wallet: WalletKind = WalletKind.SEPARATE, futures: str = "10000") -> World:
    """The example of DOMAIN §6: 0.2 BTC at 50,000 short, and 2 ETH at 2,500, on a margin wallet of 10,000."""
    tiers = (MarginTier(D(0), D(12_000), D("0.004")), MarginTier(D(12_000), None, D("0.01"), D(72)))
    story = World(
        terms(asset_policy("BTC", "0.5"), asset_policy("ETH", "0.3"), instruments={
            "BTC": instrument("BTC", tiers=tiers),
            "ETH": instrument("ETH", "0.01", tiers=(MarginTier(D(0), None, D("0.005")),))}),
        holdings={"BTC": D("1.2"), "ETH": D(12)}, prices={"BTC": D(50_000), "ETH": D(2_500)}, cash=D(10_000),
        futures=D(futures), shorts={"BTC": D("0.2"), "ETH": D(2)})
    if wallet is WalletKind.UNIFIED:
        story.terms = replace(story.terms, instruments={
            name: replace(spec, collateral_ratio=D("0.1")) for name, spec in story.terms.instruments.items()})
    return story


def at_marks(story: World, wallet: WalletKind, prices: dict[Asset, Decimal]) -> Snapshot:
    """The world a moment later at other prices."""
    before = replace(story.snapshot(), wallet=wallet)
    gain = sum((story.shorts[asset] * (story.prices[asset] - price) for asset, price in prices.items()), D(0))
    if wallet is WalletKind.UNIFIED:
        gain += sum((story.holdings[asset] * D("0.1") * (price - story.prices[asset])
                     for asset, price in prices.items()), D(0))
    at = before.taken_at + SECOND
    return replace(before, taken_at=at, quotes={asset: quote(at, price) for asset, price in prices.items()},
                   futures=replace(before.futures, unrealised=gain, equity=before.futures.equity + gain))


def looked(story: World, wallet: WalletKind = WalletKind.SEPARATE) -> tuple[Decision, Watch]:
    situation = replace(story.situation(), snapshot=replace(story.snapshot(), wallet=wallet))
    decision = decide(situation, story.terms)
    found = watch(situation.snapshot, decision, story.terms)
    assert found is not None
    assert found.rungs is not None
    assert (found.rungs.quiet is None) == (wallet is WalletKind.UNIFIED)
    return decision, found


@pytest.mark.parametrize("wallet", WalletKind)
@settings(max_examples=150, deadline=None)
@given(factors=st.tuples(decimals("0.4", "1.7", 3), decimals("0.4", "1.7", 3)),
       futures=st.sampled_from(["2600", "6000", "10000", "14000"]), by=st.sampled_from(["touch", "mark"]))
@example(factors=(D(1), D(1)), futures="10000", by="mark")
def test_a_tick_is_woken_where_the_ladder_would_stand_elsewhere_and_nowhere_else(
    wallet: WalletKind, factors: tuple[Decimal, Decimal], futures: str, by: str,
) -> None:
    story = short_world(wallet, futures)
    before, found = looked(story, wallet)
    prices = {asset: story.prices[asset] * factor for asset, factor in zip(("BTC", "ETH"), factors, strict=True)}
    after = decide(
        Situation(at_marks(story, wallet, prices), story.situation().standing, before.state), story.terms).ladder
    margin = story.terms.policy.margin
    assert found.rungs is not None
    seen = {asset: Glimpse(perp_bid=price, perp_ask=price) if by == "touch" else Glimpse(mark=price)
            for asset, price in prices.items()}
    rises = {asset: factor - 1 for asset, factor in zip(("BTC", "ETH"), factors, strict=True)}
    elsewhere = rung_of(after.runway, margin) is not rung_of(before.ladder.runway, margin)
    assert found.rungs.another(rises) == elsewhere
    if elsewhere:
        assert found.on_another_rung(seen)


def test_a_joint_rise_wakes_at_the_very_mark_at_which_the_next_rung_begins() -> None:
    story = short_world()
    decision, found = looked(story)
    assert decision.ladder.rung is Rung.WARN
    begins = (1 + (decision.ladder.runway or D(0))) / D("1.50") - 1  # stop: 50%
    for rise, expected in ((begins - D("0.0001"), False), (begins + D("0.0001"), True)):
        seen = {asset: Glimpse(mark=story.prices[asset] * (1 + rise)) for asset in ("BTC", "ETH")}
        assert found.on_another_rung(seen) == expected


def test_a_fall_that_ends_a_warning_wakes_too() -> None:
    story = short_world()
    _, found = looked(story)
    assert not found.on_another_rung({"BTC": Glimpse(mark=D(49_000))})
    assert found.on_another_rung({asset: Glimpse(mark=story.prices[asset] * D("0.94")) for asset in ("BTC", "ETH")})


def test_a_price_that_takes_the_cash_below_its_floor_wakes() -> None:
    story = short_world()
    story.cash = D(-3_500)  # what is borrowed: cash is 6,500 of about 96,500
    decision, found = looked(story)
    assert decision.ladder.rung is Rung.WARN
    assert found.rungs is not None
    rises = {"BTC": Glimpse(D(57_500), D(57_500), D(57_500))}
    assert not found.rungs.another({"BTC": D("0.15")})
    assert not found.on_another_rung({"BTC": Glimpse(D(50_500), D(50_500), D(50_500))})
    assert found.on_another_rung(rises)


def test_an_account_without_a_short_has_no_rung_to_leave() -> None:
    story = world(btc="1.0")
    found = watch(story.snapshot(), story.look(), story.terms)
    assert found is not None
    assert found.rungs is None
    assert not found.on_another_rung({"BTC": Glimpse(D(90_000), D(90_000), D(90_000), D(90_000))})
