"""`hedgerow journal`: looking after the record."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.configured import AsJson, Config, load_settings, with_journal
from bot.cli.exits import Code, CommandFailed
from bot.cli.testnet import option
from bot.core.times import iso

if TYPE_CHECKING:
    from bot.cli.upkeep import Meter

CLI = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check, copy, prune and rebuild the journal.")


@CLI.command(short_help="Does the journal agree with itself?")
def check(
    file: Annotated[Path | None, typer.Argument(
        metavar="FILE", show_default=False, help="A journal, such as a backup. Default: the configured one.")] = None,
    config: Config = None, *,
    decisions: Annotated[int | None, typer.Option(
        metavar="N", min=0, show_default=False, help="Decide the newest N decisions again. Default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether the journal agrees with itself: exit 0 if it does, 7 if not.

    The file and its links, the life of every order, executions against orders, hedges against the sum of their fills
    and funding, and every decision, decided again from its recorded inputs. Reads beside a running bot.

    \b
    Examples:
      hedgerow journal check -c mine.yaml
      hedgerow journal check -c mine.yaml --decisions 500
      hedgerow journal check backup.db
    """
    path = file or _journal(config)
    from bot import upkeep
    from bot.cli import render
    from bot.cli import upkeep as shown

    with _meter(quiet=as_json) as meter:
        report = upkeep.check_journal(path, decisions=decisions, progress=meter.show)
    if as_json:
        typer.echo(render.to_json(shown.checked_json(report)))
    else:
        render.console().print(shown.checked(report))
    if not report.ok:
        raise CommandFailed(Code.JOURNAL_DISAGREES, f"{path} does not agree with itself")


@CLI.command(short_help="Copy it, also beside a running bot.")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; must not be there yet.")],
    config: Config = None, *, as_json: AsJson = False,
) -> None:
    """Copy the journal as it is at one instant, also beside a running bot, and look the copy through.

    The copy is one file, readable by you alone. A file that is there already is never overwritten.

    \b
    Example:
      hedgerow journal backup backup.db -c mine.yaml
    """
    path = _journal(config)
    if file.exists():
        raise typer.BadParameter(f"{file} is there already; a backup never overwrites", param_hint="FILE")
    from bot import upkeep
    from bot.cli import render

    made = upkeep.backup_journal(path, file)
    typer.echo(render.to_json(made) if as_json else f"{made.file}: {_size(made.size)}, whole")


@CLI.command(short_help="Let old decisions go.")
def prune(
    config: Config = None, *,
    older_than: Annotated[str, typer.Option(
        metavar="DURATION", help="Decisions older than this, counted back from the newest one.")] = "90d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let old decisions go, with the prices they were reached at; then make the file smaller.

    Orders, executions, funding, hedges and commands are never touched, and neither are the first decision, the newest,
    and those that set a goal or that an order names. Stop the bot first: --dry-run alone runs beside it.

    \b
    Examples:
      hedgerow journal prune -c mine.yaml --dry-run
      hedgerow journal prune -c mine.yaml --older-than 30d
    """
    path = _journal(config)
    from bot import upkeep
    from bot.cli import render
    from bot.settings import read_duration

    found = upkeep.prune_journal(path, option("--older-than", read_duration, older_than), dry_run=dry_run)
    if as_json:
        typer.echo(render.to_json(found))
        return
    if found.before is None:
        typer.echo("there are no decisions: nothing to prune")
        return
    typer.echo(f"{'would go' if dry_run else 'gone'}: {found.decisions} decisions before {iso(found.before)} "
               f"({_size(found.text)}), {found.terms} terms")
    typer.echo(f"kept: {found.kept} older ones that set a goal or that an order names; the file has "
               f"{_size(found.size)}")


@CLI.command(short_help="Make a new one from what the venue remembers.")
def rebuild(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new journal; must not be there yet.")],
    config: Config = None, *,
    history: Annotated[str, typer.Option(
        metavar="DURATION", help="How far back to ask the venue.")] = "90d",
    as_json: AsJson = False,
) -> None:
    """Make a new journal from what the venue remembers, when the old one is lost. Sends nothing but reads.

    Says what cannot be known. No bot works with it before you have looked it over and confirmed it.

    \b
    Example:
      hedgerow journal rebuild rebuilt.db -c mine.yaml
    """
    settings = load_settings(config)
    if file.exists():
        raise typer.BadParameter(f"{file} is there already; a rebuilt journal is a new file", param_hint="FILE")
    from bot import upkeep
    from bot.cli import render
    from bot.cli import upkeep as shown
    from bot.settings import read_duration

    found = asyncio.run(upkeep.rebuild_journal(settings, file, option("--history", read_duration, history)))
    if as_json:
        typer.echo(render.to_json(shown.rebuilt_json(file, found)))
    else:
        render.console().print(shown.rebuilt(file, found))


@CLI.command(short_help="Let bots work with a rebuilt journal.")
def confirm(file: Annotated[Path, typer.Argument(metavar="FILE", help="The rebuilt journal.")]) -> None:
    """Let bots work with a rebuilt journal, once you have looked it over.

    \b
    Example:
      hedgerow journal confirm rebuilt.db
    """
    from bot import upkeep

    news = upkeep.confirm_journal(file)
    typer.echo(f"{file}: {'confirmed; put it where the configuration says' if news else 'was confirmed before'}")


def _journal(config: Path | None) -> Path:
    return with_journal(config).journal


def _meter(*, quiet: bool) -> Meter:
    from bot.cli.upkeep import Meter

    return Meter(None if quiet or not sys.stderr.isatty() else sys.stderr)


def _size(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB" if count >= 100_000 else f"{count / 1_000:.1f} kB"
