"""The commands of `hedgerow`. Rooms are imported by `bot.app` only when a command needs them."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import __version__
from bot.cli import alerts, control, data, journal, testnet
from bot.cli.advise import advise
from bot.cli.completion import VARIABLE, completion, prepare
from bot.cli.configured import AsJson, Config, load_settings, with_journal
from bot.cli.doctor import doctor
from bot.cli.exits import Code, CommandFailed, code_of
from bot.cli.export import export
from bot.cli.init import init
from bot.cli.replay import replay
from bot.cli.report import report
from bot.cli.sweep import sweep, tune
from bot.core.times import SECOND
from bot.errors import ConfigError
from bot.telemetry.encoding import never_fail

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from bot.journal.views import StatusReport

CLI = typer.Typer(
    name="hedgerow", add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
CLI.add_typer(journal.CLI, name="journal", short_help="Look after the record.")
CLI.add_typer(data.CLI, name="data", short_help="Look after history files.")
CLI.add_typer(alerts.CLI, name="alerts", short_help="See whether messages to you arrive.")
CLI.add_typer(testnet.CLI, name="testnet", short_help="An exchange on this machine.")
CLI.command(short_help="Write a commented configuration.")(init)
CLI.command(short_help="See whether all is as it must be to trade.")(doctor)


@dataclass(slots=True)
class Session:
    """What holds for every command of one call."""

    debug: bool = False


def main() -> None:
    """The command `hedgerow`: run it, say one clear thing on stderr when it fails, exit by the table in `exits`."""
    session = Session()
    never_fail()
    if VARIABLE in os.environ:
        prepare()
    try:
        typer.main.get_command(CLI).main(prog_name="hedgerow", obj=session)
    except Exception as error:  # noqa: BLE001 - the last door: whatever it is, one line and an exit code
        from bot.cli.last_words import complaint, trace

        if session.debug:
            sys.stderr.write(trace(error))
        sys.stderr.write(complaint(error))
        sys.exit(code_of(error))


@CLI.callback()
def common(
    ctx: typer.Context, *,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
) -> None:
    """Hold the coins, hedge the drift.

    hedgerow watches a portfolio of coins with target weights. When a coin outgrows its target it opens a short
    perpetual position of the excess, in micro-contracts, instead of selling; when the drift resolves it closes it.

    \b
    First steps:
      hedgerow demo                                watch it work, without a key
      hedgerow init mine.yaml                      a configuration of your own
      hedgerow doctor -c config/binance-demo.yaml  look before it runs
      hedgerow plan -c config/binance-demo.yaml    what it would do; sends nothing
      hedgerow run -c config/binance-demo.yaml     do it
      hedgerow status -c config/binance-demo.yaml  where it stands

    Exit codes: 0 done or stopped on request, 1 unexpected, 2 usage, 3 not running, 4 configuration, 5 timeout or
    unreachable, 6 safety stop, 7 journal and account disagree.
    """
    session = ctx.find_object(Session)
    if session is not None:
        session.debug = debug


@CLI.command(short_help="Run the bot until it is stopped.")
def run(
    config: Config = None, *,
    once: Annotated[bool, typer.Option(
        "--once", help="One tick, then stop. Exit 5 if the venue cannot be reached.")] = False,
    live: Annotated[bool, typer.Option(
        "--live", help="Trade real money; with `live: {enabled: true}` and --account.")] = False,
    account: Annotated[str | None, typer.Option(
        metavar="ID", show_default=False, help="The live account's id, typed: it is the one you mean.")] = None,
    dry_run: Annotated[bool, typer.Option(
        "--dry-run", help="Real prices, simulated account: no order leaves, and no key is needed.")] = False,
) -> None:
    """Run the bot until it is stopped (Ctrl-C or SIGTERM).

    A stop withdraws orders that would enlarge a hedge and keeps the hedge itself; the next start goes on from the
    journal. While the venue cannot be reached it tries again, ever more slowly.

    \b
    Examples:
      hedgerow run -c config/binance-demo.yaml
      hedgerow run -c config/binance-demo.yaml --once
      hedgerow run -c config/binance-demo.yaml --dry-run
      hedgerow run -c mine.yaml --live --account 123456789
    """
    settings = load_settings(config)
    if not dry_run:
        settings.require_opt_ins(live=live, account=account)
    elif live or account is not None:
        raise typer.BadParameter("--dry-run sends no orders, so --live and --account do not go with it")
    from bot import app

    raise typer.Exit(asyncio.run(app.run_daemon(settings, once=once, live_account=account, dry_run=dry_run)))


@CLI.command(short_help="Show what it would do now, why, and why not.")
def plan(
    config: Config = None, *,
    portfolio: Annotated[Path | None, typer.Option(
        "--portfolio", "-p", metavar="FILE", show_default=False,
        help="For the account that this file describes: no key, no network. Its own targets, or those of -c.")] = None,
    dry_run: Annotated[bool, typer.Option(
        "--dry-run", help="For the simulated account: needs no key. A dry run's journal means it already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the bot would do now, why, and why not, and what comes next. Sends nothing.

    Says at which price each coin's next trigger is, what the futures wallet needs for it, and how far every guard is
    from its limit.

    \b
    Examples:
      hedgerow plan -c config/binance-demo.yaml
      hedgerow plan -c config/binance-demo.yaml --json
      hedgerow plan --portfolio docs/examples/first-hedge.yaml
    """
    if portfolio is not None and dry_run:
        raise typer.BadParameter("--portfolio describes an account, so --dry-run does not go with it")
    from bot import answers
    from bot.cli import render, render_plan

    if portfolio is not None:
        report = answers.plan_portfolio(portfolio, None if config is None else load_settings(config))
    else:
        report = asyncio.run(answers.make_plan(load_settings(config), dry_run=dry_run))
    if as_json:
        typer.echo(render.to_json(report))
    else:
        _console().print(render.plan(report, render_plan.ahead(report)))


