"""Small core values for tests that write to a journal."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from bot.core.decision import (
    Action,
    AssetDecision,
    AssetStanding,
    AssetState,
    Decision,
    HedgeIntent,
    MarginFigures,
    Measure,
    Reason,
    Refusal,
    RuleState,
    Situation,
    Standing,
)
from bot.core.episode import Episode, EpisodeState
from bot.core.market import FuturesWallet, Holding, Instrument, MarginTier, OpenOrder, Position, Quote, Side, Snapshot
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderReport, OrderState, TimeInForce
from bot.core.policy import AssetPolicy, Policy, Terms
from bot.core.times import MINUTE, Millis

D = Decimal
T0: Millis = 1_611_792_000_000
SYMBOL = "BTCUSDT"

TERMS = Terms(
    policy=Policy(assets=(AssetPolicy("BTC", D("0.5"), contract=D("0.001")),), cash_target=D("0.5")),
    instruments={"BTC": Instrument(
        "BTC", SYMBOL, SYMBOL, D("0.001"), D("0.001"), D(100), D("0.1"), D("0.00001"), D("0.01"),
        tiers=(MarginTier(D(0), D(50_000), D("0.004")), MarginTier(D(50_000), None, D("0.005"), D(50))),
        maker_fee=D("0.00020"),
    )},
)


def situation(at: Millis = T0) -> Situation:
    quote = Quote(D("49999.50"), D("50000.50"), at, D(50_010), D("50010.10"), at, D("50010.05"), None, at)
    return Situation(
        snapshot=Snapshot(
            taken_at=at, holdings={"BTC": Holding(D("1.20")), "USDT": Holding(D(30_000))},
            futures=FuturesWallet(D(10_000), D("-1.5"), D("9998.5"), D(0), D(0), D(9_998)),
            quotes={"BTC": quote},
            positions=(Position(SYMBOL, D("-0.2"), D(50_000), D("50010.05"), D("-2.01"), liquidation_price=None),),
            open_orders=(OpenOrder(SYMBOL, "7", "hrabc_btc1_1", Side.SELL, D(50_011), D("0.2"), D(0), False, at),),
            stable_prices={"USDC": D("0.9998"), "DAI": None},
        ),
        standing=Standing(assets={"BTC": AssetStanding(short=D("0.200"), working=True)},
                          own_orders=frozenset({"hrabc_btc1_1", "hrabc_btc1_2", "hrabc_btc1_3"})),
        state=RuleState(assets={"BTC": AssetState(candidate=Action.OPEN, confirmed=1, counted_at=at - MINUTE)}),
    )


def decision(at: Millis = T0, goal: str = "0.200") -> Decision:
    return Decision(
        at=at, nav=D("100000.10"), cash=D("40000.10"),
        margin=MarginFigures(D("9998.5"), D(10_002), D("40.008"), D("1.0003"), None, {"BTC": D("0.95")}, {"BTC": None}),
        assets=(AssetDecision(
            asset="BTC", action=Action.OPEN, short=D(0), goal=D(goal), contract=D("0.001"),
            measure=Measure(D("1.2"), D(50_000), D(60_000), D(50_000), D(10_000), D("0.1"), D("0.6"), D("0.1")),
            reasons=(Reason("above_open", "BTC is 10.0pp above its target", {"drift": "0.1"}),),
            refusals=(Refusal("basis", "opening", "the basis is adverse"),),
            intent=HedgeIntent("BTC", Action.OPEN, D(0), D(goal), "above_open"),
        ),),
        state=RuleState(assets={"BTC": AssetState(goal=D(goal), goal_action=Action.OPEN)}, cash=D("40000.10")),
    )


def intent(number: int = 1, at: Millis = T0, asset: str = "BTC", episode: str = "btc1") -> OrderIntent:
    return OrderIntent(
        client_order_id=f"hrabc_{episode}_{number}", number=number, episode=episode, asset=asset,
        symbol=f"{asset}USDT", side=Side.SELL, quantity=D("0.200"), price=D("50000.10"), reduce_only=False,
        time_in_force=TimeInForce.GTX, position_before=D("0"), goal=D("0.200"), decided_at=at - 5, created_at=at,
        reason="above_open", spot_mid=D(50_000), perp_mid=None,
    )


def report(state: OrderState, filled: str = "0", number: int = 1, **more: object) -> OrderReport:
    return replace(OrderReport(f"hrabc_btc1_{number}", SYMBOL, state, D(filled)), **more)  # type: ignore[arg-type]  # tests


def fill(trade_id: str = "t1", at: Millis = T0, symbol: str = SYMBOL, **more: object) -> Fill:
    base = Fill(trade_id, "7", symbol, Side.SELL, D("0.100"), D("50000.10"), D("1.00000200"), "USDT", D("0"), True, at,
                "hrabc_btc1_1")
    return replace(base, **more)  # type: ignore[arg-type]  # tests


def payment(
    payment_id: str = "p1", amount: str = "3.00000001", at: Millis = T0, currency: str = "USDT",
) -> FundingPayment:
    return FundingPayment(payment_id, SYMBOL, D(amount), currency, at)


def episode(name: str = "btc1", state: EpisodeState = EpisodeState.OPENING, asset: str = "BTC",
            started_at: Millis = T0 - 5, **more: object) -> Episode:
    return replace(Episode(name, asset, f"{asset}USDT", state, started_at), **more)  # type: ignore[arg-type]  # tests
