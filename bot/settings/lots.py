"""What coins had cost, from a CSV: asset, quantity, price of one, day bought."""

from __future__ import annotations

import csv
from pathlib import Path

from bot.core.tax import Lot
from bot.settings import grammar

COLUMNS = ("asset", "quantity", "price", "bought")
LOTS_WRITTEN = f"a CSV with the columns {','.join(COLUMNS)}"


def read_lots(path: Path) -> tuple[Lot, ...]:
    """The lots of a file; columns that are not asked for are passed over. Raises ValueError, with the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            lacking = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if lacking:
                raise ValueError(f"{path.name} has no column {', '.join(lacking)}")
            return tuple(_lot(row, f"{path.name}, line {rows.line_num}") for row in rows)
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is no CSV: {error}") from None


def _lot(row: dict[str, str], where: str) -> Lot:
    try:
        return Lot(grammar.coin(row["asset"]), grammar.amount(row["quantity"]), grammar.quantity(row["price"]),
                   grammar.instant(row["bought"]))
    except grammar.GrammarError as wrong:
        raise ValueError(f"{where}: {wrong.wrong}") from None
