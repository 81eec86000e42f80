"""What the scenarios promise: the habits of the windows they were matched to, and a story for the demo."""

from __future__ import annotations

import csv
import functools
import gzip
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.core.times import DAY, HOUR, parse_iso
from bot.errors import ConfigError
from bot.testnet.market.regimes import SCENARIOS
from bot.testnet.market.rows import Rows
from bot.testnet.market.scenarios import scenario_rows, scenario_story

SEEDS = range(20)
WINDOWS = {
    "calm": "calm", "bull": "bull_positive_funding", "crash": "crash", "v_recovery": "v_recovery",
    "negative_funding": "negative_funding", "sideways": "sideways",
}


def shared(name: str) -> Path:
    root = Path(os.environ.get("HEDGEROW_SHARED") or Path(__file__).parents[4] / "shared")
    path = root / "data" / name
    if not path.exists():
        pytest.skip(f"no recorded windows: {path} is absent (HEDGEROW_SHARED names the folder that holds data/)")
    return path


@functools.cache
def window(name: str) -> dict[str, Any]:
    windows = json.loads(shared("windows.json").read_text())
    return next(found for found in windows if found["name"] == WINDOWS[name])


@functools.cache
def closes(asset: str) -> dict[str, float]:
    with gzip.open(shared(f"{asset}USDT_spot_1h.csv.gz"), "rt") as lines:
        return {row["ts_utc"]: float(row["close"]) for row in csv.DictReader(lines)}


def changes(prices: Sequence[float]) -> list[float]:
    return [math.log(after / before) for before, after in itertools.pairwise(prices)]


@functools.cache
def stories(name: str) -> tuple[Rows, ...]:
    return tuple(scenario_rows(name, seed=seed) for seed in SEEDS)


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_volatility_and_funding_are_within_a_fifth_of_the_window(name: str, asset: str) -> None:
    real = window(name)[asset]
    volatility = statistics.fmean(
        statistics.pstdev(changes(rows.tracks[asset].spot)) * math.sqrt(365 * 24) for rows in stories(name)
    )
    funding = statistics.fmean(
        statistics.fmean(map(float, rows.tracks[asset].funding.values())) for rows in stories(name)
    )
    assert volatility == pytest.approx(real["realized_vol_annual"], rel=0.2)
    assert funding == pytest.approx(real["funding_mean_8h"], rel=0.2)


@pytest.mark.parametrize("name", WINDOWS)
def test_the_coins_move_together_as_in_the_window(name: str) -> None:
    span = window(name)["start_utc"], window(name)["end_utc_exclusive"]
    stamps = [at for at in closes("BTC") if span[0] <= at < span[1] and at in closes("ETH")]
    real = statistics.correlation(*(changes([closes(asset)[at] for at in stamps]) for asset in ("BTC", "ETH")))
    ours = statistics.fmean(
        statistics.correlation(*(changes(rows.tracks[asset].spot) for asset in ("BTC", "ETH")))
        for rows in stories(name)
    )
    assert ours == pytest.approx(real, rel=0.2)


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_prices_end_about_where_the_window_ended(name: str, asset: str) -> None:
    totals = [rows.tracks[asset].spot[-1] / rows.tracks[asset].spot[0] - 1 for rows in stories(name)]
    assert statistics.fmean(totals) == pytest.approx(window(name)[asset]["return"], abs=0.06)


@pytest.mark.parametrize(("name", "memory"), [("calm", 0.3), ("sideways", 0.95)])
def test_the_basis_persists_and_the_mark_does_not_stray_from_it(name: str, memory: float) -> None:
    kept, strayed, means = [], [], []
    for rows in stories(name):
        track = rows.tracks["BTC"]
        basis = [perp / spot - 1 for perp, spot in zip(track.perp, track.spot, strict=True)]
        mark = [mark / perp - 1 for mark, perp in zip(track.mark, track.perp, strict=True)]
        kept.append(statistics.correlation(basis[:-1], basis[1:]))
        strayed.append(statistics.correlation(mark[:-1], mark[1:]))
        means.append(statistics.fmean(basis) * 10_000)
    assert statistics.fmean(kept) == pytest.approx(memory, abs=0.05)
    assert statistics.fmean(strayed) == pytest.approx(0, abs=0.05)
    coin = SCENARIOS[name].legs[0].regime.coins["BTC"]
    assert statistics.fmean(means) == pytest.approx(coin.basis, abs=0.5)


