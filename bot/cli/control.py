"""Commands to a running bot: each leaves a wish in the journal, and prints what became of it.

A wish survives a restart of the bot, and asking twice does no more than asking once.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.configured import AsJson, Config, with_journal
from bot.cli.exits import Code, CommandFailed
from bot.cli.testnet import option
from bot.core.times import SECOND

if TYPE_CHECKING:
    from bot.settings import Settings

Coin = Annotated[str, typer.Argument(metavar="ASSET", help="The coin, such as BTC.")]
AnyCoin = Annotated[str | None, typer.Argument(
    metavar="[ASSET]", show_default=False, help="The coin, such as BTC. Default: the whole account.")]
Wait = Annotated[str, typer.Option(
    metavar="DURATION", help="How long to wait for the bot's answer; 0s: not at all.")]


def ask(
    kind: str, asset: str | None, config: Path | None, *, wait: str, as_json: bool, order: str | None = None,
    says: str | None = None, by: str | None = None,
) -> None:
    """Leave the wish, wait for its answer, print it. Exit 2 where it is refused, 5 where no answer comes."""
    settings = with_journal(config)
    from bot import answers
    from bot.cli import render
    from bot.settings import read_pause
    from bot.telemetry.redaction import escape

    coin = None if asset is None else _held(settings, asset)
    patience = option("--wait", read_pause, wait)
    result = asyncio.run(answers.submit(
        settings, kind, coin, wait=patience / SECOND, order=order, says=says, by=by))
    found = render.Answer(kind, coin or order, result)
    typer.echo(render.to_json(found) if as_json else escape(found.text))
    if result is None and patience:
        raise CommandFailed(
            Code.TIMEOUT, "no answer yet; the wish stays in the journal until a bot reads it (see `hedgerow health`)")
    if result is not None and result.startswith("refused"):
        raise CommandFailed(Code.USAGE, "the bot did nothing; its answer says why")


def _held(settings: Settings, asset: str) -> str:
    """The coin, which the configuration names. Raises ConfigError."""
    from bot.settings import read_coin

    coin = option("ASSET", read_coin, asset)
    if coin not in settings.assets:
        raise settings.error(("assets",), f"has no {coin}", ", ".join(settings.assets))
    return coin


def close(asset: Coin, config: Config = None, *, wait: Wait = "30s", as_json: AsJson = False) -> None:
    """Close the hedge of a coin without selling the coins: you take the exposure back.

    The bot buys the short back, and does not hedge this coin again before its drift has resolved. The wish is left in
    the journal, so it survives a restart of the bot.

    \b
    Example:
      hedgerow close BTC -c config/binance-demo.yaml
    """
    ask("close", asset, config, wait=wait, as_json=as_json)


def finalize(
    asset: Coin, config: Config = None, *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether you mean it.")] = False,
    wait: Wait = "30s", as_json: AsJson = False,
) -> None:
    """End the hedge of a coin and really sell its coins, slice by slice: what was a synthetic sale becomes one.

    The lesser of hedge and excess is sold on the spot market, and the short is closed with it. Coins that are not free
    in the spot wallet cannot be sold; it is said beforehand how many these are. A sale may be a taxable event. Of a
    long, what is missing is bought, as far as the spot wallet can pay for it.

    \b
    Example:
      hedgerow finalize BTC -c config/binance-demo.yaml
    """
    settings = with_journal(config)
    from bot import answers

    foreseen = answers.foresee_end(settings, _held(settings, asset))
    if foreseen is not None and not as_json:
        typer.echo(f"by the last decision: {foreseen}")
    if not yes:
        typer.confirm("Sell these coins, and close the hedge?", abort=True)
    ask("finalize", asset, config, wait=wait, as_json=as_json)


def pause(asset: AnyCoin = None, config: Config = None, *, wait: Wait = "30s", as_json: AsJson = False) -> None:
    """Open and enlarge nothing, of one coin or at all, until resume.

    Hedges that are there are still reduced and closed, by the rule, by you and by the margin ladder.

    \b
    Examples:
      hedgerow pause -c config/binance-demo.yaml
      hedgerow pause BTC -c config/binance-demo.yaml
    """
    ask("pause", asset, config, wait=wait, as_json=as_json)


def resume(asset: AnyCoin = None, config: Config = None, *, wait: Wait = "30s", as_json: AsJson = False) -> None:
    """Do everything again after a pause or a panic.

    What was paused coin by coin is resumed coin by coin.

    \b
    Examples:
      hedgerow resume -c config/binance-demo.yaml
      hedgerow resume BTC -c config/binance-demo.yaml
    """
    ask("resume", asset, config, wait=wait, as_json=as_json)


def panic(
    config: Config = None, *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether you mean it.")] = False,
    wait: Wait = "30s", as_json: AsJson = False,
) -> None:
    """Cancel every order, close every hedge at once, and halt until resume.

    Closes are reduce-only and take the spread, within max_slippage at a time. The coins stay.

    \b
    Example:
      hedgerow panic -c config/binance-demo.yaml
    """
    with_journal(config)
    if not yes:
        typer.confirm("Cancel every order of the bot, buy every hedge back at once, and halt?", abort=True)
    ask("panic", None, config, wait=wait, as_json=as_json)


def accept(asset: AnyCoin = None, config: Config = None, *, wait: Wait = "30s", as_json: AsJson = False) -> None:
    """Take coins and cash as they are: after a deposit, a withdrawal or a move to Earn, which hold every order.

    \b
    Example:
      hedgerow accept -c config/binance-demo.yaml
    """
    ask("accept", asset, config, wait=wait, as_json=as_json)


def rearm(asset: Coin, config: Config = None, *, wait: Wait = "30s", as_json: AsJson = False) -> None:
    """Let a coin be hedged again that a close, the margin ladder, a liquidation or ADL has disarmed.

    \b
    Example:
      hedgerow rearm BTC -c config/binance-demo.yaml
    """
    ask("rearm", asset, config, wait=wait, as_json=as_json)


def adopt(asset: Coin, config: Config = None, *, wait: Wait = "30s", as_json: AsJson = False) -> None:
    """Take what somebody traded on the coin's perpetual into the books, as part of the hedge.

    For a position that is not what the journal says: every order is held until you adopt or ignore it.

    \b
    Example:
      hedgerow adopt BTC -c config/binance-demo.yaml
    """
    ask("adopt", asset, config, wait=wait, as_json=as_json)


def ignore(asset: Coin, config: Config = None, *, wait: Wait = "30s", as_json: AsJson = False) -> None:
    """Leave a position and orders on the coin's perpetual, as they are now, to whoever made them.

    They count for margin, and the bot does not touch them.

    \b
    Example:
      hedgerow ignore BTC -c config/binance-demo.yaml
    """
    ask("ignore", asset, config, wait=wait, as_json=as_json)


def resolve(
    order: Annotated[str, typer.Argument(
        metavar="ASSET|ORDER", help="The coin, or the client id of the order, as the log has it.")],
    config: Config = None, *,
    found: Annotated[bool, typer.Option(
        "--found/--never", help="It existed: book what it filled; or it never did.")] = False,
    by: Annotated[str | None, typer.Option(
        metavar="NAME", show_default=False, help="Who says so. Default: the user of this machine.")] = None,
    wait: Wait = "30s", as_json: AsJson = False,
) -> None:
    """Say what became of an order whose outcome is unknown and no look-up tells.

    Look at the exchange's site first: is there an order or an execution of that name? The log has it under
    `order.uncertain` and `order.quarantined`. Until its outcome is known, nothing
    else is ordered on the coin. Your word is journaled with your name; the position
    decides whether it is taken.

    \b
    Examples:
      hedgerow resolve BTC -c config/binance-demo.yaml
      hedgerow resolve hrab12cd_btc1_7 --found --by Ada
    """
    from bot.ports import FOUND, NEVER

    named = place_of_any(order)
    ask("resolve", None if named else order, config, wait=wait, as_json=as_json, order=order if named else None,
        says=FOUND if found else NEVER, by=by or _whoever())


def place_of_any(name: str) -> bool:
    """Whether a name is a client order id of ours and no coin's."""
    from bot.core.orders import PREFIX

    return "_" in name and name.startswith(PREFIX)


def _whoever() -> str:
    """Who is logged in on this machine, as far as it tells."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody unnamed"


def register(cli: typer.Typer) -> None:
    """Add these commands."""
    for command, short in (
        (close, "Close the hedge of a coin, keep the coins."),
        (finalize, "End the hedge of a coin, sell its coins."),
        (pause, "Open nothing until resume; closing goes on."),
        (resume, "Go on after a pause or a panic."),
        (panic, "Cancel all, close all at once, halt."),
        (accept, "Take a deposit or withdrawal as it is."),
        (rearm, "Let a disarmed coin be hedged again."),
        (adopt, "Take somebody's trade into the books."),
        (ignore, "Leave somebody's position alone."),
        (resolve, "Say what became of a lost order."),
    ):
        cli.command(short_help=short)(command)
