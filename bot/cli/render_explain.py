"""A decision explained, as text that fits 80 columns: the formula, the numbers and the result of every step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.cli.render_advice import in_plan
from bot.core.times import iso

if TYPE_CHECKING:
    from bot.answers import ExplainedDecision
    from bot.core.explain import AssetExplanation, Step


def explanation(told: ExplainedDecision) -> RenderableType:
    """Every step of every coin, and whether deciding again gives the same."""
    recorded, story = told.recorded, told.explanation
    revision = f", revision {recorded.revision}" if recorded.revision > 1 else ""
    return Group(
        Text(f"decision {recorded.seq}{revision}, at {iso(story.at)}"), Text(""), Text("the account", style="bold"),
        _steps(story.account), *(part for asset in story.assets for part in _asset(asset)), Text(""),
        *([Text("advice of then: hedge, or sell")] if recorded.advice else ()),
        *(in_plan(each) for each in recorded.advice.values()),
        *([Text(f"DISAGREES: {each}", overflow="fold") for each in story.disagreements]
          or [Text("Decided again from the journal: the same.")]),
    )


def _asset(told: AssetExplanation) -> Iterable[RenderableType]:
    yield Text("")
    yield Text(told.asset, style="bold")
    yield _steps(told.steps)


def _steps(steps: Iterable[Step]) -> Table:
    """A step's formula over its numbers over its result; long lines wrap, nothing is cut."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold", min_width=16, max_width=16)
    table.add_column(overflow="fold")
    for step in steps:
        table.add_row(step.title, step.formula)
        for line in step.numbers:
            table.add_row("", Padding(line, (0, 0, 0, 2)))
        if step.result:
            table.add_row("", Padding(f"→ {step.result}", (0, 0, 0, 2)))
    return table
