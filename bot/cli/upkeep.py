"""How the journal's upkeep looks on a terminal and as JSON."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from rich.console import Group, RenderableType

from bot.cli.render import hedge, new_table, number, one_line

if TYPE_CHECKING:
    from bot.journal.check import CheckReport
    from bot.journal.rebuild import Rebuilt

EVERY = 50
"""After how many decisions the meter moves."""


class Meter:
    """One line on a terminal that counts decisions and is wiped at the end; silent where there is none."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out

    def __enter__(self) -> Self:
        return self

    def show(self, done: int, wanted: int) -> None:
        """Tell how far it is."""
        if self._out is not None and (done % EVERY == 0 or done == wanted):
            self._out.write(f"\rdeciding again: {done} of {wanted}")
            self._out.flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._out is not None:
            self._out.write("\r" + " " * 60 + "\r")


def checked(report: CheckReport) -> RenderableType:
    """A row for each check, and below it what is wrong."""
    table = new_table("check", "promise", "looked at", "wrong")
    for check in report.checks:
        table.add_row(check.name, check.promise, str(check.examined), str(check.failures) if check.failures else "-")
    lines = []
    for check in report.checks:
        lines += [one_line(f"{check.name}: {problem}") for problem in check.problems]
        if check.failures > len(check.problems):
            lines.append(one_line(f"{check.name}: and {check.failures - len(check.problems)} more"))
    return Group(one_line(str(report.path)), table, *(lines or [one_line("The journal agrees with itself.")]),
                 *(one_line(f"note: {note}") for note in report.notes))


def checked_json(report: CheckReport) -> dict[str, object]:
    """The same as an object."""
    return {"journal": report.path, "ok": report.ok, "checks": [
        {"name": one.name, "promise": one.promise, "ok": one.ok, "examined": one.examined, "failures": one.failures,
         "problems": one.problems} for one in report.checks
    ], "notes": report.notes}


def rebuilt(file: Path, found: Rebuilt) -> RenderableType:
    """The hedges that were found, what is unknown, and what comes next."""
    table = new_table("hedge", "state", "short", "fills", "realised", "fees", "funding paid")
    for one in found.episodes:
        name = f"{one.id} (incomplete)" if one.id in found.incomplete else one.id
        table.add_row(name, str(one.state), hedge(one.short), str(one.fills), number(one.realised), number(one.fees),
                      number(one.funding_paid))
    return Group(
        one_line(f"{file}: {len(found.orders)} orders, {len(found.fills)} executions, "
                 f"{len(found.funding)} settlements"),
        table, one_line("Not known:"), *(one_line(f"- {text}") for text in found.unknown),
        one_line(f"No bot works with it yet. Look it over (`hedgerow journal check {file}`), then "
              f"`hedgerow journal confirm {file}`."),
    )


def rebuilt_json(file: Path, found: Rebuilt) -> dict[str, object]:
    """The same as an object."""
    return {"journal": file, "orders": len(found.orders), "fills": len(found.fills), "funding": len(found.funding),
            "episodes": found.episodes, "incomplete": found.incomplete, "unknown": found.unknown, "confirmed": False}

