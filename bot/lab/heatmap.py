"""A sweep as a picture: one figure over two axes of the grid. The same values are always the same bytes.

matplotlib is imported when something is drawn, never before: it takes a second and 60 MB.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from bot.errors import ConfigError
from bot.lab.grid import Axis, Point
from bot.lab.sweep import Figures
from bot.lab.walk import FIGURES

_INK = "#24292f"


@dataclass(frozen=True, slots=True)
class Map:
    """Values over two axes: `cells[down][across]`, the mean over all that the other axes vary; None: no such point."""

    figure: str
    across: Axis
    down: Axis
    cells: tuple[tuple[float | None, ...], ...]
    averaged: bool


def axes_of(axes: Sequence[Axis], names: Sequence[str]) -> tuple[Axis, Axis]:
    """The axes of these names, or (none given) the first two that have more than one value. Raises ConfigError."""
    by_name = {each.name: each for each in axes}
    wide = [each.name for each in axes if len(each.values) > 1]
    chosen = list(names) or wide[:2]
    if len(chosen) != 2 or len(set(chosen)) != 2 or any(name not in by_name for name in chosen):
        raise ConfigError(f"a heat map needs two axes of the grid, not {', '.join(chosen) or 'none'}. Allowed: two of "
                          f"{', '.join(by_name)}" + ("" if names else "; with more than one value each"))
    return by_name[chosen[0]], by_name[chosen[1]]


def map_of(points: Sequence[Point], figures: Sequence[Figures], across: Axis, down: Axis, figure: str) -> Map:
    """The figure at each place. Points that were refused, and unknown values, count for nothing."""
    found: dict[tuple[str, str], list[float]] = {}
    for point, each in zip(points, figures, strict=True):
        value = None if each.refused is not None else FIGURES[figure][1](each)
        if value is not None:
            settings = dict(point.settings)
            found.setdefault((settings[across.name], settings[down.name]), []).append(float(value))
    cells = tuple(tuple(
        fmean(found[x, y]) if (x, y) in found else None for x in across.written) for y in down.written)
    return Map(figure, across, down, cells, averaged=any(len(values) > 1 for values in found.values()))


def draw(one: Map) -> str:
    """The map as an SVG document."""
    import matplotlib as mpl  # noqa: PLC0415 - see above
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    settings: Any = mpl.rcParams
    words = FIGURES[one.figure][0]
    with mpl.rc_context():
        mpl.rcdefaults()  # a matplotlibrc of the user's would make other bytes
        settings.update({
            "svg.fonttype": "none", "svg.hashsalt": "hedgerow", "font.family": "sans-serif", "font.size": 9,
            "text.color": _INK, "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
            "text.usetex": False, "text.parse_math": False,
        })
        figure = Figure(figsize=(1.6 + 0.9 * len(one.across.written), 1.5 + 0.5 * len(one.down.written)),
                        layout="constrained")
        FigureCanvasSVG(figure)
        axes: Any = figure.add_subplot()
        shown = [[float("nan") if cell is None else cell for cell in line] for line in one.cells]
        image = axes.imshow(shown, cmap="viridis", aspect="auto")
        axes.set_xticks(range(len(one.across.written)), one.across.written)
        axes.set_yticks(range(len(one.down.written)), one.down.written)
        axes.set_xlabel(one.across.name)
        axes.set_ylabel(one.down.name)
        axes.set_title(words + (" (mean over the other axes)" if one.averaged else ""), fontsize=9, loc="left")
        places = _places(cell for line in one.cells for cell in line)
        for y, line in enumerate(one.cells):
            for x, cell in enumerate(line):
                if cell is not None:
                    light = image.norm(cell) > 0.6
                    axes.text(x, y, f"{cell:,.{places}f}", ha="center", va="center", color=_INK if light else "white")
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return target.getvalue()


def _places(cells: Iterable[float | None]) -> int:
    """So many decimals for every cell of a map that the largest has three digits."""
    largest = max((abs(cell) for cell in cells if cell is not None), default=0.0)
    return 0 if largest >= 100 else 1 if largest >= 10 else 2
