"""`hedgerow sweep` and `hedgerow tune`: many replays, side by side."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.configured import AsJson, Config, load_settings
from bot.cli.replay import LATEST, instant, wishes_of
from bot.cli.testnet import option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from bot.core.times import Millis
    from bot.lab.grid import Point
    from bot.lab.stage import Wishes
    from bot.lab.sweep import Figures, Job, Runner, Span
    from bot.lab.sweep_file import SweepFile
    from bot.lab.walk import Step, Window, Wish

Panel = Annotated[Path, typer.Argument(metavar="PANEL", help="Hourly history: a panel file (CSV or CSV.gz).")]
Begin = Annotated[str | None, typer.Option(
    "--from", metavar="DATE", show_default=False, help="First instant. Default: the panel's.")]
End = Annotated[str | None, typer.Option(
    "--to", metavar="DATE", show_default=False, help="The instant before which it ends. Default: after the last row.")]
Fill = Annotated[str, typer.Option(metavar="touch|immediate", help="When an order fills; see replay.")]
Jobs = Annotated[int | None, typer.Option(
    metavar="N", min=1, show_default=False, help="Processes at once. Default: one for each core.")]


def sweep(
    panel: Panel,
    config: Config = None, *,
    grid: Annotated[Path, typer.Option(
        metavar="FILE", help="What is to be tried: a configuration's sections, each key with its values (YAML).")],
    begin: Begin = None,
    end: End = None,
    fill: Fill = "touch",
    jobs: Jobs = None,
    out: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False,
        help="Keep each result here as soon as it is there. What is kept already is not run again.")] = None,
    train: Annotated[str | None, typer.Option(
        metavar="LENGTH", show_default=False,
        help="Walk forward: choose on so much history, such as 12m (months) or 90d ...")] = None,
    test: Annotated[str | None, typer.Option(
        metavar="LENGTH", show_default=False, help="... and judge the choice on so much that follows it.")] = None,
    by: Annotated[str, typer.Option(
        metavar="net_cost_bp|off_pp|hedges_a_year",
        help="With --train: choose where this is lowest. Points that were liquidated are not chosen.")] = "net_cost_bp",
    within: Annotated[str | None, typer.Option(
        metavar="PP", show_default=False,
        help="With --train: choose among points whose mean |net - target| is at most this.")] = None,
    scheduler: Annotated[str | None, typer.Option(
        metavar="ADDRESS", show_default=False,
        help="Run on this Dask cluster, such as tcp://10.0.0.5:8786 (needs hedgerow[dask]).")] = None,
    heatmap: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False, help="Draw a figure over two axes of the grid, as SVG.")] = None,
    figure: Annotated[str, typer.Option(
        metavar="NAME", help="With --heatmap: net_cost_bp, off_pp, hedges_a_year, lowest_runway, lowest_cash or "
                             "liquidations.")] = "net_cost_bp",
    axes: Annotated[str | None, typer.Option(
        metavar="X,Y", show_default=False, help="With --heatmap: its axes. Default: the first two with more than one "
                                                "value.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay history at every point of a grid of settings, on all cores, and compare.

    Each point is a replay of its own, by the bot itself. With --train and --test nothing is recommended on the history
    that it was chosen on: each choice is judged on what came after.

    \b
    Examples:
      hedgerow sweep panel.csv -c mine.yaml --grid grid.yaml --out found.jsonl
      hedgerow sweep panel.csv -c mine.yaml --grid grid.yaml --heatmap map.svg
      hedgerow sweep panel.csv -c mine.yaml --grid g.yaml --train 12m --test 3m
    """
    from bot.cli import render, render_sweep
    from bot.lab import heatmap as maps
    from bot.lab import walk
    from bot.lab.grid import points_of, read_grid
    from bot.lab.sweep_file import SweepFile

    _check(train=train, test=test, by=by, figure=figure)
    _check_pair(train, within, heatmap, axes)
    _check_files({"--heatmap": heatmap, "--out": out})
    wishes = _wishes(config, fill)
    tried = points_of(read_grid(grid), wishes.policy)
    chosen = None if heatmap is None else maps.axes_of(
        tried.axes, [] if axes is None else [name.strip() for name in axes.split(",")])
    work = _Work(panel, wishes, *_bounds(begin, end), None if out is None else SweepFile(out))
    windows, wish = None, walk.Wish(by, None if within is None else option("--within", _points, within))
    if train is not None and test is not None:
        windows = walk.windows(work.span, option("--train", walk.length_of, train),
                               option("--test", walk.length_of, test))
    with _runner(jobs, scheduler) as runner:
        if windows is None:
            figures = work.run([work.job(point) for point in tried.points], runner)
        else:
            steps = _walk(work, tried.points, windows, wish, runner)
    if windows is not None:
        report = render_sweep.walked(steps, wish)
        typer.echo(render.to_json(report)) if as_json else render.console().print(render_sweep.walk_table(report))
        return
    if chosen is not None and heatmap is not None:
        _write(heatmap, maps.draw(maps.map_of(tried.points, figures, *chosen, figure)))
    found = render_sweep.swept(tried, figures, work.span)
    typer.echo(render.to_json(found)) if as_json else render.console().print(render_sweep.table(found))


