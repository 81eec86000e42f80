"""`hedgerow alerts`: whether messages to you arrive."""

from __future__ import annotations

import typer

from bot.cli.configured import AsJson, Config, load_settings
from bot.cli.exits import Code, CommandFailed
from bot.errors import ConfigError

CLI = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@CLI.callback()
def group() -> None:
    """Messages to you: whether they arrive, and which there are."""


@CLI.command("test", short_help="Send one message to every address.")
def try_out(config: Config = None, *, as_json: AsJson = False) -> None:
    """Send one message to every address, and say which took it. Exit 5 where one did not.

    The addresses are in the file alert_urls of secrets_dir, or in HEDGEROW_ALERT_URLS.

    \b
    Example:
      hedgerow alerts test -c config/binance-demo.yaml
    """
    settings = load_settings(config)
    from bot.attention import alerts_of, send_test
    from bot.cli import render

    alerts, _ = alerts_of(settings)
    if alerts is None:
        raise ConfigError(
            "no addresses of alerts. Allowed: HEDGEROW_ALERT_URLS, or a file alert_urls in secrets_dir (mode 600); "
            "and alerts.enabled not false")
    took = send_test(settings, alerts)
    typer.echo(render.to_json(took) if as_json else "\n".join(
        f"{one.number}. {one.service}: {'taken' if one.taken else 'not taken'}" for one in took))
    if not all(one.taken for one in took):
        raise CommandFailed(Code.TIMEOUT, "a message was not taken: see whether the address is right and its host up")


@CLI.command(short_help="List what you may be told.")
def kinds(*, as_json: AsJson = False) -> None:
    """List the kinds of alerts, how urgent each is, and where its fix is written down.

    \b
    Example:
      hedgerow alerts kinds
    """
    from bot.cli import render
    from bot.telemetry.alert_kinds import KINDS

    if as_json:
        typer.echo(render.to_json(list(KINDS.values())))
        return
    for kind in KINDS.values():
        typer.echo(f"{kind.title} ({kind.urgency}): {kind.meaning}\n    {kind.fix}")
