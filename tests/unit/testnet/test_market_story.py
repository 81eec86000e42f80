from __future__ import annotations

import hashlib
import itertools
import math
import os
import statistics
from decimal import Decimal
from pathlib import Path

import pytest

from bot.core.money import is_multiple
from bot.core.times import HOUR, MINUTE, SECOND, Millis, parse_iso
from bot.errors import ConfigError
from bot.testnet.market.panel import read_panel
from bot.testnet.market.rows import Rows, Track, running_sigma
from bot.testnet.market.story import PathMode, Story, panel_story
from bot.testnet.specs import INSTRUMENTS

START = parse_iso("2021-01-28")


def track(
    *spot: float, basis: float = 1.001, stale: tuple[bool, ...] | None = None,
    funding: dict[Millis, Decimal] | None = None, sigma: float = 0.005,
) -> Track:
    return Track(
        spot=spot, perp=tuple(round(price * basis, 2) for price in spot),
        mark=tuple(round(price * basis * 1.0001, 2) for price in spot), sigma=(sigma,) * len(spot),
        stale=stale or (False,) * len(spot), funding=funding or {},
    )


def rows(btc: Track, start: Millis = START, eth: Track | None = None) -> Rows:
    tracks = {"BTC": btc} if eth is None else {"BTC": btc, "ETH": eth}
    return Rows(start=start, spacing=HOUR, count=len(btc.spot), tracks=tracks)


PRICES = (30000.0, 30300.07, 30210.5, 29950.25)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("mode", list(PathMode))
def test_every_row_is_met_exactly(seed: int, mode: PathMode) -> None:
    coin = track(*PRICES)
    story = Story(rows(coin), seed=seed, path_mode=mode)
    for k in range(4):
        state = story.at("BTC", START + k * HOUR)
        assert state.spot.bids[0].price <= Decimal(str(coin.spot[k])) <= state.spot.asks[0].price
        assert state.perp.bids[0].price <= Decimal(str(coin.perp[k])) <= state.perp.asks[0].price
        assert state.mark == Decimal(str(coin.mark[k]))


def test_recorded_history_is_met_row_by_row() -> None:
    root = Path(os.environ.get("HEDGEROW_SHARED") or Path(__file__).parents[4] / "shared")
    path = root / "data" / "panel_1h_asof.csv.gz"
    if not path.exists():
        pytest.skip(f"no recorded history: {path} is absent (HEDGEROW_SHARED names the folder that holds data/)")
    end = parse_iso("2021-02-21")
    story = panel_story(path, start=START, end=end, seed=7)
    assert (story.start, story.end, list(story.assets)) == (START, end, ["BTC", "ETH"])
    track = read_panel(path, start=START, end=end, assets=("BTC",)).tracks["BTC"]
    for k in range(24 * 24 + 1):
        state = story.at("BTC", START + k * HOUR)
        assert state.mark == Decimal(str(track.mark[k]))
        assert state.spot.bids[0].price <= Decimal(str(track.spot[k])) <= state.spot.asks[0].price
    assert story.next_funding("BTC", START) == START + 8 * HOUR
    assert story.funding_interval("BTC", START) == 8 * HOUR
    halt = parse_iso("2021-02-11T03:00:00Z")
    assert [k for k in range(-3, 6) if story.spot_halted("BTC", halt + k * HOUR)] == [0, 1, 2]


def test_answers_do_not_depend_on_what_was_asked_before() -> None:
    one, two = Story(rows(track(*PRICES)), seed=5), Story(rows(track(*PRICES)), seed=5)
    instants = [START + k * 35 * SECOND for k in range(250)]
    ahead = [one.at("BTC", at) for at in instants]
    marks = [two.mark("BTC", at) for at in reversed(instants)]
    behind = [two.at("BTC", at) for at in reversed(instants)]
    assert ahead == behind[::-1]
    assert [state.mark for state in ahead] == marks[::-1]


def test_a_story_that_starts_later_or_ends_earlier_tells_the_same() -> None:
    whole = Story(rows(track(*PRICES)), seed=5)
    cut = Story(rows(track(*PRICES[1:3]), start=START + HOUR), seed=5)
    for at in range(START + HOUR, START + 2 * HOUR, 15 * SECOND):
        assert cut.at("BTC", at) == whole.at("BTC", at)


def test_a_coin_tells_the_same_alone_or_in_company() -> None:
    alone = Story(rows(track(*PRICES)), seed=5)
    company = Story(rows(track(*PRICES), eth=track(*(price / 25 for price in PRICES))), seed=5)
    at = START + 25 * MINUTE
    assert company.at("BTC", at) == alone.at("BTC", at)
    assert list(company.assets) == ["BTC", "ETH"]


