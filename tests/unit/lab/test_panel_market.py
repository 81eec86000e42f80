"""What history does to an account: fills, funding and liquidation, row by row."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from doc_scripts import doc_script
from panels import made_up_panel

from bot.core.market import Side
from bot.core.orders import OrderIntent, OrderReport, OrderState, TimeInForce, begin
from bot.core.policy import AssetPolicy, Policy
from bot.core.times import HOUR, Millis, parse_iso
from bot.errors import ConfigError
from bot.lab.market import Fill
from bot.lab.panel import USUAL_INTERVAL, Panel, Row
from bot.lab.stage import Stage, Wishes, set_stage

D = Decimal
START = parse_iso("2021-01-01")
COIN = Policy((AssetPolicy("BTC", D("0.5"), contract=D("0.001")),), cash_target=D("0.5"))


def row(hours: int, price: str, *, mark: str | None = None, high: str | None = None, rate: str | None = None) -> Row:
    at, known = START + hours * HOUR, D(mark or price)
    return Row(at, ("BTC",), (D(price),), (D(price),), (known,), stale=False, spot_at=at,
               settled={} if rate is None else {"BTC": D(rate)}, terms=[(None, None, USUAL_INTERVAL)],
               highs=[D(high) if high else None])


async def stage(fill: Fill = Fill.TOUCH, *, bare: bool = False, price: str = "50000") -> Stage:
    return await set_stage(Wishes(COIN, fill=fill, bare=bare), row(0, price))


def order(number: int, side: Side, quantity: str, price: str, kind: TimeInForce = TimeInForce.GTX) -> OrderIntent:
    return OrderIntent(
        f"hr{number}", number, "btc1", "BTC", "BTC/USDT:USDT", side, D(quantity), D(price), side is Side.BUY, kind,
        D(0), D(quantity), START, START, "above_open")


async def shorted(quantity: str = "0.5") -> Stage:
    found = await stage(Fill.IMMEDIATE)
    assert (await found.venue.place(order(1, Side.SELL, quantity, "50000"))).state is OrderState.FILLED
    return found


async def report(of: Stage, intent: OrderIntent) -> OrderReport:
    found = await of.venue.find_order(intent.symbol, intent.client_order_id)
    assert found is not None
    return found


@pytest.mark.parametrize(("side", "through"), [(Side.SELL, "50000.1"), (Side.BUY, "49999.9")])
async def test_an_order_that_rests_fills_only_where_a_later_price_trades_through_it(side: Side, through: str) -> None:
    found = await shorted()
    found.venue._immediate = False
    intent = order(2, side, "0.1", "50000")
    assert (await found.venue.place(intent)).state is OrderState.OPEN
    found.venue.see(row(1, "50000"))
    assert (await report(found, intent)).state is OrderState.OPEN
    assert found.venue.see(row(2, through))
    assert (await report(found, intent)).state is OrderState.FILLED
    fill = found.exchange.fills[-1]
    assert (fill.price, fill.maker, fill.at) == (D(50000), True, START + 2 * HOUR)


async def test_so_does_a_sale_of_coins() -> None:
    found = await stage()
    intent = replace(order(1, Side.SELL, "0.1", "50000"), symbol="BTC/USDT")
    assert (await found.venue.place(intent)).state is OrderState.OPEN
    found.venue.see(row(1, "50000"))
    assert (await report(found, intent)).state is OrderState.OPEN
    found.venue.see(row(2, "50000.1"))
    assert (await report(found, intent)).state is OrderState.FILLED
    assert (found.exchange.wallets.spot["BTC"], found.exchange.fills[-1].maker) == (D("0.9"), True)


async def test_an_immediate_order_is_filled_at_the_price_known_at_the_decision_by_a_maker() -> None:
    found = await shorted("0.2")
    fill = found.exchange.fills[-1]
    assert (fill.price, fill.quantity, fill.fee, fill.maker) == (D(50000), D("0.2"), D("2.00000000"), True)


async def test_an_order_that_may_cross_takes_the_price_and_pays_the_takers_fee() -> None:
    found = await stage()
    intent = order(1, Side.SELL, "0.1", "49950", TimeInForce.IOC)
    assert (await found.venue.place(intent)).state is OrderState.FILLED
    fill = found.exchange.fills[-1]
    assert (fill.price, fill.maker, fill.fee) == (D(50000), False, D("2.50000000"))


async def test_an_order_that_was_moved_rests_at_its_new_price() -> None:
    found = await stage()
    intent = order(1, Side.SELL, "0.1", "50000")
    await found.venue.place(intent)
    found.venue.see(row(1, "49000"))
    record = next(iter(found.exchange.open_orders()))
    moved = await found.venue.amend(begin(intent), D(49000))
    assert (moved.state, record.price) == (OrderState.OPEN, D(49000))
    found.venue.see(row(2, "49000.1"))
    assert (await report(found, intent)).state is OrderState.FILLED


async def test_funding_settles_on_the_position_carried_into_the_row_at_the_rows_mark() -> None:
    found = await shorted("0.5")
    assert found.venue.see(row(8, "51000", mark="52000", rate="0.0001"))
    paid = found.exchange.funding_rows[-1]
    assert (paid.amount, paid.mark, paid.quantity) == (D("2.60000000"), D(52000), D("-0.5"))
    assert not found.venue.see(row(9, "51000"))


async def test_no_funding_where_nothing_is_carried() -> None:
    found = await stage()
    assert not found.venue.see(row(8, "51000", rate="0.0001"))
    assert found.exchange.funding_rows == []
    assert [one.rate for one in await found.venue.settlements(["BTC"], START)] == [D("0.0001")]


async def test_a_short_is_liquidated_by_the_highest_mark_of_the_hour_and_never_by_the_last_price() -> None:
    found = await shorted("0.5")
    found.venue.see(row(1, "150000", mark="51000"))  # a wick of the last price alone
    assert found.exchange.liquidations == []
    found.venue.see(row(2, "51000", mark="51000", high="150000"))
    assert [gone.mark for gone in found.exchange.liquidations] == [D("150000.0")]
    assert found.exchange.position("BTC").quantity == 0


async def test_a_bare_account_is_never_liquidated_and_may_owe() -> None:
    found = await stage(Fill.IMMEDIATE, bare=True)
    assert (await found.venue.place(order(1, Side.SELL, "9", "50000"))).state is OrderState.FILLED
    found.venue.see(row(1, "90000"))
    assert found.exchange.liquidations == []
    snapshot = await found.venue.snapshot()
    assert snapshot.futures.unrealised == D(-360000)
    assert snapshot.positions[0].maintenance_margin == 0


async def test_the_account_begins_at_the_target_weights_with_part_of_its_cash_as_margin() -> None:
    found = await set_stage(Wishes(COIN, nav=D(1000), futures_share=D("0.25")), row(0, "50000"))
    assert found.exchange.wallets.spot == {"BTC": D("0.01"), "USDT": D("375.00")}
    assert found.exchange.wallets.futures == {"USDT": D("125.00")}


async def test_a_contract_that_is_worth_more_than_the_open_level_is_refused() -> None:
    large = replace(COIN, assets=(replace(COIN.assets[0], contract=D(1)),))
    with pytest.raises(ConfigError, match="more than the open level"):
        await set_stage(Wishes(large, nav=D(1000)), row(0, "50000"))


def read(path: Path, begin: Millis = 0, end: Millis = 2**50) -> list[Row]:
    return list(Panel(path).rows(begin, min(end, parse_iso("9999-01-01")), ("BTC",)))


def test_rows_are_read_from_the_first_instant_up_to_but_without_the_last(tmp_path: Path) -> None:
    path = made_up_panel(tmp_path, 30)
    assert [found.at for found in read(path, START + 2 * HOUR, START + 5 * HOUR)] == [
        START + hours * HOUR for hours in (2, 3, 4)]


def test_the_rate_that_settled_last_stands_for_the_next_one(tmp_path: Path) -> None:
    path = made_up_panel(tmp_path, 20)
    found = read(path)
    assert found[0].settled == {"BTC": D("0.000000")}
    assert found[8].settled == {"BTC": D("0.000026")}
    assert found[9].settled == {}
    quote = found[9].quotes["BTC"]
    assert (quote.funding_rate, quote.next_funding_at, quote.funding_interval) == (
        D("0.000026"), START + 16 * HOUR, 8 * HOUR)


def test_a_stale_price_keeps_the_time_at_which_it_was_one(tmp_path: Path) -> None:
    found = read(made_up_panel(tmp_path, 20))[13]
    assert found.stale
    assert found.quotes["BTC"].spot_at == START + 12 * HOUR
    assert found.quotes["BTC"].perp_at == START + 13 * HOUR


def test_marks_highs_are_read_where_the_file_has_them(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    path.write_text("ts_utc,btc_spot,btc_perp,btc_mark,btc_funding,btc_mark_high,spot_stale\n"
                    "2021-01-01T00:00:00Z,100,100,100,,101,0\n2021-01-01T01:00:00Z,99,99,99,,,0\n")
    assert [found.highs["BTC"] for found in read(path)] == [D(101), D(100)]


@pytest.mark.parametrize(("line", "wrong"), [
    ("2021-01-01T02:00:00Z,0,1,1,,0", "BTC: 0, 1, 1"), ("2021-01-01T02:00:00Z,1,1,1,2,0", "BTC: 1, 1, 1, 2"),
    ("2021-01-01T02:00:00Z,1,1,1,,x", "spot_stale is 'x'"), ("2020-12-31T23:00:00Z,1,1,1,,0", "comes after"),
    ("2021-01-01T02:00:00Z,1,1,1,0", "5 columns"), ("2021-01-01T02:00:00Z,nan,1,1,,0", "BTC: nan"),
])
def test_a_row_that_cannot_be_replayed_is_named_with_its_line(tmp_path: Path, line: str, wrong: str) -> None:
    path = tmp_path / "panel.csv"
    path.write_text("ts_utc,btc_spot,btc_perp,btc_mark,btc_funding,spot_stale\n"
                    f"2021-01-01T01:00:00Z,1,1,1,,0\n{line}\n")
    with pytest.raises(ConfigError, match=r"line 3: ") as refused:
        read(path)
    assert wrong in str(refused.value)


def test_the_history_of_the_documentation_is_the_one_that_is_generated() -> None:
    script = doc_script("generate_history")
    assert script.FILE.read_text().splitlines() == script.lines()
