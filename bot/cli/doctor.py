"""`hedgerow doctor`: the table of checks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.configured import AsJson, Config, load_settings
from bot.cli.exits import Code
from bot.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bot.core.hygiene import Check
    from bot.doctor import Examination


def doctor(
    config: Config = None, *,
    dry_run: Annotated[bool, typer.Option(
        "--dry-run", help="For a dry run: the simulated account, with or without a key.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at everything that could keep the bot from trading, and say what to do about it. Sends no order.

    Configuration, files, the venue, the account's modes, leverage and margin, what the API key may do, the clock,
    orders and positions that are not the bot's, the markets, and the funds that the targets would need.

    \b
    ok       as it should be
    warn     allowed, but look at it
    FAIL     the bot would not trade, or not enlarge a hedge
    unknown  the venue does not tell it here

    Exit codes: 0 nothing fails, 4 configuration or files, 5 the venue cannot be reached, 6 account or markets.

    \b
    Examples:
      hedgerow doctor -c config/binance-demo.yaml
      hedgerow doctor -c config/binance-demo.yaml --dry-run
      hedgerow doctor -c mine.yaml --json
    """
    from bot import doctor as room
    from bot.cli import render

    try:
        examination = asyncio.run(room.examine(load_settings(config), dry_run=dry_run))
    except ConfigError as error:
        examination = room.misconfigured(error)
    if as_json:
        typer.echo(render.to_json(examination))
    else:
        render.console().print(table(examination))
    code = code_of(examination)
    if code is not Code.DONE:
        raise typer.Exit(code)


def code_of(examination: Examination) -> Code:
    """What the worst failure is worth; the configuration first, as nothing else counts before it is right."""
    from bot.doctor import Part

    if examination.failed(Part.CONFIGURATION, Part.FILES):
        return Code.CONFIGURATION
    if examination.failed(Part.ACCOUNT, Part.MARKETS, Part.FUNDS):
        return Code.SAFETY_STOP
    return Code.TIMEOUT if examination.failed(Part.REACH) else Code.DONE


def table(examination: Examination) -> RenderableType:
    """One line a check; below it, where it is not well, what was wanted and what to do."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from bot.core.hygiene import Verdict

    lines: list[RenderableType] = []
    shown = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for _ in range(3):
        shown.add_column(overflow="fold")
    part = None
    for finding in examination.findings:
        if finding.part != part:
            part = finding.part
            shown.add_row("", Text(str(part), style="bold"), "")
        check = finding.check
        about = f"  {check.name.replace('_', ' ')}" + (f" {check.asset}" if check.asset else "")
        shown.add_row(_MARKS[check.verdict], about, check.found)
        if check.verdict in (Verdict.FAIL, Verdict.WARN):
            shown.add_row("", "", _way_out(check))
    lines.append(shown)
    bad = sum(finding.check.verdict is Verdict.FAIL for finding in examination.findings)
    odd = sum(finding.check.verdict is Verdict.WARN for finding in examination.findings)
    lines.append(Text(f"{len(examination.findings)} checks, {bad} failed, {odd} to look at"))
    return Group(*lines)


_MARKS = {"ok": "ok", "warn": "warn", "fail": "FAIL", "unknown": "unknown"}


def _way_out(check: Check) -> str:
    remedy = f"; {check.remedy}" if check.remedy else ""
    return f"wanted: {check.wanted}{remedy}"
