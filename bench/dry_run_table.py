"""The table of docs/dry-run.md: one story with real (testnet) orders and as a dry run, change by change.

    python bench/dry_run_table.py
"""

from __future__ import annotations

import sys
import tempfile
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from rehearsals import SAME, Pair, Work, play_twice  # noqa: E402 -- the path first

from bot.core.money import plain  # noqa: E402
from bot.core.times import SECOND, iso  # noqa: E402
from bot.journal.reader import read_books, read_status  # noqa: E402

HEAD = "| decided | coin | change | wanted short | real price | dry price | dry later by | why they differ |"


def main() -> None:
    for on_timeout, patience in (("wait", "2m"), ("cross", "1ms")):
        with tempfile.TemporaryDirectory() as folder:
            pair, _ = play_twice(Path(folder), days=30, poll="1h", on_timeout=on_timeout, patience=patience)
            print(f"\n### `on_timeout: {on_timeout}`, `patience: {patience}`\n")
            print(HEAD)
            print("|" + "---|" * HEAD.count(" |"))
            for row in pair.rows():
                later = ((row.dry.done_at or 0) - (row.real.done_at or 0)) // SECOND
                cause = "" if row.cause == SAME else row.cause
                print(f"| {iso(row.real.at)[:16]} | {row.real.asset} | {row.real.action} | {_goals(row.real, row.dry)} "
                      f"| {_price(row.real)} | {_price(row.dry)} | {f'{later} s' if later else ''} | {cause} |")
            _totals(pair)


def _goals(real: Work, dry: Work) -> str:
    ours, theirs = plain(real.goal), plain(dry.goal)
    return ours if ours == theirs else f"{ours}, dry {theirs}"


def _price(work: Work) -> str:
    return "" if work.price is None else plain(work.price.quantize(Decimal("0.01")))


def _totals(pair: Pair) -> None:
    print("\n| | real | dry |\n|---|---|---|")
    books = [read_books(one) for one in (pair.real, pair.dry)]
    navs = [read_status(one).nav for one in (pair.real, pair.dry)]
    figures = {
        "fills": [str(len(one.fills)) for one in books],
        "of them as maker": [str(sum(fill.maker for fill in one.fills)) for one in books],
        "fees": [plain(sum(one.fees.values(), Decimal(0))) for one in books],
        "realised": [plain(one.realised) for one in books],
        "funding received": [plain(one.funding_received) for one in books],
        "NAV at the end": [plain(nav.quantize(Decimal("0.01"))) if nav is not None else "" for nav in navs],
    }
    for name, (real, dry) in figures.items():
        print(f"| {name} | {real} | {dry} |")
    alike = sum(row.decided_alike for row in pair.rows())
    print(f"\n{alike} of {len(pair.rows())} decisions to change a hedge are the same.")


if __name__ == "__main__":
    main()
