"""Draw the pictures of docs/tuning.md: what `tune` prints, and a sweep over the made-up history as heat maps.

`python docs/draw_tuning.py` writes docs/pictures/{tune,sweep-cost,sweep-off}.svg. The same history is always the same
bytes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from draw import draw, terminal

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"


def main() -> None:
    """One sweep, two pictures: the second finds everything in the file that the first has kept. And tune's table."""
    words = ("tune", "docs/examples/history.csv", "-c", "config/demo.yaml")
    lines = terminal(sys.executable, "-m", "bot", *words, folder=ROOT)
    table = next(number for number, line in enumerate(lines) if "hedges/y" in line)  # the progress bar goes before it
    shown = [re.sub(r"\x1b\[[?\d]*[A-HJKhl]", "", line) for line in lines[table:]]  # but for what moves the cursor
    draw(shown, "hedgerow tune", PICTURES / "tune.svg")
    with tempfile.TemporaryDirectory() as folder:
        for name, figure in (("cost", "net_cost_bp"), ("off", "off_pp")):
            subprocess.run(  # noqa: S603 -- our own command
                [sys.executable, "-m", "bot", "sweep", "docs/examples/history.csv", "-c", "config/demo.yaml", "--grid",
                 "docs/examples/grids/levels.yaml", "--out", f"{folder}/found.jsonl", "--figure", figure, "--heatmap",
                 str(PICTURES / f"sweep-{name}.svg")], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    main()
