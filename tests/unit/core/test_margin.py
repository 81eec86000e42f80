"""Margin arithmetic against DOMAIN §6, and what must hold for any account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.margin import (
    Exposure,
    MarginAccount,
    figures,
    increase_allowed,
    initial_margin,
    maintenance_margin,
    read_account,
    runway,
    tier_of,
)
from bot.core.market import (
    FuturesWallet,
    Holding,
    Instrument,
    MarginTier,
    OpenOrder,
    Position,
    Quote,
    Side,
    Snapshot,
    WalletKind,
)
from bot.core.policy import MarginPolicy

D = Decimal
MARKS = {"BTC": D(50_000), "ETH": D(2_500)}
STEPPED = (
    MarginTier(D(0), D(50_000), D("0.004"), D(0), D(125)),
    MarginTier(D(50_000), D(250_000), D("0.005"), D(50), D(100)),
    MarginTier(D(250_000), D(1_000_000), D("0.01"), D(1_300), D(50)),
    MarginTier(D(1_000_000), None, D("0.025"), D(16_300), D(20)),
)


def flat(rate: str) -> tuple[MarginTier, ...]:
    return (MarginTier(D(0), None, D(rate)),)


def instrument(asset: str, tiers: tuple[MarginTier, ...], ratio: str = "0") -> Instrument:
    return Instrument(
        asset=asset, symbol=f"{asset}USDT", spot_symbol=f"{asset}USDT", amount_step=D("0.001"), min_amount=D("0.001"),
        min_notional=D(5), price_tick=D("0.1"), spot_lot=D("0.00001"), spot_tick=D("0.01"), tiers=tiers,
        collateral_ratio=D(ratio),
    )


def quote(mark: Decimal | None) -> Quote:
    return Quote(mark, mark, 0, mark, mark, 0, mark, mark, 0)


def short_position(asset: str, quantity: str, mark: Decimal | None = None,
                   maintenance_margin: Decimal | None = None) -> Position:
    return Position(
        f"{asset}USDT", -D(quantity), MARKS.get(asset, D(1)), mark or MARKS.get(asset), D(0), maintenance_margin,
    )


def snapshot(equity: str | Decimal, positions: tuple[Position, ...] = (), *, available: str | Decimal | None = None,
             wallet: WalletKind = WalletKind.SEPARATE, coins: Mapping[str, str] | None = None,
             maintenance: str = "0") -> Snapshot:
    money = D(equity)
    return Snapshot(
        taken_at=0, holdings={asset: Holding(D(q)) for asset, q in (coins or {}).items()},
        futures=FuturesWallet(money, D(0), money, D(0), D(maintenance), money if available is None else D(available)),
        quotes={asset: quote(mark) for asset, mark in MARKS.items()}, positions=positions, wallet=wallet,
    )


BOTH = {"BTC": instrument("BTC", flat("0.004")), "ETH": instrument("ETH", flat("0.005"))}
WIDE = MarginPolicy(leverage=D(20), max_leverage=D(100), stop_runway=D(0))


def percent(fraction: Decimal | None) -> str:
    assert fraction is not None
    return str((fraction * 100).quantize(D("0.01"), ROUND_HALF_UP))


def test_the_worked_example_of_two_shorts_in_one_wallet() -> None:
    seen = figures(snapshot("10000", (short_position("BTC", "0.2"), short_position("ETH", "2"))), BOTH)
    # "Alone" is one mark rising while the other stands still and keeps its maintenance margin.
    assert percent(seen.joint_runway) == "65.95"
    assert (seen.notional, seen.maintenance, seen.effective_leverage) == (D(15_000), D(65), D("1.5"))
    price = seen.liquidation_prices["BTC"]
    assert price is not None
    assert price.quantize(D("0.01")) == D("99477.09")
    assert percent(seen.runways["BTC"]) == "98.95"
    assert percent(seen.runways["ETH"]) == "197.71"


def test_the_worked_example_of_a_wallet_near_its_ladder() -> None:
    instruments = {"BTC": instrument("BTC", flat("0.01"))}
    assert percent(figures(snapshot("2600", (short_position("BTC", "0.2"),)), instruments).joint_runway) == "24.75"
    closed = figures(snapshot("2600", (short_position("BTC", "0.125"),)), instruments)
    assert percent(closed.joint_runway) == "40.20"
    sold = figures(snapshot("3700", (short_position("BTC", "0.178"),)), instruments)
    assert percent(sold.joint_runway) == "40.17"


def test_the_first_hedge_of_the_examples_needs_half_its_wallet_at_leverage_two() -> None:
    assert initial_margin(D("0.2") * 50_000, D(2)) == 5_000
    assert figures(snapshot("10000", (short_position("BTC", "0.2"),)), BOTH).effective_leverage == 1


@pytest.mark.parametrize(("notional", "rate", "margin"), [
    ("0", "0.004", "0"), ("10000", "0.004", "40"), ("49999", "0.004", "199.996"), ("50000", "0.005", "200"),
    ("250000", "0.01", "1200"), ("5000000", "0.025", "108700"),
])
def test_a_notional_is_margined_by_its_own_tier(notional: str, rate: str, margin: str) -> None:
    assert tier_of(D(notional), STEPPED).rate == D(rate)
    assert maintenance_margin(D(notional), STEPPED) == D(margin)


def test_an_empty_margin_table_is_refused_rather_than_read_as_free() -> None:
    with pytest.raises(ValueError, match="no tiers"):
        maintenance_margin(D(1), ())


def test_leverage_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        initial_margin(D(1), D(0))


def test_the_runway_uses_the_tiers_of_the_risen_notional() -> None:
    account = MarginAccount(D(40_000), (Exposure("BTC", D(40_000), D(160), STEPPED),))
    reached = runway(account, account.shorts)
    # 40,000 − 40,000·X = 40,000·(1+X)·0.005 − 50, in the second tier
    assert reached == (D(40_000) - D(200) + D(50)) / (D(40_000) * D("1.005"))


def test_a_jump_of_the_margin_table_liquidates_at_the_jump() -> None:
    jumping = (MarginTier(D(0), D(12_000), D("0.01")), MarginTier(D(12_000), None, D("0.5")))
    account = MarginAccount(D(5_000), (Exposure("BTC", D(10_000), D(100), jumping),))
    assert runway(account, account.shorts) == D("0.2")


def test_an_account_below_its_maintenance_has_a_negative_runway() -> None:
    account = MarginAccount(D(30), (Exposure("BTC", D(10_000), D(40), flat("0.004")),))
    left = runway(account, account.shorts)
    assert left is not None
    assert left < 0


def test_a_long_may_fall_until_its_equity_is_its_maintenance() -> None:
    long = Exposure("BTC", D(10_000), D(40), flat("0.004"))
    assert runway(MarginAccount(D(2_000), ()), (long,), falling=True) == (D(2_000) - 40) / (D(10_000) - 40)
    assert runway(MarginAccount(D(10_001), ()), (long,), falling=True) is None
    stepped = Exposure("BTC", D(60_000), maintenance_margin(D(60_000), STEPPED), STEPPED)
    reached = runway(MarginAccount(D(20_000), ()), (stepped,), falling=True)
    assert reached is not None
    assert abs(D(20_000) - 60_000 * reached - maintenance_margin(60_000 * (1 - reached), STEPPED)) < D("1e-20")


def test_without_a_short_there_is_nothing_to_liquidate() -> None:
    seen = figures(snapshot("10000"), BOTH)
    assert (seen.notional, seen.effective_leverage) == (D(0), D(0))
    assert seen.joint_runway is None
    assert not seen.runways


def test_coins_that_are_collateral_stand_against_the_short() -> None:
    instruments = {"BTC": instrument("BTC", flat("0.01"), "0.5")}
    held = snapshot("2600", (short_position("BTC", "0.2"),), wallet=WalletKind.UNIFIED, coins={"BTC": "0.2"})
    assert figures(held, instruments).joint_runway == D(2_500) / (D(10_100) - D(5_000))
    separate = replace(held, wallet=WalletKind.SEPARATE)
    assert figures(separate, instruments).joint_runway == D(2_500) / D(10_100)


def test_enough_collateral_coins_mean_no_upside_liquidation() -> None:
    instruments = {"BTC": instrument("BTC", flat("0.01"), "0.95")}
    held = snapshot("60000", (short_position("BTC", "0.2"),), wallet=WalletKind.UNIFIED, coins={"BTC": "1.2"})
    seen = figures(held, instruments)
    assert (seen.joint_runway, seen.liquidation_prices) == (None, {"BTC": None})


def test_a_borrowed_coin_counts_in_full_against_the_runway() -> None:
    instruments = {"BTC": instrument("BTC", flat("0.01"), "0.5")}
    held = snapshot("2600", (short_position("BTC", "0.2"),), wallet=WalletKind.UNIFIED)
    owing = replace(held, holdings={"BTC": Holding(D(0), borrowed=D("0.1"))})
    assert figures(owing, instruments).joint_runway == D(2_500) / (D(10_100) + D(5_000))


def test_a_long_adds_its_maintenance_and_no_gain() -> None:
    long = Position("ETHUSDT", D(4), D(2_500), D(2_500), D(0))
    seen = figures(snapshot("10000", (short_position("BTC", "0.2"), long)), BOTH)
    assert seen.maintenance == D(40) + D(50)
    assert seen.joint_runway == (D(10_000) - 90) / D(10_040)
    assert seen.notional == 10_000


def test_a_foreign_short_counts_with_the_rate_the_venue_shows() -> None:
    foreign = short_position("SOL", "100", mark=D(100), maintenance_margin=D(200))
    seen = figures(snapshot("10000", (short_position("BTC", "0.2"), foreign)), BOTH)
    assert (seen.notional, seen.maintenance) == (D(20_000), D(240))
    assert seen.joint_runway == (D(10_000) - 240) / (D(10_040) + D(10_200))
    assert set(seen.runways) == {"BTC"}


def test_a_foreign_short_without_figures_is_charged_what_the_wallet_leaves_over() -> None:
    foreign = short_position("SOL", "100", mark=D(100))
    seen = figures(snapshot("10000", (short_position("BTC", "0.2"), foreign), maintenance="340"), BOTH)
    assert seen.maintenance == 340


def test_an_unknown_mark_makes_the_figures_unknown_not_zero() -> None:
    foreign = short_position("SOL", "100")
    seen = figures(snapshot("10000", (foreign,), maintenance="12"), BOTH)
    assert seen.effective_leverage is None
    assert seen.joint_runway is None
    assert seen.maintenance == 12
    cap = increase_allowed(snapshot("10000", (foreign,)), BOTH, "BTC", D(0), D(1), D("0.1"), WIDE, {})
    assert (cap.short, [reason.code for reason in cap.reasons]) == (D(0), ["margin_unknown"])


def test_an_increase_that_fits_is_not_capped() -> None:
    cap = increase_allowed(snapshot("10000"), BOTH, "BTC", D(0), D("0.2"), D("0.1"), MarginPolicy(), {})
    assert (cap.short, cap.reasons) == (D("0.2"), ())


@pytest.mark.parametrize(("policy", "available", "code", "short"), [
    (replace(WIDE, max_leverage=D(2)), "10000", "capped_by_leverage", "0.4"),
    (replace(WIDE, stop_runway=D("0.5")), "10000", "capped_by_runway", "0.3"),
    (replace(WIDE, leverage=D(5)), "3100", "capped_by_margin", "0.3"),
])
def test_each_cap_bites_where_it_should_and_says_so(policy: MarginPolicy, available: str, code: str,
                                                    short: str) -> None:
    cap = increase_allowed(
        snapshot("10000", available=available), BOTH, "BTC", D(0), D(1), D("0.1"), policy, {},
    )
    assert cap.short == D(short)
    assert [reason.code for reason in cap.reasons] == [code]
    assert cap.reasons[0].facts == {"wanted": "1", "allowed": short}


def test_what_was_granted_to_another_coin_is_not_granted_twice() -> None:
    alone = increase_allowed(snapshot("10000"), BOTH, "BTC", D(0), D("0.4"), D("0.1"), MarginPolicy(), {})
    beside = increase_allowed(snapshot("10000"), BOTH, "BTC", D(0), D("0.4"), D("0.1"), MarginPolicy(), {"ETH": D(4)})
    assert (alone.short, beside.short) == (D("0.3"), D("0.1"))


def test_what_was_granted_to_the_coin_itself_is_in_its_short_already() -> None:
    own = increase_allowed(snapshot("10000"), BOTH, "BTC", D("0.1"), D("0.2"), D("0.1"), MarginPolicy(), {"BTC": D(1)})
    assert own.short == D("0.2")


@pytest.mark.parametrize(("equity", "available", "policy", "allowed"), [
    # 10,000·(0.004 + 0.5·1.004): the runway after it is 50 % exactly
    ("5060", "5060", replace(WIDE, stop_runway=D("0.5")), "0.2"),
    ("5059.99", "5060", replace(WIDE, stop_runway=D("0.5")), "0.1"),
    ("99999", "2000", replace(WIDE, leverage=D(5)), "0.2"),
    ("99999", "1999.99", replace(WIDE, leverage=D(5)), "0.1"),
    ("5000", "5000", replace(WIDE, max_leverage=D(2)), "0.2"),
    ("4999.99", "5000", replace(WIDE, max_leverage=D(2)), "0.1"),
])
def test_a_limit_that_is_met_exactly_is_kept(equity: str, available: str, policy: MarginPolicy, allowed: str) -> None:
    cap = increase_allowed(
        snapshot(equity, available=available), BOTH, "BTC", D(0), D("0.2"), D("0.1"), policy, {},
    )
    assert cap.short == D(allowed)


def test_a_venue_table_that_does_not_allow_the_leverage_caps_the_size() -> None:
    instruments = {"BTC": instrument("BTC", STEPPED)}
    policy = MarginPolicy(leverage=D(75), max_leverage=D(100), stop_runway=D(0))
    cap = increase_allowed(snapshot("1000000"), instruments, "BTC", D(0), D(10), D("0.5"), policy, {})
    assert (cap.short, cap.reasons[0].code) == (D("4.5"), "capped_by_margin")


@pytest.mark.parametrize(("reduce_only", "known", "allowed"), [
    (False, True, "0.4"), (True, True, "0.3"), (False, False, "0.3"),
])
def test_a_resting_order_of_this_short_has_its_margin_already(*, reduce_only: bool, known: bool, allowed: str) -> None:
    resting = OpenOrder("BTCUSDT", "1", "x", Side.SELL, D(50_000), D("0.2"), D("0.1"), reduce_only, 0)
    seen = replace(snapshot("10000", available="3100"), open_orders=(resting,) if known else None)
    cap = increase_allowed(seen, BOTH, "BTC", D(0), D("0.4"), D("0.1"), replace(WIDE, leverage=D(5)), {})
    assert cap.short == D(allowed)


def test_an_account_without_equity_grants_nothing_and_takes_nothing() -> None:
    cap = increase_allowed(snapshot("-5"), BOTH, "BTC", D("0.15"), D("0.4"), D("0.1"), MarginPolicy(), {})
    assert cap.short == D("0.15")
    assert {reason.code for reason in cap.reasons} == {"capped_by_leverage", "capped_by_runway", "capped_by_margin"}


def test_a_wanted_hedge_at_or_below_the_present_one_is_no_increase() -> None:
    cap = increase_allowed(snapshot("0"), BOTH, "BTC", D("0.15"), D("0.1"), D("0.1"), MarginPolicy(), {})
    assert (cap.short, cap.reasons) == (D("0.15"), ())


# --- what holds for any account ---

sizes = st.decimals("0.001", "30", places=3)
money = st.decimals("1", "2000000", places=2)
tables = st.sampled_from([STEPPED, flat("0.004"), flat("0.02")])
coins = st.decimals("0", "5", places=3)


def surplus_after(account: MarginAccount, rise: Decimal) -> Decimal:
    """Equity − maintenance at a rise, computed without the segments."""
    gained = sum((short.notional - short.collateral for short in account.shorts), D(0)) * rise
    kept = sum((maintenance_margin(short.notional * (1 + rise), short.tiers) for short in account.shorts), D(0))
    return account.equity - gained - kept - account.standing


@settings(max_examples=80, deadline=None)
@given(money, sizes, sizes, tables, tables, coins)
def test_at_the_runway_equity_is_the_maintenance_margin(  # noqa: PLR0917 - hypothesis passes what it draws
    equity: Decimal, btc: Decimal, eth: Decimal, one: tuple[MarginTier, ...], two: tuple[MarginTier, ...],
    held: Decimal,
) -> None:
    instruments = {"BTC": instrument("BTC", one, "0.9"), "ETH": instrument("ETH", two, "0.8")}
    seen = snapshot(
        equity, (short_position("BTC", str(btc)), short_position("ETH", str(eth))), wallet=WalletKind.UNIFIED,
        coins={"BTC": str(held)},
    )
    account = read_account(seen, instruments)
    assert account is not None
    reached = runway(account, account.shorts)
    if reached is None:
        assert all(surplus_after(account, D(rise)) > 0 for rise in (0, 1, 10, 1000))
    elif reached > 0:
        assert abs(surplus_after(account, reached)) < D("1e-20")
        assert all(surplus_after(account, reached * part / 10) > 0 for part in range(10))
    else:
        assert surplus_after(account, D(0)) <= 0


@settings(max_examples=60, deadline=None)
@given(money, st.integers(0, 200), st.integers(0, 400), tables, st.integers(0, 50), coins,
       st.sampled_from(list(WalletKind)))
def test_an_allowed_short_never_violates_a_limit(  # noqa: PLR0917 - hypothesis passes what it draws
    equity: Decimal, now: int, wanted: int, table: tuple[MarginTier, ...], promised: int, held: Decimal,
    wallet: WalletKind,
) -> None:
    contract, policy = D("0.01"), MarginPolicy()
    instruments = {"BTC": instrument("BTC", table, "0.9"), "ETH": instrument("ETH", flat("0.01"))}
    short_now, short_wanted = now * contract, wanted * contract
    positions = (short_position("BTC", str(short_now)),) if now else ()
    seen = snapshot(equity, positions, available=equity / 2, wallet=wallet, coins={"BTC": str(held)})
    committed = {"ETH": D(promised) / 10}
    cap = increase_allowed(seen, instruments, "BTC", short_now, short_wanted, contract, policy, committed)
    assert short_now <= cap.short <= max(short_now, short_wanted)
    assert bool(cap.reasons) == (cap.short < short_wanted)
    if cap.short > short_now:
        after = read_account(seen, instruments, {"BTC": cap.short, **committed})
        assert after is not None
        assert after.effective_leverage is not None
        assert after.effective_leverage <= policy.max_leverage
        left = runway(after, after.shorts)
        assert left is None or left >= policy.stop_runway
        needed = (cap.short - short_now) * MARKS["BTC"] + committed["ETH"] * MARKS["ETH"]
        assert needed / policy.leverage <= seen.futures.available
    richer = replace(seen, futures=replace(seen.futures, equity=equity * 2, available=equity))
    more = increase_allowed(richer, instruments, "BTC", short_now, short_wanted, contract, policy, committed)
    assert more.short >= cap.short
