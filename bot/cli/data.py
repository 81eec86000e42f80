"""`hedgerow data`: history files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.configured import AsJson
from bot.cli.exits import Code, CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from rich.progress import Progress

    from bot.core.times import Millis
    from bot.lab.fetch import Fetched
    from bot.lab.fetch import Progress as OnPiece

CLI = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after history files.")
SHOWN = 20


@CLI.callback()
def group() -> None:
    """History files: what a replay, a sweep and the local testnet read."""


@CLI.command(short_help="Can this history be relied on?")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A panel file (CSV or CSV.gz).")], *,
    as_json: AsJson = False,
) -> None:
    """Tell whether a panel file can be relied on: exit 0 if it can, 4 if not.

    Looks for gaps, rows twice or out of order, prices that are none, settlements that are missing or too many, and too
    many rows without trades on spot. Each finding has its line.

    \b
    Example:
      hedgerow data check panel.csv.gz
    """
    from bot.cli import render
    from bot.core.times import iso
    from bot.lab.check import check_panel

    report = check_panel(file)
    if as_json:
        typer.echo(render.to_json(report))
    else:
        span = "" if report.first is None or report.last is None else f"{iso(report.first)} to {iso(report.last)}, "
        typer.echo(f"{file}: {', '.join(report.assets)}; {report.rows:,} rows, {span}{report.stale_rows} stale")
        for found in report.findings[:SHOWN]:
            typer.echo(f"  {'the file' if found.line is None else f'line {found.line}'}: {found.text}")
        if len(report.findings) > SHOWN:
            typer.echo(f"  and {len(report.findings) - SHOWN} more (--json has all of them)")
    if not report.ok:
        raise CommandFailed(Code.CONFIGURATION, f"{file}: {len(report.findings)} findings")


@CLI.command(short_help="Download history.")
def fetch(
    venue: Annotated[str, typer.Option(metavar="binance|bybit", help="Whose history.")],
    assets: Annotated[str, typer.Option(metavar="LIST", help="Coins against USDT, such as BTC,ETH.")],
    begin: Annotated[str, typer.Option("--from", metavar="DATE", help="First instant (UTC).")],
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="The instant before which it ends.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The panel file: .csv or .csv.gz.")], *,
    interval: Annotated[str, typer.Option(metavar="1m|5m|15m|30m|1h", help="Between two rows.")] = "1h",
    mark_high: Annotated[bool, typer.Option(
        "--mark-high",
        help="Add each coin's highest mark since the row before, at which replay checks margin.")] = False,
    url: Annotated[str | None, typer.Option(
        metavar="URL", show_default=False, help="Of a local testnet, instead of the venue's own hosts.")] = None,
    as_json: AsJson = False,
) -> None:
    """Download spot, perpetual and mark prices and funding into a panel file. No key is needed, and none is sent.

    What was downloaded is kept in FILE.parts, month by month: interrupt it whenever you like, the same command goes on.
    It ends with 4 where the file cannot be relied on, and with 5 where the venue could not be reached.

    \b
    Examples:
      hedgerow data fetch --venue binance --assets BTC,ETH \\
        --from 2023-01-01 --to 2024-01-01 --out panel.csv.gz
    """
    from bot import app
    from bot.cli import render
    from bot.cli.testnet import option
    from bot.errors import Refused, SafetyStop
    from bot.venues.bars import INTERVALS, VENUES

    if venue not in VENUES:
        raise typer.BadParameter(f"{venue!r} is none of {', '.join(VENUES)}", param_hint="--venue")
    if interval not in INTERVALS:
        raise typer.BadParameter(f"{interval!r} is none of {', '.join(INTERVALS)}", param_hint="--interval")
    first, until = option("--from", _instant, begin), option("--to", _instant, end)
    if first % INTERVALS[interval] or until % INTERVALS[interval] or first >= until:
        raise typer.BadParameter(f"--from must be before --to, both whole multiples of {interval}", param_hint="--from")
    _check_out(out)
    coins = option("--assets", _coins, assets)
    try:
        fetched = _with_progress(lambda on_piece: app.fetch_history(
            venue, assets=coins, start=first, end=until, interval=interval, file=out, mark_high=mark_high, url=url,
            on_piece=on_piece))
    except KeyboardInterrupt:
        typer.echo(f"stopped; {out}.parts keeps what is there, and the same command goes on", err=True)
        return
    except Refused as refused:
        if isinstance(refused, SafetyStop):
            raise
        raise CommandFailed(Code.CONFIGURATION, f"{venue} has no such history: {refused}") from None
    if as_json:
        typer.echo(render.to_json(fetched))
    else:
        _tell(fetched)
    if not fetched.ok:
        raise CommandFailed(
            Code.CONFIGURATION, f"{out} was written, but has gaps; `hedgerow data check {out}` tells line by line")


def _check_out(out: Path) -> None:
    """That it can be written: said before hours of downloading, not after."""
    if not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    if not out.name.endswith((".csv", ".csv.gz")) or out.is_dir():
        raise typer.BadParameter(f"{out} is no panel file; allowed: NAME.csv or NAME.csv.gz", param_hint="--out")


def _with_progress(work: Callable[[OnPiece], Coroutine[Any, Any, Fetched]]) -> Fetched:
    """Download, with a bar on the terminal where there is one."""
    import sys

    if not sys.stderr.isatty():
        return asyncio.run(work(lambda *_: None))
    with _progress() as progress:
        task = progress.add_task("looking at what is there", total=None)

        def show(done: int, pieces: int, latest: str) -> None:
            progress.update(task, completed=done, total=pieces, description=latest or "downloading")

        return asyncio.run(work(show))


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    )


def _tell(fetched: Fetched) -> None:
    """What was downloaded and what is missing, in lines."""
    from bot.core.times import iso

    span = "" if fetched.first is None or fetched.last is None else f", {iso(fetched.first)} to {iso(fetched.last)}"
    typer.echo(f"{fetched.file}: {fetched.rows:,} rows{span}, {fetched.stale_rows} stale; "
               f"{fetched.downloaded} of {fetched.pieces} pieces downloaded")
    for gap in fetched.gaps[:SHOWN]:
        typer.echo(f"  {gap.what} is missing at {iso(gap.first)}"
                   + (f" to {iso(gap.last)} ({gap.rows} rows)" if gap.rows > 1 else ""))
    if len(fetched.gaps) > SHOWN:
        typer.echo(f"  and {len(fetched.gaps) - SHOWN} more (--json has all of them)")
    if fetched.left_out:
        typer.echo(f"  {fetched.left_out} rows left out: no mark, or no price of a perpetual, or none yet of spot")


def _instant(text: str) -> Millis:
    from bot.core.times import parse_iso

    try:
        return parse_iso(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; allowed: 2021-01-28 or 2021-01-28T12:00:00Z") from None


def _coins(text: str) -> tuple[str, ...]:
    """'BTC,ETH' → coins. Raises ValueError."""
    from bot.settings import read_any_coin

    coins = tuple(read_any_coin(coin.strip()) for coin in text.split(","))
    if "USDT" in coins:
        raise ValueError("USDT is what the others are priced in; allowed: coins such as BTC,ETH")
    if len(set(coins)) != len(coins):
        raise ValueError(f"{text!r} names a coin twice")
    return coins
