import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.cli.exits import Code
from bot.cli.main import CLI

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(text: str) -> Iterator[list[str]]:
    """Every `hedgerow …` in a fenced block or between backticks, as words."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(hedgerow [^`]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in lines:
        words = shlex.split(line.replace("…", ""), comments=True)
        if "hedgerow" in words:
            yield words[words.index("hedgerow") + 1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    for words in commands(page.read_text(encoding="utf-8")):
        command: Any = typer.main.get_command(CLI)
        rest = list(words)
        while rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest.pop(0)]
        assert command.name != "hedgerow" or (rest and rest[0].startswith("-")), words
        known = {"--help", "-h"}
        known.update(*((*parameter.opts, *parameter.secondary_opts) for parameter in command.params))
        assert {word for word in rest if re.match(r"--?[a-z]", word)} <= known, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_exit_code_is_explained() -> None:
    table = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    explained = {int(row) for row in re.findall(r"^\| (\d) \|", table, re.MULTILINE)}
    assert explained == {code.value for code in Code}
