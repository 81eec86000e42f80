"""`hedgerow demo --fault` and `--list-faults`: the testnet's stories of what goes wrong, for a reader."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import typer

from bot.cli import render

if TYPE_CHECKING:
    from bot.testnet.stories import Story


def named(name: str) -> Story:
    """The story of that name. A usage error (exit 2) says which are near."""
    from bot.testnet.stories import STORIES

    if name not in STORIES:
        near = get_close_matches(name, STORIES, n=3) or ["see --list-faults"]
        raise typer.BadParameter(f"there is no fault {name!r}; allowed: {', '.join(near)}", param_hint="--fault")
    return STORIES[name]


def tell_all(*, as_json: bool) -> None:
    """Every fault: its name, what happens, what is expected of the bot."""
    from bot.testnet.stories import STORIES

    if as_json:
        typer.echo(render.to_json({"faults": [
            {"name": story.name, "what": story.what, "expected": story.expected, "venues": story.venues}
            for story in STORIES.values()
        ]}))
        return
    table = render.new_table("name", "what happens", "what the bot must do")
    for column in table.columns:
        column.justify = "left"
    for story in STORIES.values():
        alone = f" ({story.venues[0].capitalize()} only)" if len(story.venues) == 1 else ""
        table.add_row(story.name, f"{story.what}{alone}", story.expected)
    render.console().print(table)


def announce(story: Story, venue: str, *, as_json: bool) -> None:
    """What is to be seen, before it is played. A usage error (exit 2) where the venue knows nothing of the kind."""
    if venue not in story.venues:
        raise typer.BadParameter(f"{story.name} happens on {' and '.join(story.venues)} only", param_hint="--venue")
    if not as_json:
        render.console().print(render.one_line(f"{story.name}: {story.what}"))
        render.console().print(render.one_line(f"expected: {story.expected}"))
