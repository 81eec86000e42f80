"""What a sweep and a walk forward come to, as values for --json and as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.core.times import iso
from bot.lab.grid import Point, Points
from bot.lab.sweep import Figures, Span
from bot.lab.tune import Tuned
from bot.lab.walk import FIGURES, Step, Sum, Wish, summed

SHOWN = 40


@dataclass(frozen=True, slots=True)
class Line:
    """One point and what came of it."""

    settings: Mapping[str, str]
    figures: Figures


@dataclass(frozen=True, slots=True)
class Swept:
    """All points, the least net cost first; those that were refused come last. `left_out`: impossible combinations."""

    rows: int
    first: str
    last: str
    left_out: int
    points: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """One window of a walk forward: what was chosen on the stretch before `turn`, and how it did there and after."""

    begin: str
    turn: str
    end: str
    settings: Mapping[str, str] | None
    in_sample: Figures | None
    out_of_sample: Figures | None


@dataclass(frozen=True, slots=True)
class Walked:
    """All windows, and their means weighted by length."""

    by: str
    within_pp: Decimal | None
    windows: tuple[Chosen, ...]
    in_sample: Sum | None
    out_of_sample: Sum | None


def swept(tried: Points, figures: Sequence[Figures], span: Span) -> Swept:
    """In the order of the table."""
    pairs = sorted(zip(tried.points, figures, strict=True),
                   key=lambda each: (each[1].refused is not None, each[1].net_cost_bp, each[0].number))
    return Swept(span.rows, iso(span.first), iso(span.last), tried.left_out,
                 tuple(Line(dict(point.settings), found) for point, found in pairs))


def table(found: Swept) -> RenderableType:
    """The best points; all of them are in --json."""
    names = list(found.points[0].settings)
    shown = Table(box=None)
    for name in names:
        shown.add_column(name)
    _columns(shown)
    refused = [line for line in found.points if line.figures.refused is not None]
    ran = [line for line in found.points if line.figures.refused is None]
    for line in ran[:SHOWN]:
        shown.add_row(*line.settings.values(), *_cells(line.figures))
    notes = [f"{len(ran)} points over {found.rows:,} rows, {found.first} to {found.last}; the least net cost first"]
    if len(ran) > SHOWN:
        notes.append(f"{len(ran) - SHOWN} more are not shown (--json has all)")
    if found.left_out:
        notes.append(f"{found.left_out} combinations are impossible and left out")
    notes += [f"refused: {', '.join(f'{name} {value}' for name, value in line.settings.items())}: "
              f"{line.figures.refused}" for line in refused[:3]]
    if len(refused) > 3:
        notes.append(f"and {len(refused) - 3} more refused")
    return Group(Text(notes[0]), shown, *(Text(note) for note in notes[1:]))


def walked(steps: Iterable[Step], wish: Wish) -> Walked:
    """For --json and the table."""
    known = tuple(steps)
    return Walked(
        wish.by, wish.most_off,
        tuple(Chosen(iso(step.window.begin), iso(step.window.turn), iso(step.window.end),
                     None if step.chosen is None else dict(step.chosen.settings), step.seen, step.unseen)
              for step in known),
        summed(step.seen for step in known if step.seen is not None),
        summed(step.unseen for step in known if step.unseen is not None))


def walk_table(found: Walked) -> RenderableType:
    """A line for each window: what was chosen, in sample beside out of sample."""
    names = list(next((one.settings for one in found.windows if one.settings), {}))
    shown = Table(box=None)
    for name in ("unseen from", *names):
        shown.add_column(name, no_wrap=True)
    for name in ("cost bp/y", "then", "off pp", "then", "hedges/y", "then"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in found.windows:
        chosen = ["none fit", *("" for _ in names[1:])] if one.settings is None else list(one.settings.values())
        shown.add_row(one.turn[:10], *chosen, *_beside(one.in_sample, one.out_of_sample))
    shown.add_row("all", *("" for _ in names), *_beside(found.in_sample, found.out_of_sample))
    limit = "" if found.within_pp is None else f", at most {found.within_pp:f}pp off"
    notes = [Text(f"Chosen by the lowest {FIGURES[found.by][0]}{limit}; `then`: on the stretch that followed, unseen.")]
    if found.out_of_sample is not None and found.out_of_sample.liquidations:
        notes.append(Text(f"{found.out_of_sample.liquidations} liquidations on unseen stretches."))
    return Group(notes[0], shown, *notes[1:])


def _beside(seen: Figures | Sum | None, then: Figures | Sum | None) -> list[str]:
    """In sample and out of sample, figure by figure."""
    return ["" if one is None else f"{getattr(one, name):.{places}f}"
            for name, places in (("net_cost_bp", 1), ("off_pp", 2), ("hedges_a_year", 1)) for one in (seen, then)]


@dataclass(frozen=True, slots=True)
class TunedReport:
    """`tune` for --json."""

    rows: int
    first: str
    last: str
    yours: Line
    others: tuple[Line, ...]
    meaning: str


def tuned(points: Sequence[Point], found: Tuned, span: Span) -> TunedReport:
    """For --json."""
    return TunedReport(
        span.rows, iso(span.first), iso(span.last), Line(dict(points[0].settings), found.yours),
        tuple(Line(dict(point.settings), figures) for point, figures in found.others), found.meaning)


def tune_table(points: Sequence[Point], found: Tuned) -> RenderableType:
    """Yours first, then the others, then the sentence."""
    shown = Table(box=None)
    shown.add_column("open", no_wrap=True)
    _columns(shown)
    for point, figures in ((points[0], found.yours), *found.others):
        settings = dict(point.settings)
        words = settings.get("open", f"{settings.get('yours')} (yours)")
        if figures.refused is None:
            shown.add_row(words, *_cells(figures))
        else:
            shown.add_row(words, "refused")
    return Group(shown, Text(found.meaning))


_HEADS = ("hedges/y", "cost bp/y", "off pp", "runway", "cash", "sold", "liquidated")


def _columns(shown: Table) -> None:
    for name in _HEADS:
        shown.add_column(name, justify="right")


def _cells(found: Figures) -> list[str]:
    return [f"{found.hedges_a_year:.1f}", f"{found.net_cost_bp:.1f}", f"{found.off_pp:.2f}",
            _percent(found.lowest_runway), _percent(found.lowest_cash), str(found.finalised), str(found.liquidations)]


def _percent(value: Decimal | None) -> str:
    return "-" if value is None else f"{value * 100:.1f}%"
