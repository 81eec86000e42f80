"""`hedgerow replay`: the bot over history."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.configured import DEFAULT_FILE, AsJson, Config, load_settings
from bot.cli.testnet import option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from rich.console import RenderableType

    from bot.core.times import Millis
    from bot.lab.panel import Row
    from bot.lab.replay import Outcome
    from bot.lab.stage import Wishes
    from bot.settings import Settings

_LEVEL = "as a fraction of NAV, such as 0.05. Default: the configuration's."


def replay(
    panel: Annotated[Path, typer.Argument(metavar="PANEL", help="Hourly history: a panel file (CSV or CSV.gz).")],
    config: Config = None, *,
    begin: Annotated[str | None, typer.Option(
        "--from", metavar="DATE", show_default=False, help="First instant. Default: the panel's.")] = None,
    end: Annotated[str | None, typer.Option(
        "--to", metavar="DATE", show_default=False, help="The instant before which it ends (exclusive). Default: "
                                                         "after the last row.")] = None,
    fill: Annotated[str, typer.Option(
        metavar="touch|immediate", help="When an order fills: once a later price trades through it, or at the price "
                                        "that was known at the decision.")] = "touch",
    nav: Annotated[str | None, typer.Option(
        metavar="N", show_default=False, help="What the account is worth at the start, at the target weights. Default: "
                                              "the configuration's story.nav, else 100000.")] = None,
    opens: Annotated[str | None, typer.Option(
        "--open", metavar="F", show_default=False, help=f"Excess that opens a hedge, {_LEVEL}")] = None,
    close: Annotated[str | None, typer.Option(
        metavar="F", show_default=False, help=f"Excess at which it is closed, {_LEVEL}")] = None,
    resize: Annotated[str | None, typer.Option(
        metavar="F", show_default=False, help=f"Change that resizes it, {_LEVEL}")] = None,
    bare: Annotated[bool, typer.Option(
        "--bare", help="The rule alone, on one purse: no confirmation, cooldown, guards, ladder, finalising, margin "
                       "checks or minimum orders. Needs no configuration.")] = False,
    journal: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False,
        help="Keep hedges, orders and decisions (one a day at least) in this new journal; `report` and `explain` read "
             "it with HEDGEROW_JOURNAL=FILE.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the bot over history: the engine's own ticks, one a row, on a simulated account.

    No key, no network. Two runs of the same input print the same, but for the seconds.

    \b
    Examples:
      hedgerow replay panel.csv.gz -c mine.yaml --from 2021-01-01 --to 2022-01-01
      hedgerow replay panel.csv.gz -c mine.yaml --journal replay.db
      hedgerow replay panel.csv.gz --bare --fill immediate --open 0.05 --json
    """
    from bot.lab.panel import Panel

    settings = load_settings(config) if config is not None or not bare or Path(DEFAULT_FILE).is_file() else None
    levels = {"open": opens, "close": close, "resize": resize}
    wishes = wishes_of(settings, bare=bare, fill=fill, nav=nav, levels=levels)
    rows = Panel(panel).rows(
        0 if begin is None else option("--from", instant, begin),
        LATEST if end is None else option("--to", instant, end), [one.asset for one in wishes.policy.assets])
    outcome = asyncio.run(_run(wishes, rows, journal))
    if as_json:
        from bot.cli.as_json import to_json

        typer.echo(to_json(outcome))
    else:
        from bot.cli import render

        render.console().print(_table(outcome))


async def _run(wishes: Wishes, rows: Iterator[Row], file: Path | None) -> Outcome:
    from bot.core.times import DAY
    from bot.lab.replay import replay as run
    from bot.lab.stage import journal_of

    async with journal_of(file, wishes) as journal:
        return await run(wishes, rows, journal=journal, tick_every=None if file is None else DAY)


LATEST: Millis = 253_402_300_799_000
"""The last instant that has a date."""


def instant(text: str) -> Millis:
    """A date or time. Raises ValueError saying what is allowed."""
    from bot.core.times import parse_iso

    try:
        return parse_iso(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; allowed: 2021-01-28 or 2021-01-28T12:00:00Z") from None


def _number(text: str) -> Decimal:
    from bot.core.money import parse_decimal

    return parse_decimal(text)


def _worth(text: str) -> Decimal:
    """An amount above 0. Raises ValueError saying what is allowed."""
    value = _number(text)
    if value <= 0:
        raise ValueError(f"{text!r} is not above 0; allowed: an amount such as 100000")
    return value


def wishes_of(
    settings: Settings | None, *, bare: bool, fill: str, nav: str | None, levels: dict[str, str | None],
) -> Wishes:
    """What was asked for, the configuration first. `levels`: open, close and resize as they were typed, or None."""
    from dataclasses import replace

    from bot.core.policy import Threshold
    from bot.lab import stage
    from bot.lab.market import Fill

    if fill not in {each.value for each in Fill}:
        raise typer.BadParameter(f"{fill!r} is neither touch nor immediate", param_hint="--fill")
    policy = None if settings is None else settings.policy()
    policy = stage.bare(policy) if policy is None or bare else policy

    def level(name: str, else_: Threshold) -> Threshold:
        text = levels[name]
        return else_ if text is None else Threshold(option(f"--{name}", _number, text))

    policy = replace(policy, assets=tuple(
        replace(one, open=level("open", one.open), close=level("close", one.close), resize=level("resize", one.resize))
        for one in policy.assets))
    wishes = stage.Wishes(policy, fill=Fill(fill), bare=bare)
    if settings is not None:
        story = settings.testnet_story()
        wishes = replace(
            wishes, venue=str(settings.venue), nav=story["nav"], futures_share=story["futures_share"])
    return wishes if nav is None else replace(wishes, nav=option("--nav", _worth, nav))


def _table(outcome: Outcome) -> RenderableType:
    """The outcome for reading: the account, then coin by coin."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    share, runway = outcome.lowest_cash_share, outcome.lowest_runway
    lines = [
        f"{outcome.rows:,} rows, {outcome.stale_rows} stale, in {outcome.seconds:.1f} s",
        f"{outcome.trades} trades, {outcome.spot_trades} spot trades, {outcome.liquidations} liquidations",
        f"NAV {outcome.nav:,.2f}: cash {outcome.cash:,.2f}, unrealised {outcome.unrealised_pnl:,.2f}",
        f"lowest (cash + unrealised) / NAV: {'unknown' if share is None else f'{share:.5f}'}",
    ]
    if runway is not None:
        lines.append(f"lowest joint runway: {runway * 100:.2f}%")
    table = Table(box=None)
    table.add_column("")
    for asset in outcome.episodes:
        table.add_column(asset, justify="right")
    for name, values, form in (
        ("hedges", outcome.episodes, "{}"), ("finalised", outcome.finalisations, "{}"),
        ("funding received", outcome.funding, "{:,.2f}"), ("fees", outcome.fees, "{:,.2f}"),
        ("realised", outcome.realised_pnl, "{:,.2f}"), ("spot fees", outcome.spot_fees, "{:,.2f}"),
        ("net cost", outcome.net_cost, "{:,.2f}"), ("against holding", outcome.against_holding, "{:,.2f}"),
        ("coins", outcome.holdings, "{:.6f}"), ("short", outcome.short_base, "{:f}"),
        ("mean |net - target|, pp", outcome.mean_net_off_pp, "{:.3f}"),
        ("mean |spot - target|, pp", outcome.mean_spot_off_pp, "{:.3f}"),
    ):
        table.add_row(name, *(form.format(value) for value in values.values()))
    return Group(*(Text(line) for line in lines), table)
