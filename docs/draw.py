"""Draw the pictures of the documentation: what a terminal really shows, as SVG.

`python docs/draw.py` writes docs/pictures/demo.svg, from a run of `hedgerow demo`.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

PICTURES = Path(__file__).parent / "pictures"
WIDTH = 80
FIRST, LAST = 16, 6
"""How many lines of the story are drawn from its beginning and from its end."""


def terminal(*command: str, folder: Path | None = None) -> list[str]:
    """What a command prints to a colour terminal of 80 columns, line by line."""
    main, child = pty.openpty()
    environment = os.environ | {"COLUMNS": str(WIDTH), "LINES": "50", "TERM": "xterm-256color"}
    with subprocess.Popen(  # noqa: S603 -- our own command
            command, stdout=child, stderr=child, env=environment, cwd=folder) as process:
        os.close(child)
        shown = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # the terminal closes with its process
                break
            if not part:
                break
            shown += part
    if process.returncode:
        raise SystemExit(shown.decode())
    return shown.decode().replace("\r\n", "\n").splitlines()


def draw(lines: list[str], title: str, target: Path) -> None:
    """Write terminal lines as one SVG, with the fonts of whoever looks at it and nothing fetched from elsewhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    for line in lines:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="ignore", crop=False)
    svg = console.export_svg(title=title, theme=MONOKAI, unique_id=target.stem)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    target.parent.mkdir(exist_ok=True)
    target.write_text(svg, encoding="utf-8")


def demo() -> None:
    """The demo: how it begins, how it ends, and the closing account."""
    lines = terminal(sys.executable, "-m", "bot", "demo")
    account = next(index for index, line in enumerate(lines) if "Closing account" in line)
    story = lines[:account]
    ends = len(story) - LAST
    while story[ends].startswith(" "):  # a line that goes on: from its beginning
        ends -= 1
    draw([*story[:FIRST], "   ⋮", *story[ends:], *lines[account:]], "make demo", PICTURES / "demo.svg")


if __name__ == "__main__":
    demo()
