import io
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console, RenderableType

from bot.answers import PlanReport
from bot.cli import render
from bot.core.costing import account_costs
from bot.core.decision import (
    Action,
    AssetDecision,
    Decision,
    MarginFigures,
    Measure,
    Reason,
    Refusal,
    RuleState,
)
from bot.core.episode import Episode, EpisodeState
from bot.core.ledger import Traded, Valuation, reckon
from bot.core.market import FuturesWallet, Side, Snapshot
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderRecord, OrderState, TimeInForce
from bot.core.policy import AssetPolicy, Policy, Terms
from bot.core.times import DAY, HOUR, MINUTE
from bot.demo import ClosingAccount
from bot.journal.views import AssetStatus, Binding, Heartbeat, StatusReport
from bot.ports import Command

AT = 1_611_792_000_000
LONG = "the drift of 10.00pp is above open 5.00pp, seen on 1 of 2 snapshots, and [nothing] is :smile: cut here at all"
MARGIN = MarginFigures(
    Decimal("10000.123"), Decimal("12345678.9"), Decimal(50), Decimal("1.0"), Decimal("0.6595"))
REFUSAL = Refusal("max_carry", "opening", "funding at 31% a year is above max_carry 20%")


def printed(what: RenderableType, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, markup=False, emoji=False, highlight=False).print(what)
    return stream.getvalue()


def decided(asset: str = "BTC") -> AssetDecision:
    measure = Measure(
        Decimal("123456.12345678"), Decimal(50_000), Decimal(60_000), Decimal(50_000), Decimal(10_000), Decimal("0.1"),
        Decimal("0.4999"), Decimal("-0.0001"))
    return AssetDecision(
        asset, Action.INCREASE, Decimal("1234.12345678"), Decimal("2345.12345678"), Decimal("0.001"), measure,
        (Reason("confirming", LONG, {}),), (REFUSAL,), held=True)


PLAN = PlanReport(
    Decision(
        AT, Decimal("123456789.12"), Decimal("23456789.12"), MARGIN, (decided(), decided("1000SHIB")), RuleState()),
    Terms(Policy((AssetPolicy("BTC", Decimal("0.5")),), Decimal("0.5")), {}),
    Snapshot(AT, {}, FuturesWallet(*([Decimal(0)] * 6)), {}),
    ("one contract is worth more than resize",),
)



def executed(side: Side, quantity: str, price: int, *, fee: str, realised: int = 0, mid: int | None = 50_000) -> Traded:
    fill = Fill("t1", "o1", "BTCUSDT", side, Decimal(quantity), Decimal(price), Decimal(fee), "USDT",
                Decimal(realised), maker=True, at=AT)
    return Traded(fill, None if mid is None else Decimal(mid), Decimal(price))


def received(amount: str) -> FundingPayment:
    return FundingPayment("f1", "BTCUSDT", Decimal(amount), "USDT", AT)


COSTS = {
    "btc1": reckon([executed(Side.SELL, "0.25", 50_000, fee="2.5"), received("1.5"),
                    executed(Side.BUY, "0.25", 48_000, fee="2.4", realised=500, mid=48_010)], "USDT"),
    "btc3": reckon([executed(Side.SELL, "0.2", 50_000, fee="5.01075"), received("3.42315")], "USDT",
                   Valuation(AT, Decimal(49_950), Decimal(49_960))),
}