def test_this_seed_has_told_this_story_since_it_was_written() -> None:
    story = Story(rows(track(*PRICES), eth=track(*(round(price / 25, 2) for price in PRICES))), seed=7)
    digest = hashlib.blake2b(digest_size=8)
    for at in range(story.start, story.end + 1, 5 * MINUTE):
        for asset in story.assets:
            digest.update(repr(story.at(asset, at)).encode())
    assert digest.hexdigest() == "e0d34007d26c6b82"


def test_another_seed_tells_another_story() -> None:
    at = START + 30 * MINUTE
    assert Story(rows(track(*PRICES)), seed=1).at("BTC", at) != Story(rows(track(*PRICES)), seed=2).at("BTC", at)


def test_everything_is_on_tick_and_lot_and_no_book_is_crossed() -> None:
    eth = track(*(price / 25 for price in PRICES))
    story = Story(rows(track(*PRICES), eth=eth), seed=3)
    for asset in story.assets:
        specs = INSTRUMENTS[asset]
        for at in range(story.start, story.end, 55 * SECOND):
            state = story.at(asset, at)
            for book, tick, lot in (
                (state.spot, specs.spot_tick, specs.spot_lot), (state.perp, specs.price_tick, specs.amount_step),
            ):
                bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
                assert bids == sorted(set(bids), reverse=True)
                assert asks == sorted(set(asks))
                assert bids[0] < asks[0]
                assert all(is_multiple(price, tick) for price in bids + asks)
                sizes = [level.quantity for level in (*book.bids, *book.asks)]
                assert all(is_multiple(size, lot) and size > 0 for size in sizes)
                assert is_multiple(book.taker_buys, lot)
                assert book.taker_buys >= 0
            assert is_multiple(state.mark, Decimal("0.01"))
            assert state.index == (state.spot.bids[0].price + state.spot.asks[0].price) / 2


def test_the_mark_alone_is_the_mark_of_the_whole() -> None:
    story = Story(rows(track(*PRICES)), seed=3)
    for at in range(story.start, story.end, 7 * MINUTE + 3 * SECOND):
        assert story.mark("BTC", at) == story.at("BTC", at).mark


def test_nothing_changes_between_grid_instants() -> None:
    story = Story(rows(track(*PRICES)), seed=3)
    at = START + 10 * MINUTE
    assert story.at("BTC", at + 4_999) == story.at("BTC", at)
    assert story.at("BTC", at + 5_000) != story.at("BTC", at)


def test_before_the_beginning_and_after_the_end_the_nearest_row_answers() -> None:
    story = Story(rows(track(*PRICES)), seed=3)
    assert story.end == START + 3 * HOUR
    assert story.at("BTC", story.end + HOUR) == story.at("BTC", story.end)
    assert story.at("BTC", START - HOUR) == story.at("BTC", START)


def test_held_prices_stand_still_until_the_next_row() -> None:
    story = Story(rows(track(*PRICES)), seed=3, path_mode="step")
    for k in range(3):
        books = [story.at("BTC", START + k * HOUR + at) for at in range(0, HOUR, 20 * SECOND)]
        for price in (
            {book.spot.bids[0].price for book in books}, {book.perp.asks[0].price for book in books},
            {book.mark for book in books}, {book.index for book in books},
        ):
            assert len(price) == 1
    assert len({story.mark("BTC", START + k * HOUR) for k in range(4)}) == 4


def test_volatility_is_remembered_for_a_day() -> None:
    sigma = running_sigma((100.0, 110.0, 110.0))
    jump = math.log(1.1) ** 2
    assert sigma[0] == 0.005
    assert sigma[1] == pytest.approx(math.sqrt(0.005**2 * 23 / 24 + jump / 24))
    assert sigma[2] == pytest.approx(sigma[1] * math.sqrt(23 / 24))
    assert min(running_sigma((100.0,) * 500)) == 0.0002


def test_the_path_wanders_as_widely_as_the_rows_say() -> None:
    story = Story(rows(track(*(30000.0,) * 50, sigma=0.01)), seed=3)
    marks = [float(story.mark("BTC", at)) for at in range(story.start, story.end + 1, 60 * SECOND)]
    squares = sum(math.log(after / before) ** 2 for before, after in itertools.pairwise(marks))
    assert math.sqrt(squares / 49) == pytest.approx(0.01, rel=0.1)


def test_the_mark_stays_close_to_index_and_perpetual() -> None:
    story = Story(rows(track(*PRICES, sigma=0.02)), seed=3)
    for at in range(story.start, story.end, 40 * SECOND):
        state = story.at("BTC", at)
        assert abs(state.mark / state.index - 1) < Decimal("0.0015")
        assert abs(state.mark / state.perp.bids[0].price - 1) < Decimal("0.002")