def tune(
    panel: Panel, config: Config = None, *, begin: Begin = None, end: End = None, fill: Fill = "touch",
    jobs: Jobs = None, as_json: AsJson = False,
) -> None:
    """Show what other triggers would have meant for your own weights: hedges, cost, tracking error.

    Replays history with your configuration as it is, and with other open levels.

    \b
    Example:
      hedgerow tune panel.csv.gz -c mine.yaml
    """
    from bot.cli import render, render_sweep
    from bot.lab import tune as tuning

    wishes = _wishes(config, fill)
    points = tuning.trials(wishes.policy)
    work = _Work(panel, wishes, *_bounds(begin, end), None)
    with _runner(jobs, None) as runner:
        figures = work.run([work.job(point) for point in points], runner)
    found = tuning.tuned(points, figures)
    if as_json:
        typer.echo(render.to_json(render_sweep.tuned(points, found, work.span)))
    else:
        render.console().print(render_sweep.tune_table(points, found))


# -- shared ------------------------------------------------------------------------------------------------------------


class _Work:
    """What all jobs of one call share."""

    def __init__(self, panel: Path, wishes: Wishes, start: Millis, end: Millis, kept: SweepFile | None) -> None:
        from bot.lab import sweep as lab

        self.panel, self.wishes, self.start, self.end, self.kept = panel.resolve(), wishes, start, end, kept
        self.span: Span = lab.span_of(panel, [one.asset for one in wishes.policy.assets], start, end)
        self.digest = lab.digest_of(panel)

    def job(self, point: Point, start: Millis | None = None, end: Millis | None = None) -> Job:
        """The replay of one point."""
        from dataclasses import replace

        from bot.lab.sweep import Job

        return Job(self.panel, self.digest, replace(self.wishes, policy=point.policy),
                   self.start if start is None else start, self.end if end is None else end)

    def run(self, jobs: Sequence[Job], runner: Runner) -> list[Figures]:
        """Their figures, with a progress bar."""
        from bot.lab import sweep as lab

        with _progress(len(jobs)) as done:
            return lab.sweep(jobs, runner, self.kept, done)


def _walk(
    work: _Work, points: Sequence[Point], windows: Sequence[Window], wish: Wish, runner: Runner,
) -> list[Step]:
    """Choose on each window's first stretch, and judge on the one after it."""
    from bot.lab import walk

    found = work.run([work.job(point, each.begin, each.turn) for each in windows for point in points], runner)
    seen = [found[k * len(points):(k + 1) * len(points)] for k in range(len(windows))]
    chosen = [walk.best(points, figures, wish) for figures in seen]
    fit = [(each, place) for each, place in zip(windows, chosen, strict=True) if place is not None]
    unseen = iter(work.run([work.job(points[place], each.turn, each.end) for each, place in fit], runner))
    return [
        walk.Step(each, None, None, None) if place is None
        else walk.Step(each, points[place], figures[place], next(unseen))
        for each, place, figures in zip(windows, chosen, seen, strict=True)]


def _check(*, train: str | None, test: str | None, by: str, figure: str) -> None:
    from bot.lab.walk import FIGURES

    if (train is None) != (test is None):
        raise typer.BadParameter("--train and --test go together")
    if by not in {"net_cost_bp", "off_pp", "hedges_a_year"}:
        raise typer.BadParameter(f"{by!r} is none of net_cost_bp, off_pp, hedges_a_year", param_hint="--by")
    if figure not in FIGURES:
        raise typer.BadParameter(f"{figure!r} is none of {', '.join(FIGURES)}", param_hint="--figure")


def _check_pair(train: str | None, within: str | None, heatmap: Path | None, axes: str | None) -> None:
    """What belongs together, and what does not."""
    if train is not None and heatmap is not None:
        raise typer.BadParameter("a walk forward has no map: --train does not go with it", param_hint="--heatmap")
    if train is None and within is not None:
        raise typer.BadParameter("it belongs to --train and --test", param_hint="--within")
    if heatmap is None and axes is not None:
        raise typer.BadParameter("it belongs to --heatmap", param_hint="--axes")


def _check_files(files: Mapping[str, Path | None]) -> None:
    """That they can be written: said before hours of work, not after."""
    for name, file in files.items():
        if file is not None and not file.parent.is_dir():
            raise typer.BadParameter(f"there is no folder {file.parent}", param_hint=name)
        if file is not None and file.is_dir():
            raise typer.BadParameter(f"{file} is a folder", param_hint=name)


def _wishes(config: Path | None, fill: str) -> Wishes:
    return wishes_of(load_settings(config), bare=False, fill=fill, nav=None,
                     levels={"open": None, "close": None, "resize": None})


def _bounds(begin: str | None, end: str | None) -> tuple[Millis, Millis]:
    return (0 if begin is None else option("--from", instant, begin),
            LATEST if end is None else option("--to", instant, end))


def _points(text: str) -> Decimal:
    """'1.5' or '1.5pp' → percentage points. Raises ValueError."""
    from bot.core.money import parse_decimal

    points = parse_decimal(text.removesuffix("pp"), "a distance in percentage points")
    if points <= 0:
        raise ValueError(f"{text!r} is no distance in percentage points; allowed: above 0, such as 1.5")
    return points


@contextmanager
def _runner(jobs: int | None, scheduler: str | None) -> Iterator[Runner]:
    from bot.lab import sweep as lab

    if scheduler is not None and not re.fullmatch(r"[a-z]+://[^\s/]+:\d+", scheduler):
        raise typer.BadParameter(f"{scheduler!r} is no address; allowed: tcp://HOST:PORT", param_hint="--scheduler")
    with ExitStack() as stack:
        if scheduler is None:
            yield lab.on_cores(jobs or lab.cores())
        else:
            yield stack.enter_context(lab.on_cluster(scheduler))


@contextmanager
def _progress(count: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), console=console,
                  transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=count)
        yield lambda done: bar.advance(task, done)


def _write(path: Path, text: str) -> None:
    from bot.errors import ConfigError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
