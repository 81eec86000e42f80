"""`hedgerow data`: history files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.configured import AsJson
from bot.cli.exits import Code, CommandFailed

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
