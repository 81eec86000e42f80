"""A second reckoning of DOMAIN §9's bare, immediate replay: nothing of the bot's, sixty lines of Decimal."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

COINS = ("BTC", "ETH")
TARGET = {"BTC": Decimal("0.5"), "ETH": Decimal("0.3")}
CONTRACT = {"BTC": Decimal("0.001"), "ETH": Decimal("0.01")}
FEE = Decimal("0.0002")


def booked(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("1e-8"))


def reckon(path: Path, begin: str, end: str, *, nav: int, opens: str, close: str, resize: str) -> dict[str, Any]:
    """The account at the end. `begin` and `end` (exclusive) are compared with the stamps as texts."""
    levels = tuple(map(Decimal, (opens, close, resize)))
    with localcontext(prec=50), (gzip.open(path, "rt") if path.suffix == ".gz" else path.open()) as file:
        account: dict[str, Any] = {"rows": 0, "stale_rows": 0, "trades": 0}
        for name in ("episodes", "funding", "fees", "realised_pnl", "short_base", "entry"):
            account[name] = dict.fromkeys(COINS, Decimal(0))
        for line in csv.DictReader(file):
            if begin <= line["ts_utc"] < end:
                _row(account, line, Decimal(nav), levels)
    return account


def _row(account: dict[str, Any], line: Mapping[str, str], start: Decimal, levels: tuple[Decimal, ...]) -> None:
    spot, perp, mark = (
        {coin: Decimal(line[f"{coin.lower()}_{kind}"]) for coin in COINS} for kind in ("spot", "perp", "mark"))
    short, entry = account["short_base"], account["entry"]
    if not account["rows"]:
        account["holdings"] = {coin: TARGET[coin] * start / spot[coin] for coin in COINS}
        account["cash"] = start - sum(account["holdings"][coin] * spot[coin] for coin in COINS)
    account["rows"] += 1
    for coin in COINS:
        rate = line[f"{coin.lower()}_funding"]
        if rate:
            received = booked(short[coin] * mark[coin] * Decimal(rate))
            account["cash"] += received
            account["funding"][coin] += received
    if line["spot_stale"] == "1":
        account["stale_rows"] += 1
    else:
        values = {coin: account["holdings"][coin] * spot[coin] for coin in COINS}
        unrealised = sum(short[coin] * (entry[coin] - mark[coin]) for coin in COINS)
        nav = sum(values.values()) + account["cash"] + unrealised
        for coin in COINS:
            wanted = _wanted(values[coin] - TARGET[coin] * nav, spot[coin], short[coin], CONTRACT[coin],
                             [level * nav for level in levels])
            if wanted != short[coin]:
                _trade(account, coin, wanted, perp[coin])
    account["unrealised_pnl"] = sum(booked(short[coin] * (entry[coin] - mark[coin])) for coin in COINS)
    account["nav"] = account["cash"] + account["unrealised_pnl"] + sum(
        account["holdings"][coin] * spot[coin] for coin in COINS)
    share = (account["cash"] + account["unrealised_pnl"]) / account["nav"]
    account["lowest_cash_share"] = min(share, account.get("lowest_cash_share", share))


def _wanted(excess: Decimal, price: Decimal, short: Decimal, contract: Decimal, levels: list[Decimal]) -> Decimal:
    opens, close, resize = levels
    whole = excess // (price * contract) * contract
    if not short:
        return whole if excess >= opens else short
    if excess <= close:
        return Decimal(0)
    gap = abs(excess - short * price)
    return whole if gap >= resize and abs(excess - whole * price) < gap else short


def _trade(account: dict[str, Any], coin: str, wanted: Decimal, price: Decimal) -> None:
    short, entry = account["short_base"], account["entry"]
    change, fee = wanted - short[coin], booked(abs(wanted - short[coin]) * price * FEE)
    account["trades"] += 1
    account["fees"][coin] += fee
    account["cash"] -= fee
    if change > 0:
        account["episodes"][coin] += not short[coin]
        entry[coin] = (entry[coin] * short[coin] + price * change) / wanted
    else:
        realised = booked(-change * (entry[coin] - price))
        account["realised_pnl"][coin] += realised
        account["cash"] += realised
    short[coin] = wanted
