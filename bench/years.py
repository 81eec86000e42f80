"""No year is lost: the recorded hours of 2020 to 2024 from each month's start for twelve months, at the defaults.

    python bench/years.py                  with `finalise` and with `close`, on all cores; exit code 1 at a liquidation
    python bench/years.py --top-up         the same with transfers from the spot wallet (margin.top_up)
    python bench/years.py --no-ladder      the same without margin ladder and caps: what they are for
    python bench/years.py --venue bybit    the same in one wallet, where the coins are collateral
    python bench/years.py --only 2020-10 2021-01 --months 6

The account is 100,000 at 50/30/20, half of the cash in the futures wallet where the venue has one. Fills are `touch`;
margin is checked at the recorded highs of the mark within each hour, which are put beside the panel's prices here.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from figures import Goal, Outcome
from replay import recorded

from bot.cli.replay import wishes_of
from bot.core.policy import OnMargin
from bot.core.times import HOUR, Millis, iso, parse_iso
from bot.lab import sweep
from bot.lab.stage import Wishes
from bot.lab.sweep import Figures, Job
from bot.settings import load

MONTHS = tuple(f"{2020 + month // 12}-{month % 12 + 1:02d}" for month in range(49))
"""Those from which twelve months are recorded: 2020-01 to 2024-01."""

POLICIES = tuple(OnMargin)
CONFIG = """\
venue: {venue}
environment: local
assets:
  BTC: {{target: "50%"}}
  ETH: {{target: "30%"}}