@pytest.mark.parametrize("name", WINDOWS)
def test_a_scenario_takes_as_long_as_its_window(name: str) -> None:
    assert SCENARIOS[name].days == window(name)["days"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_rows_are_hourly_and_end_where_they_say(name: str) -> None:
    start = parse_iso("2030-06-01T05:00:00Z")
    rows = scenario_rows(name, seed=3, start=start, days=10)
    assert (rows.start, rows.spacing, rows.count, rows.end) == (start, HOUR, 241, start + 10 * DAY)
    assert sum(leg.share for leg in SCENARIOS[name].legs) == pytest.approx(1)
    for asset in ("BTC", "ETH"):
        track = rows.tracks[asset]
        assert track.spot[0] == SCENARIOS[name].prices[asset]
        assert len(track.spot) == len(track.perp) == len(track.mark) == len(track.sigma) == len(track.stale) == 241
        assert not any(track.stale)
        assert min(track.spot) > 0
        assert [at % (8 * HOUR) for at in track.funding] == [0] * 30
        assert all(rate == rate.quantize(Decimal("0.00000001")) for rate in track.funding.values())


@pytest.mark.parametrize("name", SCENARIOS)
def test_mark_and_index_stay_closer_than_the_guards_allow(name: str) -> None:
    for rows in (scenario_rows(name, seed=seed) for seed in range(4)):
        for track in rows.tracks.values():
            apart = [abs(mark / spot - 1) for mark, spot in zip(track.mark, track.spot, strict=True)]
            assert max(apart) < 0.0095


def test_a_seed_is_a_story_and_another_seed_another() -> None:
    assert scenario_rows("bull", seed=1) == scenario_rows("bull", seed=1)
    assert scenario_rows("bull", seed=1) != scenario_rows("bull", seed=2)


def test_a_coin_alone_is_the_coin_in_company() -> None:
    both, alone = scenario_rows("crash", seed=1), scenario_rows("crash", seed=1, assets=("ETH",))
    assert list(alone.tracks) == ["ETH"]
    assert alone.tracks["ETH"] == both.tracks["ETH"]


def test_another_process_tells_the_same_story() -> None:
    code = (
        "from bot.testnet.market.scenarios import scenario_story\n"
        "story = scenario_story('demo', seed=1)\n"
        "print(story.at('BTC', story.start + 777_777_000))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    story = scenario_story("demo", seed=1)
    assert other.stdout.strip() == str(story.at("BTC", story.start + 777_777_000))


def test_a_longer_story_takes_the_same_journey() -> None:
    for days in (24, 60):
        ends = [
            math.log(rows.tracks["BTC"].spot[-1] / rows.tracks["BTC"].spot[0])
            for rows in (scenario_rows("bull", seed=seed, days=days) for seed in range(10))
        ]
        assert statistics.fmean(ends) == pytest.approx(0.609, abs=0.1)


@pytest.mark.parametrize(("wrong", "words"), [
    ({"name": "boom"}, "scenario 'boom' is unknown; allowed: calm, bull, crash"),
    ({"days": 0}, "scenario days: 0; allowed: 1 or more"),
    ({"start": 5}, "scenario start: 5; allowed: a full hour"),
    ({"assets": ("SOL",)}, "scenario asset 'SOL' is unknown; allowed: BTC, ETH"),
])
def test_a_wrong_wish_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scenario_rows(**{"name": "calm", **wrong})
    assert words in str(caught.value)


def hedges(rows: Rows, asset: str, opens: float) -> list[str]:
    """What the rule would do to one coin of 50% BTC, 30% ETH, 20% cash: excess of NAV, sold on paper."""
    coins = {"BTC": 0.5 / rows.tracks["BTC"].spot[0], "ETH": 0.3 / rows.tracks["ETH"].spot[0]}
    target = {"BTC": 0.5, "ETH": 0.3}[asset]
    done, short, gained, last = [], 0.0, 0.0, rows.tracks[asset].spot[0]
    for hour in range(rows.count):
        price = rows.tracks[asset].spot[hour]
        gained += short * (last - price)
        last = price
        nav = sum(amount * rows.tracks[coin].spot[hour] for coin, amount in coins.items()) + 0.2 + gained
        excess = coins[asset] * price - target * nav
        if not short and excess >= opens * nav:
            done.append("open")
            short = excess / price
        elif short and excess <= 0.01 * nav:
            done.append("close")
            short = 0.0
        elif short and abs(excess - short * price) >= 0.01 * nav:
            done.append("resize")
            short = excess / price
    return done


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("days", [30, 35, 40])
@pytest.mark.parametrize("opens", [0.03, 0.05])
@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_the_demo_opens_resizes_and_closes(seed: int, days: int, opens: float, asset: str) -> None:
    done = hedges(scenario_rows("demo", seed=seed, days=days), asset, opens)
    assert done[0] == "open"
    assert done.count("resize") >= 1
    assert "close" in done
