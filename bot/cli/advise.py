"""`hedgerow advise`: hedge a coin's excess, or sell it now."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bot.cli.configured import AsJson, Config, load_settings
from bot.cli.control import Coin
from bot.cli.testnet import option


def advise(
    asset: Coin, config: Config = None, *,
    dry_run: Annotated[bool, typer.Option(
        "--dry-run", help="For the simulated account: needs no key. A dry run's journal means it already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Weigh hedging what a coin is above its target against selling it now.

    Counts fees, spread, basis and the funding of the last 30 days, and says for how long a hedge is the cheaper way.
    With `tax.rate` and lots in the configuration it also tells what selling now would be taxed. Sends nothing.

    \b
    Examples:
      hedgerow advise BTC -c config/binance-demo.yaml
      hedgerow advise BTC -c config/demo.yaml --json
    """
    settings = load_settings(config)
    from bot import answers
    from bot.cli import render, render_advice
    from bot.settings import read_coin

    coin = option("ASSET", read_coin, asset)
    if coin not in settings.assets:
        raise settings.error(("assets",), f"has no {coin}", ", ".join(settings.assets))
    report = asyncio.run(answers.make_advice(settings, coin, dry_run=dry_run))
    if as_json:
        typer.echo(render.to_json(report))
    else:
        render.console().print(render_advice.advice(report))
