"""The constants of the books are recomputed from the recorded sample, where it is present."""

from __future__ import annotations

import csv
import gzip
import itertools
import math
import os
import statistics
from decimal import Decimal
from pathlib import Path

import pytest

from bot.core.times import SECOND
from bot.testnet.market.liquidity import (
    LEAST_ACTIVITY,
    MOST_ACTIVITY,
    MOVES,
    PERP,
    REFERENCE_SIGMA,
    SPOT,
    WIDE_SHARE,
    Maker,
    Profile,
    activity,
)
from bot.testnet.specs import INSTRUMENTS

MARKETS = [("BTC", "perp"), ("ETH", "perp"), ("BTC", "spot"), ("ETH", "spot")]


def shared(name: str) -> Path:
    root = Path(os.environ.get("HEDGEROW_SHARED") or Path(__file__).parents[4] / "shared")
    path = root / "data" / name
    if not path.exists():
        pytest.skip(f"no recorded sample: {path} is absent (HEDGEROW_SHARED names the folder that holds data/)")
    return path


def table(name: str) -> list[dict[str, str]]:
    with gzip.open(shared(name), "rt") as lines:
        return list(csv.DictReader(lines))


def profile(asset: str, market: str) -> Profile:
    return (PERP if market == "perp" else SPOT)[asset]


def maker(asset: str, market: str, step: int = 5 * SECOND) -> Maker:
    specs = INSTRUMENTS[asset]
    perp = market == "perp"
    return Maker(
        profile(asset, market), tick=specs.price_tick if perp else specs.spot_tick,
        lot=specs.amount_step if perp else specs.spot_lot, step=step,
    )


