"""`hedgerow report`: what the hedges cost, by the journal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.configured import AsJson, Config, with_journal
from bot.cli.exits import Code, CommandFailed
from bot.cli.testnet import option

if TYPE_CHECKING:
    from bot.core.times import Millis

JournalFile = Annotated[Path | None, typer.Option(
    "--journal", metavar="FILE", show_default=False,
    help="A journal: of a bot, a dry run or a replay. Default: the configuration's.")]
From = Annotated[str | None, typer.Option("--from", metavar="DATE", show_default=False, help="From this instant on.")]
To = Annotated[str | None, typer.Option("--to", metavar="DATE", show_default=False, help="Before this instant.")]


def report(
    config: Config = None, *, journal: JournalFile = None, begin: From = None, end: To = None,
    html: Annotated[Path | None, typer.Option(
        "--html", metavar="FILE", show_default=False, help="Write it as one page with charts instead of printing it.")]
    = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the page where it is there already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what each hedge cost, by its journal: fees, funding, basis, slippage, and the one net cost.

    Reads beside a running bot without disturbing it, and needs neither key nor network. With --from and --to: the
    hedges that were open at any moment of that span, each told whole.

    \b
    Examples:
      hedgerow report -c config/binance-demo.yaml
      hedgerow report -c mine.yaml --from 2026-01-01 --to 2027-01-01 --json
      hedgerow report --journal replay.db --html report.html
    """
    if html is not None and as_json:
        raise typer.BadParameter("--html writes a page, so --json does not go with it")
    if html is None and force:
        raise typer.BadParameter("it belongs to --html", param_hint="--force")
    path, (since, until) = journal_of(config, journal), span_of(begin, end)
    from bot.cli import render
    from bot.lab import report as lab

    if html is not None:
        from bot.lab.report_page import page
        from bot.lab.written import write

        size = write(html, page(path, since=since, until=until), force=force)
        typer.echo(f"{html}: {size:,} bytes")
        return
    told = lab.make(path, since=since, until=until)
    if as_json:
        typer.echo(render.to_json(told))
    else:
        from bot.cli import render_report

        render.console().print(render_report.report(told))


def journal_of(config: Path | None, journal: Path | None) -> Path:
    """The journal that is meant: the file, or the configuration's."""
    if journal is None:
        return with_journal(config).journal
    if not journal.is_file():
        raise CommandFailed(Code.NOT_RUNNING, f"there is no journal {journal}")
    return journal


def span_of(begin: str | None, end: str | None) -> tuple[Millis | None, Millis | None]:
    """The span that was asked for; None: no bound."""
    since = None if begin is None else option("--from", _instant, begin)
    until = None if end is None else option("--to", _instant, end)
    if since is not None and until is not None and until <= since:
        raise typer.BadParameter("it is not after --from", param_hint="--to")
    return since, until


def _instant(text: str) -> Millis:
    from bot.core.times import parse_iso

    try:
        return parse_iso(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; allowed: 2021-01-28 or 2021-01-28T12:00:00Z") from None
