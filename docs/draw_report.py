"""Draw the pictures of docs/reports.md: the charts of a report, on a replay of the made-up history.

`python docs/draw_report.py` writes docs/pictures/report-{exposure,cost,runway,hedges}.svg. The same history is always
the same bytes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from bot.lab import charts, report_books, report_series
from bot.lab.report import report_on
from bot.lab.report_page import bars

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"


def main() -> None:
    """Replay, read, draw."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "replay.db"
        subprocess.run(  # noqa: S603 -- our own command
            [sys.executable, "-m", "bot", "replay", "docs/examples/history.csv", "-c", "config/demo.yaml", "--journal",
             str(journal)], cwd=ROOT, check=True, capture_output=True)
        books = report_books.read(journal)
        series, told = report_series.read(journal, books), report_on(books)
    drawn = {"exposure": charts.exposure(series.weights[0]), "cost": charts.spent(series.spent, told.settle),
             "hedges": charts.timeline(bars(told))}
    if series.runway is not None:
        drawn["runway"] = charts.runway(series.runway)
    for name, svg in drawn.items():
        (PICTURES / f"report-{name}.svg").write_text(svg + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