@pytest.mark.parametrize(("sigma", "still"), [(0.0115, math.exp(-0.52 * 5)), (0.00345, math.exp(-0.52 * 1.5))])
def test_prices_stand_still_as_often_as_the_day_is_quiet(sigma: float, still: float) -> None:
    story = Story(rows(track(*(30000.0,) * 6, sigma=sigma)), seed=3)
    marks = [story.mark("BTC", at) for at in range(story.start, story.end, 5 * SECOND)]
    same = statistics.fmean(before == after for before, after in itertools.pairwise(marks))
    assert same == pytest.approx(still, abs=0.03)


def test_a_halted_spot_market_is_frozen_while_the_perpetual_trades_on() -> None:
    coin = Track(
        spot=(30000.0, 30000.0, 30600.0), perp=(30010.0, 30500.0, 30610.0), mark=(30010.0, 30500.0, 30610.0),
        sigma=(0.005,) * 3, stale=(False, True, False), funding={},
    )
    story = Story(rows(coin), seed=3)
    halted = [story.at("BTC", at) for at in range(START + 5 * SECOND, START + HOUR, 20 * SECOND)]
    assert len({state.spot for state in halted}) == 1
    assert halted[0].spot.taker_buys == halted[0].spot.taker_sells == 0
    assert len({state.perp.bids[0].price for state in halted}) > 50
    assert any(state.perp.taker_buys > 0 for state in halted)
    assert story.spot_halted("BTC", START + 30 * MINUTE)
    assert not story.spot_halted("BTC", START)
    assert not story.spot_halted("BTC", START + 90 * MINUTE)
    assert story.at("BTC", START + 90 * MINUTE).spot.taker_buys > 0


def test_funding_settles_at_the_rows_that_give_it() -> None:
    rates = {START + 8 * HOUR: Decimal("0.0001"), START + 16 * HOUR: Decimal("-0.0003")}
    story = Story(rows(track(*(30000.0,) * 20, funding=rates)), seed=3)
    assert story.funding_interval("BTC", START) == 8 * HOUR
    assert story.next_funding("BTC", START) == START + 8 * HOUR
    assert story.next_funding("BTC", START + 8 * HOUR - 1) == START + 8 * HOUR
    assert story.next_funding("BTC", START + 8 * HOUR) == START + 16 * HOUR
    assert story.funding_rate("BTC", START + 8 * HOUR) == Decimal("0.0001")
    assert story.funding_rate("BTC", START + 16 * HOUR) == Decimal("-0.0003")


def test_past_the_last_settlement_the_next_one_lies_beyond_the_end() -> None:
    rates = {START: Decimal("0.0001"), START + 4 * HOUR: Decimal("0.0002")}
    story = Story(rows(track(*(30000.0,) * 12, funding=rates)), seed=3)
    assert story.next_funding("BTC", START + 4 * HOUR) == START + 12 * HOUR
    assert story.next_funding("BTC", START + 4 * HOUR) > story.end
    assert story.funding_rate("BTC", START + 12 * HOUR) == Decimal("0.0002")


def test_the_interval_follows_the_settlements() -> None:
    hours = (0, 8, 12, 16, 17)
    story = Story(rows(track(*(30000.0,) * 20, funding={START + h * HOUR: Decimal(0) for h in hours})), seed=3)
    asked = (0, 7, 8, 13, 16, 19)
    assert [story.funding_interval("BTC", START + h * HOUR) // HOUR for h in asked] == [8, 8, 4, 4, 1, 1]


def test_a_story_without_funding_has_none_to_settle() -> None:
    story = Story(rows(track(*PRICES)), seed=3)
    assert story.funding_interval("BTC", START) == 8 * HOUR
    assert story.next_funding("BTC", START) == START + 8 * HOUR
    assert story.funding_rate("BTC", START + 8 * HOUR) == 0


@pytest.mark.parametrize("step", [0, -5000, 7000, 2 * HOUR])
def test_a_grid_that_misses_rows_is_refused(step: Millis) -> None:
    with pytest.raises(ConfigError, match="allowed: a divisor of the rows' spacing, 3600000 ms"):
        Story(rows(track(*PRICES)), step=step)


def test_an_unknown_path_mode_is_refused() -> None:
    with pytest.raises(ConfigError, match="testnet path: 'jump'; allowed: bridge, step"):
        Story(rows(track(*PRICES)), path_mode="jump")


def test_a_coin_without_specification_is_refused() -> None:
    unknown = Rows(start=START, spacing=HOUR, count=4, tracks={"SOL": track(*PRICES)})
    with pytest.raises(ConfigError, match="no contract specification of SOL; allowed: BTC, ETH"):
        Story(unknown)


def test_another_grid_keeps_rows_and_order_independence() -> None:
    story = Story(rows(track(*PRICES)), seed=3, step=MINUTE)
    assert story.mark("BTC", START + HOUR) == Decimal(str(track(*PRICES).mark[1]))
    later = story.mark("BTC", START + 50 * MINUTE)
    assert Story(rows(track(*PRICES)), seed=3, step=MINUTE).mark("BTC", START + 50 * MINUTE) == later
