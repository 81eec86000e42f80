"""Writes docs/examples/history.csv: five weeks of a made-up market as a panel file, for docs/replay.md to replay."""

from __future__ import annotations

from pathlib import Path

from bot.core.times import HOUR, iso
from bot.testnet.market.scenarios import scenario_rows

FILE = Path(__file__).parent / "examples" / "history.csv"


def lines() -> list[str]:
    """The scenario `demo`, hour by hour."""
    rows = scenario_rows("demo", days=35, seed=7)
    names = [f"{coin.lower()}_{kind}" for coin in rows.tracks for kind in ("spot", "perp", "mark", "funding")]
    found = [",".join(("ts_utc", *names, "spot_stale"))]
    for k in range(rows.count):
        at = rows.start + k * HOUR
        cells = [iso(at)]
        for track in rows.tracks.values():
            rate = track.funding.get(at)
            cells += [f"{price:.2f}" for price in (track.spot[k], track.perp[k], track.mark[k])]
            cells.append("" if rate is None else f"{rate:f}")
        found.append(",".join((*cells, "0")))  # a scenario's spot market never halts
    return found


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()) + "\n")