STATUS = StatusReport(
    Binding("demo", "binance", "123456789", "hedgerow 0.1.0", AT), Heartbeat(AT, AT, 1, 5_000), AT, Decimal(100_000),
    Decimal(20_000), "hedge mode is on", MARGIN,
    (AssetStatus(
        "BTC", Action.HOLD, Decimal("0.5"), Decimal("0.6"), Decimal("0.4999"), Decimal("0.1"), Decimal(0),
        Decimal("1.2"), Decimal(50_000), Decimal("0.2"), Decimal("0.2"), Decimal("0.001"), held=False,
        disarmed="closed by hand", liquidation_price=None, reasons=(Reason("hold", LONG),), refusals=()),),
    (Episode("btc3", "BTC", "BTCUSDT", EpisodeState.OPEN, AT, short=Decimal("0.2"), entry_quantity=Decimal("0.2"),
             entry_notional=Decimal(10_000), funding_paid=Decimal("-3.42315"), fees=Decimal("5.01075")),), (),
    (OrderRecord(OrderIntent(
        "hrabc123_btc3_1z", 71, "btc3", "BTC", "BTCUSDT", Side.SELL, Decimal("0.1"), Decimal(50_010), False,
        TimeInForce.GTX, Decimal(0), Decimal("0.2"), AT, AT, "open"), OrderState.PARTIAL, Decimal("0.05")),),
    None, (Command(1, "close", "BTC", AT),), costs=COSTS,
)


def test_a_status_tells_what_all_hedges_came_to() -> None:
    known = replace(STATUS, account=account_costs(
        [(replace(STATUS.open_episodes[0], id=name), costs) for name, costs in COSTS.items()], "USDT"))
    assert ("all hedges so far: PnL 508.00, funding 4.92, fees 9.91, net cost 4.49, against holding 503.01"
            in " ".join(printed(render.status(known, AT)).split()))
    assert "all hedges" not in printed(render.status(STATUS, AT))


def words(text: str) -> str:
    return "".join(text.split())


ENDED = Episode(
    "btc1", "BTC", "BTCUSDT", EpisodeState.CLOSED, AT, AT, AT + DAY, peak_short=Decimal("0.233"),
    entry_quantity=Decimal("0.25"), entry_notional=Decimal(12_500), exit_quantity=Decimal("0.25"),
    exit_notional=Decimal(12_000), realised=Decimal(500), fees=Decimal("4.9"), funding_paid=Decimal("-1.5"), resizes=3)
CLOSING = ClosingAccount(
    AT, AT + 35 * DAY, (ENDED, *STATUS.open_episodes),
    {"BTC": (Decimal("1.2"), Decimal("1.20")), "ETH": (Decimal(12), Decimal(11))}, Decimal("8.00"), 17, (), costs=COSTS)
CONTRACTS = {"BTC": Decimal("0.001"), "ETH": None}


def test_a_closing_account_tells_each_hedge_the_coins_and_that_the_books_agree() -> None:
    text = printed(render.closing(CLOSING, CONTRACTS, "USDT"))
    assert "Closing account, USDT: 2021-01-28 to 2021-03-04, 35 days" in text
    row = next(line for line in text.splitlines() if line.startswith("btc1")).split()
    assert row == ["btc1", "233×0.001", "50,000.00", "48,000.00", "500.00", "1.50", "4.90", "0.90",
                   "496.60"]
    assert next(line for line in text.splitlines() if line.startswith("sum")).split() == [
        "sum", "508.00", "4.92", "9.91", "4.49", "503.01"]
    assert "2 hedges, 17 fills, resized 3 times, 1 still open (unrealised 8.00)." in text
    assert "BTC 1.2, unchanged" in text
    assert "ETH 11, was 12" in text
    assert "agree to the last digit" in text


def test_a_net_cost_that_is_not_known_is_a_question_mark_with_its_reason() -> None:
    unknown = COSTS | {"btc1": reckon([executed(Side.SELL, "0.25", 50_000, fee="2.5", mid=None)], "USDT")}
    text = printed(render.closing(replace(CLOSING, costs=unknown), CONTRACTS, "USDT"))
    row = next(line for line in text.splitlines() if line.startswith("btc1")).split()
    assert row[-2:] == ["?", "?"]
    assert next(line for line in text.splitlines() if line.startswith("sum")).split()[-2:] == ["?", "?"]
    assert "btc1: its net cost is not known:" in text
    assert "the spot mid at the decision of fill t1 is not known" in " ".join(text.split())


def test_books_that_differ_are_shown_and_never_called_equal() -> None:
    text = printed(render.closing(replace(CLOSING, differences=("fees: journal 1, exchange 2",)), CONTRACTS, "USDT"))
    assert "DIFFERENCE fees: journal 1, exchange 2" in text
    assert "agree to the last digit" not in text


