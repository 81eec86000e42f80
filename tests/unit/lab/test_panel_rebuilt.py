"""The panel that is recorded, made anew of the recorded hours: the same rows."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from pathlib import Path

from panels import recorded_panel

from bot.core.times import HOUR, iso, parse_iso
from bot.lab.bars import CoinPast, Loom

D = Decimal
SPANS = (("2021-01-01", "2021-02-01"), ("2021-02-10", "2021-02-12"), ("2021-04-20", "2021-04-26"))
"""A month, and halts of spot: with bars of no volume before, and with several hours missing."""


def recorded(name: str) -> list[dict[str, str]]:
    path: Path = recorded_panel().with_name(name)
    begin, end = "2020-12-31", "2021-04-27"
    with gzip.open(path, "rt", encoding="ascii") as lines:
        return [row for row in csv.DictReader(lines) if begin <= row["ts_utc"] < end]


def column(rows: list[dict[str, str]], name: str) -> dict[int, Decimal]:
    return {parse_iso(row["ts_utc"]): D(row[name]) for row in rows if row[name]}


def past_of(coin: str) -> CoinPast:
    spot, perp = recorded(f"{coin}USDT_spot_1h.csv.gz"), recorded(f"{coin}USDT_perp_1h.csv.gz")
    return CoinPast(
        column([row for row in spot if D(row["volume"])], "close"), column(perp, "close"), column(perp, "mark_close"),
        column(perp, "mark_high"), column(recorded("funding_8h_binance.csv.gz"), f"{coin.lower()}_rate"))


def test_the_recorded_panel_is_woven_of_the_recorded_hours() -> None:
    panel = {row["ts_utc"]: list(row.values()) for row in recorded("panel_1h_asof.csv.gz")}
    past = {coin: past_of(coin) for coin in ("BTC", "ETH")}
    stale = 0
    for begin, end in SPANS:
        loom = Loom(("BTC", "ETH"), HOUR)
        start, until = parse_iso(begin), parse_iso(end)
        woven = [line.split(",") for line in loom.lines(start, until, past)]
        assert woven == [panel[iso(at)] for at in range(start, until, HOUR)]
        stale += loom.stale
    assert stale == 10