CLI.command(short_help="Weigh hedging a coin against selling it now.")(advise)


@CLI.command(short_help="Show the arithmetic of one decision.")
def explain(
    decision: Annotated[str, typer.Argument(
        metavar="DECISION", help="Its number (see status), an instant such as 2021-02-01T12:00:00Z, the id of an order "
                                 "or of a hedge, or last.")],
    config: Config = None, *, as_json: AsJson = False,
) -> None:
    """Show the arithmetic of one decision, step by step, from the journal.

    Ends with whether deciding again from what was recorded gives the same.

    \b
    Examples:
      hedgerow explain last -c config/demo.yaml
      hedgerow explain btc1 -c config/demo.yaml
      hedgerow explain 2021-02-01T12:00:00Z -c config/demo.yaml --json
    """
    settings = with_journal(config)
    from bot import answers
    from bot.cli import render, render_explain
    from bot.journal.lookup import NoSuchDecision

    try:
        told = answers.explain_decision(settings, decision)
    except NoSuchDecision as missing:
        raise CommandFailed(Code.USAGE, str(missing)) from None
    if as_json:
        typer.echo(render.to_json(told))
    else:
        _console().print(render_explain.explanation(told))
    if told.explanation.disagreements:
        raise CommandFailed(Code.JOURNAL_DISAGREES, "the journal's decision is not what its situation decides")


@CLI.command(short_help="Show where it stands: weights, hedges, margin, orders.")
def status(
    config: Config = None, *, as_json: AsJson = False,
    watch: Annotated[bool, typer.Option(
        "--watch", "-w", help="Show it anew until Ctrl-C; without a terminal, once per change.")] = False,
    interval: Annotated[str, typer.Option(metavar="DURATION", help="With --watch: how often to look.")] = "5s",
) -> None:
    """Show where the bot stands, by its journal: weights, hedges, margin, open orders.

    Reads beside a running bot without disturbing it, and needs neither key nor network.

    \b
    Examples:
      hedgerow status -c config/binance-demo.yaml
      hedgerow status -c config/binance-demo.yaml --watch --interval 2s
      hedgerow status -c config/binance-demo.yaml --json
    """
    settings = with_journal(config)
    from bot import answers, app
    from bot.cli import render
    from bot.cli.watch import print_changes, redraw
    from bot.settings import read_duration

    def read() -> StatusReport:
        return answers.read_status(settings)

    def draw(report: StatusReport) -> RenderableType:
        return render.status(report, app.wall())

    def say(report: StatusReport) -> None:
        if as_json:
            typer.echo(render.to_json(report))
        else:
            console.print(draw(report))
            console.file.flush()

    console, every = _console(), _option("--interval", read_duration, interval) / SECOND
    if watch and console.is_terminal and not as_json:
        redraw(read, draw, console, interval=every)
    elif watch:
        print_changes(read, say, interval=every)
    else:
        say(read())


