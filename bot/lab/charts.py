"""The pictures of a report, drawn by matplotlib as SVG: the same values are always the same bytes.

matplotlib is imported when something is drawn, never before: it takes a second and 60 MB.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bot.core.times import Millis
from bot.lab.report_series import Runway, Spent, Weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 9.0, 3.2
"""Inches, of 72 points."""
_FAR = Decimal(3)
"""A runway beyond this is not told apart."""
_NAME_ROOM = 0.045
"""The part of the line of time that a hedge's name takes."""

INK, MUTED, BLUE, ORANGE, GREEN, RED, PURPLE = (
    "#24292f", "#8c959f", "#0969da", "#bc4c00", "#1a7f37", "#cf222e", "#8250df")
_STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "hedgerow", "font.family": "sans-serif", "font.size": 9,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": MUTED, "axes.labelcolor": INK,
    "xtick.color": INK, "ytick.color": INK, "text.color": INK, "axes.grid": True, "grid.color": "#eaeef2",
    "axes.axisbelow": True, "path.simplify": False, "text.usetex": False, "text.parse_math": False,
    "axes.unicode_minus": True, "timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A hedge on the line of time: from when to when, how it is called, and whether it is over."""

    label: str
    row: str
    since: Millis
    until: Millis
    over: bool


def exposure(weights: Weights) -> str:
    """A coin's weight without and with its hedge, its target, and the levels that open and close one."""

    def paint(axes: Axes) -> None:
        when = _times(weights.at)
        axes.fill_between(when, _points(weights.closes), _points(weights.opens), color="#fff8c5", linewidth=0,
                          label="between close and open level")
        axes.step(when, _points(weights.opens), where="post", color=ORANGE, linewidth=0.8, linestyle="--",
                  label="open")
        axes.step(when, _points(weights.closes), where="post", color=GREEN, linewidth=0.8, linestyle="--",
                  label="close")
        axes.step(when, _points(weights.target), where="post", color=MUTED, linewidth=1, label="target")
        axes.plot(when, _points(weights.before), color=INK, linewidth=1, label="coins alone")
        axes.plot(when, _points(weights.after), color=BLUE, linewidth=1.4, label="with the hedge")
        axes.set_ylabel(f"{weights.asset}, % of NAV")

    return _drawn(f"exposure {weights.asset}", paint)


def runway(one: Runway) -> str:
    """How far all shorted prices may rise before liquidation, with the ladder's first rungs."""

    def paint(axes: Axes) -> None:
        known = [value for value in one.joint if value is not None]
        top = min(max([*known, one.warn]), _FAR)
        cut = f" (cut at {top * 100:.0f}%)" if any(value > top for value in known) else ""
        axes.plot(_times(one.at), _points(one.joint), color=BLUE, linewidth=1.2, label=f"joint runway{cut}")
        for name, level, colour in (("warn", one.warn, MUTED), ("stop", one.stop, ORANGE), ("reduce", one.reduce, RED)):
            axes.axhline(float(level * 100), color=colour, linewidth=0.8, linestyle="--", label=name)
        axes.set_ylabel("rise to liquidation, %")
        axes.set_ylim(0, float(top * (100 if cut else 105)))
        axes.set_xlim(*_times([one.at[0], max(one.at[-1], one.at[0] + 1)]))

    return _drawn("runway", paint)


def spent(one: Spent, settle: str) -> str:
    """The cost of hedging by component, summed from hedge to hedge; and the net cost."""

    def paint(axes: Axes) -> None:
        when = _times(one.at)
        for (name, line), colour in zip(one.parts.items(), (PURPLE, ORANGE, GREEN, MUTED), strict=True):
            axes.step(when, [float(value) for value in line], where="post", color=colour, linewidth=1, label=name)
        net = [float(sum(values)) for values in zip(*one.parts.values(), strict=True)]
        axes.step(when, net, where="post", color=INK, linewidth=1.6, label="net cost")
        axes.axhline(0, color=MUTED, linewidth=0.8)
        axes.set_ylabel(f"cost in {settle} (below 0: earned)")

    return _drawn("spent", paint)


def timeline(bars: Sequence[Bar]) -> str:
    """Hedges as bars, a line for each coin; what is still open reaches to the end and is paler.

    Where hedges follow each other closely not every one has its name beside it: the table has them all.
    """
    rows = sorted({bar.row for bar in bars}, reverse=True)

    span = max((bar.until for bar in bars), default=0) - min((bar.since for bar in bars), default=0)

    def paint(axes: Axes) -> None:
        named: dict[str, Millis] = {}
        for bar in sorted(bars, key=lambda each: each.since):
            begin, end = _times([bar.since, max(bar.until, bar.since + 1)])
            place = rows.index(bar.row)
            axes.barh(place, end - begin, left=begin, height=0.5, color=BLUE, alpha=1.0 if bar.over else 0.5,
                      edgecolor=BLUE, linewidth=0.8)
            if bar.row not in named or bar.since - named[bar.row] >= _NAME_ROOM * span:
                named[bar.row] = bar.since
                axes.annotate(bar.label, (begin, place + 0.3), fontsize=7, color=INK, annotation_clip=True)
        axes.use_sticky_edges = False  # room before the first bar, which begins at the edge otherwise
        axes.margins(x=0.02)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_ylim(-0.6, len(rows) - 0.3)
        axes.grid(visible=False, axis="y")

    return _drawn("timeline", paint, legend=False, height=max(1.2, 0.6 + 0.5 * len(rows)))


# -- shared ------------------------------------------------------------------------------------------------------------


def _drawn(name: str, paint: Callable[[Axes], None], *, legend: bool = True, height: float = HEIGHT) -> str:
    """An SVG element that stands in a page: no prologue, no reference to anything outside, names of its own."""
    import matplotlib as mpl  # noqa: PLC0415 - see above
    from matplotlib import dates  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    untyped: Any = dates
    settings: Any = mpl.rcParams
    with mpl.rc_context():
        mpl.rcdefaults()  # a matplotlibrc of the user's would make other bytes
        settings.update(_STYLE)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        paint(axes)
        locator = untyped.AutoDateLocator(tz=UTC)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator, tz=UTC))
        if legend:
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=6, frameon=False, fontsize=8)
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return inlined(target.getvalue(), _slug(name))


def inlined(svg: str, name: str) -> str:
    """The element alone, for a page: without prologue and metadata, and with ids that no other picture has."""
    element = svg[svg.index("<svg"):]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'\bid="([^"]+)"', lambda found: f'id="{name}-{found[1]}"', element)
    element = re.sub(r'(href="#|url\(#)([^")]+)', lambda found: f"{found[1]}{name}-{found[2]}", element)
    return element.strip()


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


def _times(at: Iterable[Millis]) -> list[Any]:
    return [datetime.fromtimestamp(each / 1000, tz=UTC) for each in at]


def _points(values: Iterable[Decimal | None]) -> list[float]:
    """As percent; a gap where it is not known."""
    return [float("nan") if value is None else float(value * 100) for value in values]
