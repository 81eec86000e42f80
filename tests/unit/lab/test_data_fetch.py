"""History is downloaded whole, once, and as the venue told it, however badly it tells it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fake_binance import error
from past import END, PATHS, START, FakePast, price_of
from venue_values import ManualClock

from bot.core.times import HOUR, iso, parse_iso
from bot.errors import Refused, Unavailable
from bot.lab.check import check_panel
from bot.lab.fetch import Fetched, Wanted, fetch, months
from bot.venues.bars import open_history

VENUES = ("binance", "bybit")
ROWS = (END - START) // HOUR
Rows = list[Any]


@pytest.fixture(params=VENUES)
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakePast]:
    fake = FakePast(request.param)
    yield fake
    await fake.stop()


def wanted(file: Path, **changes: Any) -> Wanted:
    return replace(Wanted("a venue", ("BTC", "ETH"), START, END, HOUR, file), **changes)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


async def download(
    fake: FakePast, asked: Wanted, on_piece: Callable[[int, int, str], None] = lambda *_: None,
) -> Fetched:
    clock = ManualClock()
    past = open_history(fake.venue, clock=clock, assets=asked.assets, local_url=await fake.start())
    try:
        return await fetch(asked, past, clock, on_piece)
    finally:
        await past.close()
        await fake.stop()


async def test_rows_hold_the_closes_of_the_bars_that_ended_then(fake: FakePast, tmp_path: Path) -> None:
    fetched = await download(fake, wanted(tmp_path / "panel.csv"))
    assert (fetched.ok, fetched.rows, fetched.stale_rows, fetched.left_out, fetched.gaps) == (True, ROWS, 0, 0, ())
    assert (fetched.pieces, fetched.downloaded, fetched.settlements) == (16, 16, {"BTC": 9, "ETH": 9})
    header, first, second, *_, last = (tmp_path / "panel.csv").read_text().splitlines()
    assert header == ("ts_utc,btc_spot,btc_perp,btc_mark,btc_funding,eth_spot,eth_perp,eth_mark,eth_funding,spot_stale")
    btc, eth = price_of("BTC", START), price_of("ETH", START)
    assert first == f"{iso(START)},{btc},{btc},{btc},0.0001,{eth},{eth},{eth},0.0001,0"
    assert second.split(",")[1:5] == [str(price_of("BTC", START + HOUR))] * 3 + [""]
    assert last.startswith(iso(END - HOUR))


async def test_no_key_is_sent_and_nothing_but_get(fake: FakePast, tmp_path: Path) -> None:
    sent: list[tuple[str, set[str]]] = []

    async def watch(request: web.Request, said: object) -> web.StreamResponse:
        sent.append((request.method, {name.lower() for name in request.headers}))
        assert "signature" not in request.query
        assert "timestamp" not in request.query
        return web.json_response(said)

    fake.spoil = {f"GET {path}": watch for path in PATHS[fake.venue].values()}
    await download(fake, wanted(tmp_path / "panel.csv"))
    assert {method for method, _ in sent} == {"GET"}
    assert not {name for _, names in sent for name in names if "key" in name or "sign" in name}


async def test_the_highest_mark_stands_beside_the_mark_where_it_was_asked_for(fake: FakePast, tmp_path: Path) -> None:
    file = tmp_path / "panel.csv"
    fetched = await download(fake, wanted(file, mark_high=True))
    assert fetched.ok
    header, first = file.read_text().splitlines()[:2]
    assert header.split(",")[4] == "btc_mark_high"
    assert first.split(",")[4] == str(price_of("BTC", START - HOUR) + 120)


async def test_what_was_downloaded_is_not_asked_for_again(fake: FakePast, tmp_path: Path) -> None:
    file = tmp_path / "panel.csv.gz"
    await download(fake, wanted(file))
    before, asked = file.read_bytes(), len(fake.asked())
    again = await download(fake, wanted(file))
    assert (len(fake.asked()), again.downloaded, file.read_bytes()) == (asked, 0, before)
    assert gzip.decompress(before).startswith(b"ts_utc")


async def test_a_download_that_is_killed_between_pieces_goes_on_to_the_same_bytes(
    fake: FakePast, tmp_path: Path,
) -> None:
    whole, file = tmp_path / "whole.csv", tmp_path / "panel.csv"
    await download(fake, wanted(whole))
    all_of_it = len(fake.asked())

    class Killed(BaseException):
        pass

    def kill(done: int, _pieces: int, _latest: str) -> None:
        if done == 5:
            raise Killed

    with pytest.raises(Killed):
        await download(fake, wanted(file), kill)
    assert not file.exists()
    kept = len(list(wanted(file).folder.glob("*.csv")))
    assert 5 <= kept < 16
    fake.seen.clear()
    again = await download(fake, wanted(file))
    assert (again.downloaded, len(fake.asked()) < all_of_it) == (16 - kept, True)
    assert file.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("damage", [
    lambda text: text[:-30], lambda text: text.replace("1", "2", 1), lambda _: "", lambda _: "\x00é",
    lambda text: text.replace("spot", "perp"),
], ids=["cut", "changed", "empty", "garbage", "another's"])
async def test_a_piece_that_is_not_whole_is_downloaded_again(
    fake: FakePast, tmp_path: Path, damage: Callable[[str], str],
) -> None:
    file = tmp_path / "panel.csv"
    await download(fake, wanted(file))
    before = file.read_bytes()
    piece = next(wanted(file).folder.glob("ETH-spot-*"))
    piece.write_text(damage(piece.read_text()))
    again = await download(fake, wanted(file))
    assert (again.downloaded, file.read_bytes()) == (1, before)


async def test_another_question_is_not_answered_by_old_pieces(fake: FakePast, tmp_path: Path) -> None:
    file = tmp_path / "panel.csv"
    await download(fake, wanted(file))
    assert (await download(fake, wanted(file, source="another venue"))).downloaded == 16


async def test_hours_without_trades_on_spot_are_stale_and_carry_the_price(fake: FakePast, tmp_path: Path) -> None:
    halt = START + 10 * HOUR

    def halted(series: str, params: dict[str, Any], rows: Rows) -> Rows:
        missing = series == "spot" and params["symbol"] == "ETHUSDT"
        return [row for row in rows if not (missing and int(row[0]) in (halt, halt + HOUR))]

    fake.change = halted
    fetched = await download(fake, wanted(tmp_path / "panel.csv"))
    rows = [line.split(",") for line in (tmp_path / "panel.csv").read_text().splitlines()[1:]]
    assert [row[0] for row in rows if row[-1] == "1"] == [iso(halt), iso(halt + HOUR), iso(halt + 2 * HOUR)]
    assert {row[5] for row in rows if row[-1] == "1"} == {str(price_of("ETH", halt))}
    assert rows[11][1] == str(price_of("BTC", halt + HOUR)), "BTC was traded"
    assert [(gap.what, gap.first, gap.last, gap.rows) for gap in fetched.gaps] == [
        ("ETH spot", halt + HOUR, halt + 2 * HOUR, 2)]
    assert (fetched.stale_rows, fetched.left_out, fetched.rows) == (3, 0, ROWS)


async def test_a_bar_without_volume_is_no_trade(fake: FakePast, tmp_path: Path) -> None:
    def still(series: str, _params: dict[str, Any], rows: Rows) -> Rows:
        quiet = [row for row in rows if series == "spot" and int(row[0]) == START + 10 * HOUR]
        for row in quiet:
            row[5] = "0.00"
        return rows

    fake.change = still
    assert (await download(fake, wanted(tmp_path / "panel.csv"))).stale_rows == 2


async def test_an_hour_without_a_mark_is_no_row_and_the_file_is_told_to_have_a_gap(
    fake: FakePast, tmp_path: Path,
) -> None:
    at = START + 8 * HOUR
    fake.change = lambda series, _params, rows: [
        row for row in rows if series != "mark" or int(row[0]) != at - HOUR]
    fetched = await download(fake, wanted(tmp_path / "panel.csv"))
    assert (fetched.rows, fetched.left_out, fetched.ok) == (ROWS - 1, 1, False)
    assert {gap.what for gap in fetched.gaps} == {"BTC mark", "ETH mark", "BTC funding", "ETH funding"}
    assert any("gap" in found.text for found in fetched.report.findings)


async def test_a_gap_is_believed_only_when_the_venue_tells_it_twice(fake: FakePast, tmp_path: Path) -> None:
    told: set[str] = set()

    def once(series: str, params: dict[str, Any], rows: Rows) -> Rows:
        if series != "spot" or params["symbol"] in told:
            return rows
        told.add(params["symbol"])
        return rows[:20]

    fake.change = once
    with pytest.raises(Unavailable, match="asked twice"):
        await download(fake, wanted(tmp_path / "panel.csv"))
    assert not (tmp_path / "panel.csv").exists()
    assert (await download(fake, wanted(tmp_path / "panel.csv"))).ok


@pytest.mark.parametrize("spoil", [
    lambda rows: [rows[0], *rows], lambda rows: [rows[1], rows[0], *rows[2:]], lambda rows: rows[::-1],
    lambda rows: [[None, *rows[0][1:]], *rows[1:]], lambda rows: [[*rows[0][:4], 1.5, *rows[0][5:]], *rows[1:]],
    lambda rows: [[*rows[0][:4], "NaN", *rows[0][5:]], *rows[1:]],
    lambda rows: [[*rows[0][:4], "0", *rows[0][5:]], *rows[1:]], lambda rows: [rows[0][:3], *rows[1:]],
    lambda rows: [[*rows[0][:2], "1", *rows[0][3:]], *rows[1:]], lambda rows: [{}, *rows],
    lambda rows: [[str(START - 40 * 24 * HOUR), *rows[0][1:]], *rows[1:]],
    lambda rows: [[str(int(rows[0][0]) + 1), *rows[0][1:]], *rows[1:]], lambda _: None, lambda _: {"code": 0},
], ids=["twice", "disorder", "reversed", "no instant", "float", "NaN", "zero", "short", "high below low", "no list",
        "other span", "off the grid", "null", "object"])
async def test_bars_that_cannot_be_are_no_answer(
    fake: FakePast, tmp_path: Path, spoil: Callable[[Rows], Any],
) -> None:
    fake.change = lambda series, _params, rows: spoil(rows) if series == "perp" else rows
    with pytest.raises(Unavailable):
        await download(fake, wanted(tmp_path / "panel.csv", assets=("BTC",)))
    assert [name for name in names_in(tmp_path) if name == "panel.csv" or "perp" in name] == []


@pytest.mark.parametrize(("key", "value"), [
    ("symbol", "ETHUSDT"), ("fundingRate", "1.5"), ("fundingRate", None), ("fundingRate", 0.0001),
])
async def test_funding_that_cannot_be_is_no_answer(
    fake: FakePast, tmp_path: Path, key: str, value: object,
) -> None:
    def spoil(series: str, _params: dict[str, Any], rows: Rows) -> Rows:
        return [{**rows[0], key: value}, *rows[1:]] if series == "funding" else rows

    fake.change = spoil
    with pytest.raises(Unavailable):
        await download(fake, wanted(tmp_path / "panel.csv", assets=("BTC",)))


async def test_a_settlement_between_two_rows_is_refused(fake: FakePast, tmp_path: Path) -> None:
    key = "fundingTime" if fake.venue == "binance" else "fundingRateTimestamp"

    def spoil(series: str, _params: dict[str, Any], rows: Rows) -> Rows:
        return [{**rows[0], key: int(rows[0][key]) + HOUR // 2}, *rows[1:]] if series == "funding" else rows

    fake.change = spoil
    with pytest.raises(Unavailable, match="between two rows"):
        await download(fake, wanted(tmp_path / "panel.csv", assets=("BTC",)))


async def test_silence_is_kept_and_then_it_goes_on(tmp_path: Path) -> None:
    fake = FakePast("binance")
    usual = fake.replies["GET /fapi/v1/klines"]
    said = iter([error(429, -1003, Retry_After="7")])
    fake.replies["GET /fapi/v1/klines"] = lambda params: next(said, None) or usual(params)
    assert (await download(fake, wanted(tmp_path / "panel.csv", assets=("BTC",)))).ok


async def test_a_coin_that_the_venue_does_not_know_is_refused(tmp_path: Path) -> None:
    fake = FakePast("binance")
    fake.replies["GET /api/v3/klines"] = lambda _: error(400, -1121, "Invalid symbol.")
    with pytest.raises(Refused, match="Invalid symbol"):
        await download(fake, wanted(tmp_path / "panel.csv"))


async def test_nothing_is_written_where_there_is_nothing(fake: FakePast, tmp_path: Path) -> None:
    fake.change = lambda *_: []
    with pytest.raises(Unavailable, match="not written"):
        await download(fake, wanted(tmp_path / "panel.csv"))
    assert names_in(tmp_path) == []


def test_months_end_where_they_do() -> None:
    start, end = parse_iso("2020-12-30T05:00:00Z"), parse_iso("2021-02-01T01:00:00Z")
    assert [(iso(first), iso(until)) for first, until in months(start, end)] == [
        ("2020-12-30T05:00:00Z", "2021-01-01T00:00:00Z"), ("2021-01-01T00:00:00Z", "2021-02-01T00:00:00Z"),
        ("2021-02-01T00:00:00Z", "2021-02-01T01:00:00Z")]


async def test_the_file_is_one_that_check_relies_on(fake: FakePast, tmp_path: Path) -> None:
    await download(fake, wanted(tmp_path / "panel.csv"))
    assert await asyncio.to_thread(lambda: check_panel(tmp_path / "panel.csv").ok)
