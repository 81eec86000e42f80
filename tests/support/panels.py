"""Panel files for tests: the recorded one where it is present, and made-up ones anywhere."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from bot.core.times import HOUR, iso, parse_iso


def recorded_panel() -> Path:
    """The recorded hourly history of 2020 to 2024. Skips the test where it is absent."""
    root = Path(os.environ.get("HEDGEROW_SHARED") or Path(__file__).parents[3] / "shared")
    path = root / "data" / "panel_1h_asof.csv.gz"
    if not path.is_file():
        pytest.skip(f"no recorded history: {path} is absent (HEDGEROW_SHARED names the folder that holds data/)")
    return path


def made_up_panel(folder: Path, rows: int = 600, *, coins: tuple[str, ...] = ("btc", "eth")) -> Path:
    """Hourly rows from 2021-01-01 on: slow waves, so that hedges open, are resized and close; a few stale rows."""
    kinds = ("spot", "perp", "mark", "funding")
    lines = [",".join(("ts_utc", *(f"{coin}_{kind}" for coin in coins for kind in kinds), "spot_stale"))]
    start = parse_iso("2021-01-01")
    for k in range(rows):
        cells = [iso(start + k * HOUR)]
        for place, coin in enumerate(coins):
            price = 1000 * 20 ** (coin == "btc") * math.exp(0.5 * math.sin(k / (37 + 11 * place)) + 0.01 * math.sin(k))
            funding = f"{0.0001 * math.sin(k / 30 + place):.6f}" if k % 8 == 0 else ""
            cells += [f"{price:.2f}", f"{price * 1.0004:.2f}", f"{price * 1.0003:.2f}", funding]
        lines.append(",".join((*cells, "1" if k % 151 == 13 else "0")))
    path = folder / "panel.csv"
    path.write_text("\n".join(lines) + "\n")
    return path
