"""`hedgerow export`: what was booked, as CSV for other people's software."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from bot.cli.configured import Config
from bot.cli.report import From, JournalFile, To, journal_of, span_of

Choice = TypeVar("Choice", bound=StrEnum)


def export(
    config: Config = None, *, journal: JournalFile = None, begin: From = None, end: To = None,
    form: Annotated[str, typer.Option("--format", metavar="generic|rotki|bittytax", help="For whom.")] = "generic",
    kind: Annotated[str, typer.Option(
        metavar="all|fills|funding|fees", help="What of it. all: fills with their fees, and funding.")] = "all",
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", metavar="FILE", show_default=False,
        help="Write it here. Default: print it. rotki takes two files: NAME-trades.csv and NAME-events.csv.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
) -> None:
    """Write fills, funding and fees of both markets as CSV: for a spreadsheet, rotki or BittyTax.

    Every row of the journal in the span is one row, or more where the other software counts fees apart; oldest first,
    times in UTC. Text that a spreadsheet would take for a formula is preceded by an apostrophe; numbers never are.

    \b
    Examples:
      hedgerow export -c mine.yaml --out hedges.csv
      hedgerow export -c mine.yaml --kind funding --from 2026-01-01
      hedgerow export --journal replay.db --format rotki --out hedges.csv
    """
    path, (since, until) = journal_of(config, journal), span_of(begin, end)
    from bot.lab import export as lab
    from bot.lab.written import must_be_free, write

    if out is None and force:
        raise typer.BadParameter("it belongs to --out", param_hint="--force")
    wanted, what = _one_of(lab.Format, form, "--format"), _one_of(lab.Kind, kind, "--kind")
    texts = lab.sheets(lab.read(path, since=since, until=until), wanted, what)
    if out is None:
        if len(texts) > 1:
            raise typer.BadParameter(f"{form} takes two files; allowed: --out FILE", param_hint="--format")
        for text in texts.values():
            typer.echo(text, nl=False)
        return
    files = list(lab.names(out, texts))
    if not force:
        must_be_free(file for _, file in files)
    for ending, file in files:
        size = write(file, texts[ending], force=force)
        typer.echo(f"{file}: {size:,} bytes")


def _one_of(kind: type[Choice], text: str, name: str) -> Choice:
    """The value of that name."""
    try:
        return kind(text)
    except ValueError:
        allowed = ", ".join(one.value for one in kind)
        raise typer.BadParameter(f"{text!r} is none of these: {allowed}", param_hint=name) from None
