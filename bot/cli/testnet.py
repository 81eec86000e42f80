"""`hedgerow testnet`: an exchange on this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from bot.errors import ConfigError

CLI = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
T = TypeVar("T")


def option(name: str, parser: Callable[[str], T], text: str) -> T:
    """One option's value by the configuration's grammar; a usage error (exit 2) when it is not written so."""
    try:
        return parser(text)
    except (ValueError, ConfigError) as error:
        raise typer.BadParameter(str(error), param_hint=name) from None


@CLI.callback()
def group() -> None:
    """An exchange on this machine: Binance's or Bybit's own protocol over a simulated account."""


_SCENARIOS = "calm, bull, crash, v_recovery, negative_funding, sideways, demo, squeeze"


@CLI.command()
def serve(
    config: Annotated[Path | None, typer.Option(
        "--config", "-c", metavar="FILE", show_default=False,
        help="Take the story from this configuration; options below win.")] = None,
    *,
    venue: Annotated[str | None, typer.Option(
        metavar="binance|bybit", show_default=False,
        help="Whose protocol it speaks. Default: the configuration's venue with -c, else binance.")] = None,
    specs: Annotated[str | None, typer.Option(
        metavar="venue|equal", show_default=False,
        help="Steps, minimums and fees: the venue's own, or the same on every venue. Default: venue.")] = None,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(
        show_default=False, help="Port; 0 picks a free one. Default: testnet.url's with -c, else 8420.")] = None,
    panel: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False, help="Hourly history to play (CSV or CSV.gz).")] = None,
    scenario: Annotated[str | None, typer.Option(
        metavar="NAME", show_default=False, help=f"A made-up market: {_SCENARIOS}. Default: bull.")] = None,
    days: Annotated[int | None, typer.Option(show_default=False, help="Length of a scenario. Default: 35.")] = None,
    seed: Annotated[int | None, typer.Option(show_default=False, help="Chance of the story. Default: 1.")] = None,
    start: Annotated[str | None, typer.Option(
        metavar="DATE", show_default=False, help="First instant of the panel, UTC.")] = None,
    end: Annotated[str | None, typer.Option(
        metavar="DATE", show_default=False, help="Last instant of the panel, UTC.")] = None,
    path: Annotated[str | None, typer.Option(
        metavar="bridge|step", show_default=False,
        help="Prices between two points: move, or hold. Default: bridge.")] = None,
    nav: Annotated[str | None, typer.Option(
        metavar="AMOUNT", show_default=False, help="The account's worth at the start. Default: 100000.")] = None,
    weights: Annotated[str | None, typer.Option(
        metavar="LIST", show_default=False, help="How it is split. Default: BTC=50%,ETH=30%,USDT=20%.")] = None,
    futures_share: Annotated[str | None, typer.Option(
        metavar="SHARE", show_default=False, help="Part of the cash in the futures wallet. Default: 50%.")] = None,
    speed: Annotated[str | None, typer.Option(
        metavar="N", show_default=False,
        help="Run N story seconds per second instead of waiting to be stepped by the bot.")] = None,
    key: Annotated[str, typer.Option(help="API key that it accepts.")] = "local-key",
    secret: Annotated[str, typer.Option(help="Its secret.")] = "local-secret",  # noqa: S107 - a default for loopback
) -> None:
    """Serve a simulated exchange on loopback until it is stopped.

    Time in it stands still until a bot asks for more (`environment: local` does), so a story runs as fast as the
    machine and always the same; --speed lets it follow the wall clock instead.

    \b
    Examples:
      hedgerow testnet serve --scenario crash --days 12 --seed 3
      hedgerow testnet serve -c config/history.yaml
      hedgerow testnet serve --venue bybit --scenario calm
      hedgerow testnet serve --scenario bull --speed 600
    """
    from bot import app
    from bot.settings import read_amount, read_instant, read_part
    from bot.testnet.options import TestnetOptions

    asked: dict[str, Any] = {
        "venue": venue, "specs": specs, "port": port,
        "panel": panel, "scenario": scenario, "days": days, "seed": seed, "path": path,
        "start": start and option("--start", read_instant, start),
        "end": end and option("--end", read_instant, end),
        "nav": nav and option("--nav", read_amount, nav),
        "weights": weights and option("--weights", read_split, weights),
        "futures_share": futures_share and option("--futures-share", read_part, futures_share),
        "speed": speed and option("--speed", read_amount, speed),
    }
    options = {"port": 8420, **_configured(config), "host": host, "key": key, "secret": secret}
    options |= {name: value for name, value in asked.items() if value is not None}
    if scenario is not None and panel is None:
        options |= {"panel": None, "start": None, "end": None}
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(app.serve_testnet(TestnetOptions(**options), _ready))


def read_split(text: str) -> dict[str, Any]:
    """'BTC=50%,USDT=50%' → weights. Raises ValueError."""
    from bot.settings import read_any_coin, read_weight

    split = {}
    for entry in text.split(","):
        coin, equals, weight = entry.partition("=")
        if not equals:
            raise ValueError(f'"{entry}" is no COIN=WEIGHT; allowed: a list such as BTC=50%,ETH=30%,USDT=20%')
        split[read_any_coin(coin)] = read_weight(weight)
    return split


def _configured(config: Path | None) -> dict[str, Any]:
    """What a configuration says of the story, as the testnet's options."""
    if config is None:
        return {}
    from bot.settings import load

    settings = load(config)
    return {"venue": settings.venue.value, "port": settings.testnet.port, **settings.testnet_story()}


def _ready(url: str) -> None:
    typer.echo(f"testnet ready at {url}")