@pytest.mark.parametrize(("asset", "market"), MARKETS)
def test_depth_is_that_of_the_sample(asset: str, market: str) -> None:
    touch, notional, reach, wide = [], 0.0, 0.0, 0
    rows = table(f"l2/{asset}USDT_{market}_20240808_book20_1s.csv.gz")
    specs = INSTRUMENTS[asset]
    tick = float(specs.price_tick if market == "perp" else specs.spot_tick)
    for row in rows:
        wide += round((float(row["ask1_px"]) - float(row["bid1_px"])) / tick) > 1
        for side in ("bid", "ask"):
            best = float(row[f"{side}1_px"])
            touch.append(float(row[f"{side}1_qty"]) * best)
            behind = [
                (abs(float(row[f"{side}{n}_px"]) / best - 1) * 1e4, float(row[f"{side}{n}_qty"]) * best)
                for n in range(2, 21)
            ]
            reach += min(1.0, behind[-1][0])
            notional += sum(size for distance, size in behind if distance <= 1)
    touch.sort()
    tenths = [statistics.fmean(touch[len(touch) * n // 10:len(touch) * (n + 1) // 10]) for n in range(10)]
    assert profile(asset, market).touch == pytest.approx(tenths, rel=0.01)
    assert profile(asset, market).density == pytest.approx(notional / reach, rel=0.02)
    assert wide / len(rows) == pytest.approx(WIDE_SHARE, abs=0.005)


@pytest.mark.parametrize(("asset", "market"), MARKETS)
def test_takers_come_as_in_the_sample(asset: str, market: str) -> None:
    book = table(f"l2/{asset}USDT_{market}_20240808_book20_1s.csv.gz")
    first, last = int(book[0]["ts_ms"]), int(book[-1]["ts_ms"])
    count = (last - first) // 5000
    sums = {side: [0.0] * count for side in ("buy", "sell")}
    for trade in table(f"l2/{asset}USDT_{market}_20240808_trades.csv.gz"):
        place = (int(trade["ts_ms"]) - first) // 5000
        if 0 <= place < count:
            sums[trade["aggressor"]][place] += float(trade["price"]) * float(trade["qty"])
    rate = statistics.fmean(sums["buy"] + sums["sell"]) / 5
    spread = statistics.fmean(statistics.stdev(side) / statistics.fmean(side) for side in sums.values())
    assert profile(asset, market).takers == pytest.approx(rate, rel=0.03)
    assert profile(asset, market).dispersion == pytest.approx(spread, rel=0.05)


@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_prices_move_as_often_as_in_the_sample(asset: str) -> None:
    bids = [float(row["bid1_px"]) for row in table(f"l2/{asset}USDT_perp_20240808_book20_1s.csv.gz")]
    same = statistics.fmean(before == after for before, after in zip(bids, bids[5:], strict=False))
    assert MOVES[asset] == pytest.approx(-math.log(same) / 5, rel=0.03)


@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_activity_is_measured_against_the_day_before_the_sample(asset: str) -> None:
    rows = table(f"{asset}USDT_perp_1h.csv.gz")
    sample = next(n for n, row in enumerate(rows) if row["ts_utc"] == "2024-08-08T23:00:00Z")
    closes = [float(row["close"]) for row in rows[sample - 25:sample + 1]]
    squares = [math.log(after / before) ** 2 for before, after in itertools.pairwise(closes)]
    assert REFERENCE_SIGMA[asset] == pytest.approx(math.sqrt(statistics.fmean(squares)), rel=0.03)


@pytest.mark.parametrize(("asset", "market"), MARKETS)
def test_written_books_are_as_the_profile_says(asset: str, market: str) -> None:
    kind, price = profile(asset, market), 61_800.0 if asset == "BTC" else 2_680.0
    books = [maker(asset, market).book(price, touch=f"t{n}", depth=f"d{n}", activity=1.0) for n in range(1500)]
    touch = statistics.fmean(float(book.bids[0].quantity) * price for book in books)
    assert touch == pytest.approx(statistics.fmean(kind.touch), rel=0.08)
    behind = statistics.fmean(float(sum(level.quantity for level in book.asks[1:])) * price for book in books)
    assert behind == pytest.approx(kind.density * 10, rel=0.05)
    takers = [float(book.taker_buys) * price for book in books]
    assert statistics.fmean(takers) == pytest.approx(kind.takers * 5, rel=0.15)
    logs = [math.log(taken) for taken in takers if taken]
    assert statistics.stdev(logs) == pytest.approx(math.sqrt(math.log1p(kind.dispersion**2)), rel=0.06)
    assert 0 < sum(book.asks[0].price - book.bids[0].price > maker(asset, market)._tick for book in books) < 25


def test_sizes_stay_the_same_in_money_at_other_prices() -> None:
    dear, cheap = (maker("BTC", "spot").book(at, touch="t", depth="d", activity=1.0) for at in (60_000.0, 6_000.0))
    assert float(cheap.bids[0].quantity / dear.bids[0].quantity) == pytest.approx(10, rel=0.001)
    assert float(cheap.taker_sells / dear.taker_sells) == pytest.approx(10, rel=0.001)


def test_a_coarser_grid_gathers_as_many_takers() -> None:
    def rate(step: int) -> float:
        books = (maker("ETH", "perp", step).book(2_000.0, touch="t", depth=f"d{n}", activity=1.0) for n in range(2000))
        return statistics.fmean(float(book.taker_buys) for book in books) / step

    assert rate(60 * SECOND) == pytest.approx(rate(5 * SECOND), rel=0.12)


def test_a_price_on_a_tick_is_the_best_bid() -> None:
    for ticks in (*range(100, 600), *range(300_000, 300_100)):
        price = Decimal(ticks) / 100
        book = maker("BTC", "spot").book(float(price), touch="t", depth="d", activity=1.0)
        assert book.bids[0].price == price
        assert book.asks[0].price == price + Decimal("0.01")


def test_a_coin_of_a_few_ticks_keeps_its_bids_above_nothing() -> None:
    book = maker("ETH", "spot").book(0.013, touch="t", depth="d", activity=1.0)
    assert [level.price for level in book.bids] == [Decimal("0.01")]
    assert len(book.asks) == 6


def test_a_halted_market_has_no_takers() -> None:
    book = maker("BTC", "spot").book(30_000.0, touch="t", depth="d", activity=None)
    assert book.taker_buys == book.taker_sells == 0
    assert book.bids


def test_activity_follows_volatility_within_bounds() -> None:
    assert activity("BTC", 0.0115) == 1
    assert activity("BTC", 0.0023) == pytest.approx(0.2)
    assert activity("BTC", 0) == LEAST_ACTIVITY
    assert activity("ETH", 1) == MOST_ACTIVITY
