"""Draw the pictures of docs/tuning.md: a sweep over the made-up history, as heat maps.

`python docs/draw_tuning.py` writes docs/pictures/sweep-{cost,off}.svg. The same history is always the same bytes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"


def main() -> None:
    """One sweep, two pictures: the second finds everything in the file that the first has kept."""
    with tempfile.TemporaryDirectory() as folder:
        for name, figure in (("cost", "net_cost_bp"), ("off", "off_pp")):
            subprocess.run(  # noqa: S603 -- our own command
                [sys.executable, "-m", "bot", "sweep", "docs/examples/history.csv", "-c", "config/demo.yaml", "--grid",
                 "docs/examples/grids/levels.yaml", "--out", f"{folder}/found.jsonl", "--figure", figure, "--heatmap",
                 str(PICTURES / f"sweep-{name}.svg")], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    main()