@pytest.mark.parametrize(
    "what", [render.plan(PLAN), render.status(STATUS, AT + MINUTE)], ids=["plan", "status"])
@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_and_nothing_is_cut(what: RenderableType, width: int) -> None:
    text = printed(what, width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    assert "0.60%" not in text
    for word in LONG.split():
        assert word in text


def test_a_plan_says_what_why_why_not_and_that_nothing_was_sent() -> None:
    text = printed(render.plan(PLAN), 200)
    assert "2021-01-28T00:00:00Z   NAV 123,456,789.12   cash 23,456,789.12 USDT" in text
    assert "1234.12345678" in text
    assert "2345.12345678" in text
    assert "increase (held)" in text
    assert "not: funding at 31% a year is above max_carry 20%" in text
    assert "liquidation after a rise of 65.95%" in text
    assert "warning: one contract is worth more than resize" in text
    assert text.rstrip().endswith("Nothing was sent.")


def test_a_long_quantity_is_wrapped_and_stays_whole() -> None:
    assert "1234.12345678" in words(printed(render.plan(PLAN), 200))
    assert "hrabc123_btc3_1z" in printed(render.status(STATUS, AT))


def test_a_status_shows_hedges_orders_and_waiting_wishes() -> None:
    text = printed(render.status(STATUS, AT + MINUTE))
    for part in ("binance demo, account 123456789", "last decision 1m ago", "HALTED: hedge mode is on", "btc3",
                 "sell BTC", "partial", "waiting: close BTC, since 1m", "50,000.00", "3.42", "5.01", "6.41"):
        assert part in text


def test_unknown_is_a_question_mark_and_never_a_zero() -> None:
    unknown = Measure(Decimal("1.2"), None, None, None, None, None, None, None)
    decision = replace(PLAN.decision, nav=None, cash=None, assets=(replace(decided(), measure=unknown),))
    text = printed(render.plan(replace(PLAN, decision=decision)))
    assert "NAV ?   cash ? USDT" in text
    assert [render.percent(None), render.points(None), render.money(None), render.number(None)] == ["?"] * 4


def test_without_a_short_there_is_no_leverage_to_tell() -> None:
    idle = replace(MARGIN, notional=Decimal(0), effective_leverage=Decimal(0), joint_runway=None)
    text = printed(render.plan(replace(PLAN, decision=replace(PLAN.decision, margin=idle))))
    assert "futures wallet 10,000.12, no short" in text
    assert "leverage" not in text


def test_a_drift_too_small_to_show_has_no_sign_of_its_own() -> None:
    shown = [render.points(Decimal(text)) for text in ("-0.000001", "0.031", "-0.031")]
    assert shown == ["+0.00pp", "+3.10pp", "-3.10pp"]


def test_a_status_before_the_first_decision_is_short_and_sound() -> None:
    bare = replace(
        STATUS, heartbeat=None, decided_at=None, nav=None, cash=None, halted=None, margin=None, assets=(),
        open_episodes=(), orders=(), commands=())
    assert printed(render.status(bare, AT)) == "binance demo, account 123456789\nno decision yet\n"


def test_json_carries_decimals_as_strings_and_unknown_as_null() -> None:
    got = json.loads(render.to_json(PLAN))
    assert got["decision"]["nav"] == "123456789.12"
    assert got["decision"]["at"] == AT
    assert got["decision"]["halted"] is None
    assert got["decision"]["assets"][0]["action"] == "increase"
    assert got["decision"]["assets"][0]["measure"]["drift"] == "0.1"
    assert json.loads(render.to_json(STATUS))["binding"]["account"] == "123456789"


@pytest.mark.parametrize(("duration", "text"), [
    (0, "0s"), (1_500, "1.5s"), (90_000, "1.5m"), (HOUR, "1h"), (36 * HOUR, "1.5d"), (DAY, "1d"),
])
def test_spans_are_told_in_their_largest_unit(duration: int, text: str) -> None:
    assert render.span(duration) == text