cash: {{USDT: "20%"}}
margin: {{on_margin: {policy}, top_up: {top_up}}}
journal: years.db
"""
"""What a user must say; all else is the default."""


@dataclass(frozen=True, slots=True)
class Year:
    """One account over twelve months, and what came of it."""

    month: str
    policy: OnMargin
    figures: Figures

    def row(self) -> str:
        """One line of the table."""
        known = self.figures
        if known.refused is not None:
            return f"{self.month}  {self.policy:<9}{known.refused}"
        return (f"{self.month}  {self.policy:<9}{known.hedges:>6}{known.finalised:>11}{known.liquidations:>13}"
                f"{percent(known.lowest_runway):>10}{percent(known.lowest_cash):>9}{known.off_pp:>9.2f}"
                f"{known.net_cost_bp:>9.0f}")


HEAD = (f"{'from':<9}{'policy':<9}{'hedges':>6}{'finalised':>11}{'liquidations':>13}{'runway':>10}{'cash':>9}"
        f"{'off, pp':>9}{'cost, bp':>9}")


def percent(part: Decimal | None) -> str:
    """'24.9%'; '-' where there is none."""
    return "-" if part is None else f"{part * 100:.1f}%"


def with_highs(panel: Path, folder: Path) -> Path:
    """The panel with the highest mark since the row before: of the bar that ended there, where it is recorded."""
    coins = ("btc", "eth")
    highs = [dict(_highs(panel.with_name(f"{coin.upper()}USDT_perp_1h.csv.gz"))) for coin in coins]
    path = folder / "panel.csv"
    with gzip.open(panel, "rt", encoding="ascii") as lines, path.open("w", encoding="ascii") as file:
        columns = ",".join(f"{coin}_mark_high" for coin in coins)
        file.write(f"{next(lines).rstrip()},{columns}\n")
        for line in lines:
            stamp = line.partition(",")[0]
            file.write(",".join((line.rstrip(), *(high.get(stamp, "") for high in highs))) + "\n")
    return path


def _highs(bars: Path) -> Iterator[tuple[str, str]]:
    """By the end of the bar."""
    with gzip.open(bars, "rt", encoding="ascii") as lines:
        for bar in csv.DictReader(lines):
            yield iso(parse_iso(bar["ts_utc"]) + HOUR), bar["mark_high"]


def wishes(
    policy: OnMargin, folder: Path, *, top_up: bool = False, ladder: bool = True, venue: str = "binance",
) -> Wishes:
    """What `hedgerow replay -c` makes of that configuration."""
    file = folder / f"{venue}-{policy}.yaml"
    file.write_text(CONFIG.format(venue=venue, policy=policy, top_up=str(top_up).lower()), encoding="ascii")
    levels = dict.fromkeys(("open", "close", "resize"))
    made = wishes_of(load(file, {}), bare=False, fill="touch", nav=None, levels=levels)
    if ladder:
        return made
    return replace(made, policy=replace(made.policy, margin=replace(made.policy.margin, enabled=False)))


def span_from(month: str, months: int) -> tuple[Millis, Millis]:
    """Its first instant, and that of the month so many later."""
    year, place = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + months, 12)
    return parse_iso(f"{month}-01"), parse_iso(f"{year}-{place + 1:02d}-01")


def years(
    panel: Path, wanted: Mapping[OnMargin, Wishes], begun: Sequence[str] = MONTHS, *, months: int = 12,
) -> Iterator[Year]:
    """Each year, in order of time; one process a core."""
    asked = [(month, policy) for month in begun for policy in wanted]
    digest = sweep.digest_of(panel)
    jobs = [Job(panel, digest, wanted[policy], *span_from(month, months)) for month, policy in asked]
    runner = sweep.on_cores(sweep.cores())
    found: dict[int, Figures] = {}
    following = 0
    for place, figures in runner(jobs):
        found[place] = figures
        while following in found:
            yield Year(*asked[following], found.pop(following))
            following += 1


def summary(found: Sequence[Year]) -> Iterator[str]:
    """The worst and the mean of each policy."""
    for policy in dict.fromkeys(year.policy for year in found):
        known = [year.figures for year in found if year.policy is policy]
        runways = [one.lowest_runway for one in known if one.lowest_runway is not None]
        cash = [one.lowest_cash for one in known if one.lowest_cash is not None]
        mean = {name: sum(getattr(one, name) for one in known) / Decimal(len(known))
                for name in ("hedges", "finalised", "off_pp", "spot_off_pp", "net_cost_bp")}
        yield (
            f"{policy}: {sum(one.liquidations for one in known)} liquidations in {len(known)} paths, lowest runway "
            f"{percent(min(runways, default=None))}, lowest cash {percent(min(cash, default=None))}; on average "
            f"{mean['hedges']:.1f} hedges, {mean['finalised']:.1f} finalised, {mean['off_pp']:.2f}pp from target "
            f"(coins alone {mean['spot_off_pp']:.2f}), net cost {mean['net_cost_bp']:.0f} bp of NAV a year")


def bench(rounds: int) -> Outcome:
    """So many months, spread over those there are; each with both policies."""
    recording = recorded()
    if recording is None:
        return Outcome("Years", notes=["no recorded history (HEDGEROW_SHARED): left out"])
    months = MONTHS[-1::-max(1, len(MONTHS) // rounds)][::-1][-rounds:]
    with tempfile.TemporaryDirectory() as folder:
        panel, place = with_highs(recording, Path(folder)), Path(folder)
        found = list(years(panel, {policy: wishes(policy, place) for policy in POLICIES}, months))
    lost = sum(year.figures.liquidations for year in found)
    return Outcome("Years from each month", goals=[Goal(f"liquidations in {len(found)} years", 0, lost)],
                   notes=[HEAD, *(year.row() for year in found), *summary(found)])


def main() -> None:
    """The table, and its last lines; exit code 1 where anybody was liquidated."""
    parser = argparse.ArgumentParser(description="Twelve months from each month of recorded history: no liquidation.")
    parser.add_argument("--only", nargs="+", metavar="YYYY-MM", default=MONTHS, choices=MONTHS)
    parser.add_argument("--top-up", action="store_true", help="with transfers from the spot wallet")
    parser.add_argument("--no-ladder", action="store_true", help="without margin ladder and caps")
    parser.add_argument("--months", type=int, default=12, help="so many, and not twelve")
    parser.add_argument("--venue", choices=("binance", "bybit"), default="binance")
    asked = parser.parse_args()
    recording = recorded()
    if recording is None:
        parser.error("there is no recorded history; HEDGEROW_SHARED names the folder that holds data/")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        panel, place, found = with_highs(recording, Path(folder)), Path(folder), []
        print(HEAD)
        wanted = {
            policy: wishes(policy, place, top_up=asked.top_up, ladder=not asked.no_ladder, venue=asked.venue)
            for policy in POLICIES}
        for year in years(panel, wanted, asked.only, months=asked.months):
            print(year.row(), flush=True)
            found.append(year)
    print("", *summary(found), f"{time.perf_counter() - began:.0f} s on {sweep.cores()} cores", sep="\n")
    sys.exit(1 if any(year.figures.liquidations or year.figures.refused for year in found) else 0)


if __name__ == "__main__":
    main()