@CLI.command(short_help="Exit 0 if its last decision is recent, 3 if not.")
def health(
    config: Config = None, *,
    max_age: Annotated[str | None, typer.Option(
        metavar="DURATION", show_default=False,
        help="Oldest decision that counts as alive, such as 90s. Default: three polls and a minute.")] = None,
    alert: Annotated[bool, typer.Option(
        "--alert", help="Send an alert where it is not deciding, and another once it is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell whether the bot is deciding: exit 0 if its last decision is recent, 3 if not.

    It is the age of the last decision that counts, not whether a process exists.

    \b
    Examples:
      hedgerow health -c config/binance-demo.yaml
      hedgerow health -c config/binance-demo.yaml --max-age 2m
      hedgerow health -c config/binance-demo.yaml --alert
    """
    settings = with_journal(config)
    from bot import answers
    from bot.cli import render
    from bot.settings import read_duration

    limit = None if max_age is None else _option("--max-age", read_duration, max_age)
    report = answers.read_health(settings)
    found = render.health(report, report.limit if limit is None else limit)
    typer.echo(render.to_json(found) if as_json else found.text)
    if alert and settings.alert_urls():
        from bot import app
        from bot.attention import tell_health

        failed = tell_health(settings, alive=found.alive, text=found.text, now=app.wall())
        if failed is not None:
            typer.echo(f"hedgerow: the alert was not delivered: {failed}", err=True)
    if not found.alive:
        raise typer.Exit(Code.NOT_RUNNING)


control.register(CLI)
CLI.command(short_help="Run the bot over history.")(replay)
CLI.command(short_help="Compare settings over history.")(sweep)
CLI.command(short_help="See what other triggers would have meant.")(tune)
CLI.command(short_help="Show what each hedge cost.")(report)
CLI.command(short_help="Write fills, funding and fees as CSV.")(export)


@CLI.command(short_help="Watch a month in a minute on a made-up market.")
def demo(
    config: Annotated[Path | None, typer.Option(
        "--config", "-c", metavar="FILE", show_default=False,
        help="A configuration of environment local. Default: config/demo.yaml.")] = None,
    *,
    venue: Annotated[str | None, typer.Option(
        metavar="NAME", show_default=False, help="binance or bybit. Default: the configuration's.")] = None,
    fault: Annotated[str | None, typer.Option(
        metavar="NAME", show_default=False,
        help="Let this go wrong while a hedge is worked, in a day's story (-c: config/faults.yaml).")] = None,
    list_faults: Annotated[bool, typer.Option(
        "--list-faults", help="List what can go wrong, and what the bot must do then.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch a month in a minute: the real bot, over real HTTP, on a made-up market.

    Starts the local testnet, runs the bot against it in story time, and ends with the closing account: each hedge with
    entry, exit, profit, funding, fees and net, and the coins, unchanged. No key, no network, no money.

    With --fault something goes wrong: the venue, the market, the account, or somebody else. What the bot does about it
    is told as it happens, and both books are compared at the end as always. A fault that must stop the bot ends the
    story; that is exit 0 too.

    \b
    Examples:
      hedgerow demo
      hedgerow demo --venue bybit
      hedgerow demo -c config/history.yaml
      hedgerow demo --list-faults
      hedgerow demo --fault lost-reply
      hedgerow demo --fault liquidation --venue bybit
    """
    from bot.cli import faults

    if list_faults:
        faults.tell_all(as_json=as_json)
        return
    story = None if fault is None else faults.named(fault)
    settings = load_settings(config or _shipped("demo.yaml" if story is None else "faults.yaml"), venue)
    if story is not None:
        faults.announce(story, settings.venue, as_json=as_json)
    from bot import demo as stage
    from bot.cli import render

    account = asyncio.run(stage.run_demo(settings, story))
    contracts = {coin: asset.contract for coin, asset in settings.assets.items()}
    if as_json:
        typer.echo(render.to_json(account))
    else:
        _console().print(render.closing(account, contracts, settings.settle))
    if account.differences:
        raise CommandFailed(Code.JOURNAL_DISAGREES, "the journal and the exchange do not agree")
    if story is not None and account.stopped is not None and not story.stops:
        raise CommandFailed(Code.SAFETY_STOP, f"the bot was not to stop: {account.stopped}")


@CLI.command(short_help="Print the version.")
def version() -> None:
    """Print the version."""
    typer.echo(f"hedgerow {__version__}")


CLI.command(short_help="Print what your shell needs to complete commands.")(completion)


def _shipped(name: str) -> Path:
    here, source = Path("config") / name, Path(__file__).parents[2] / "config" / name
    if not here.is_file() and not source.is_file():
        raise ConfigError(f"config/{name} is not here. Allowed: -c FILE")
    return here if here.is_file() else source


def _console() -> Console:
    from bot.cli import render

    return render.console()


_option = testnet.option
