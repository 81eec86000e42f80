"""A panel file as text: its lines, and which column holds what.

A CSV, optionally gzipped, of rows stamped when their values are known. Columns: ``ts_utc``, then for each coin (lower
case) ``btc_spot,btc_perp,btc_mark,btc_funding``, and ``spot_stale``. ``btc_mark_high`` may stand beside them: the
highest mark price since the row before.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bot.errors import ConfigError

PRICES = ("spot", "perp", "mark")
LAYOUT = "ts_utc, <coin>_spot, <coin>_perp, <coin>_mark, <coin>_funding for each coin, spot_stale"
_BLOCK = 1 << 16
_COLUMN = re.compile(r"([a-z0-9]+)_(spot|perp|mark|funding|mark_high)")


class PanelText:
    """A file's lines, and where in it we are: `line` counts from 1."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = 0

    def refuse(self, wrong: str, allowed: str) -> NoReturn:
        """Raise ConfigError about the present line."""
        raise ConfigError(f"{self.path}, line {max(self.line, 1)}: {wrong}; allowed: {allowed}")

    def lines(self) -> Iterator[str]:
        """Lines without their ends. A file cut off in a line or in its compression is refused."""
        zipped = self.path.suffix == ".gz"
        try:
            with gzip.open(self.path, "rb") if zipped else self.path.open("rb") as source:
                rest = b""
                while block := source.read1(_BLOCK):
                    block = rest + block
                    end = block.rfind(b"\n") + 1
                    rest = block[end:]
                    yield from self._decoded(block[:end])
                yield from self._decoded(rest)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.line += 1
            self.refuse(f"the gzip data ends early or is damaged ({error})", "a complete gzip file")
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read ({error.strerror}); allowed: a panel file") from None

    def _decoded(self, block: bytes) -> Iterator[str]:
        """The lines of a block, which is looked through as a whole where there is nothing to be said against it."""
        if self.line and block.endswith(b"\n") and block.isascii() and b"_" not in block and b"\r" not in block:
            for line in block[:-1].decode("ascii").split("\n"):
                self.line += 1
                yield line
        else:
            for raw in io.BytesIO(block):
                self.line += 1
                yield self._decode(raw)

    def _decode(self, raw: bytes) -> str:
        if not raw.endswith(b"\n"):
            self.refuse("the line is cut off", "a line end after every row, the last one too")
        # Python's own numbers may hold underscores and digits of other scripts; a panel's may not.
        if not raw.isascii() or (b"_" in raw and self.line > 1):
            self.refuse("characters that are in no number or date", "plain ASCII numbers and dates")
        return raw.decode("ascii").rstrip("\r\n")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column holds what: `columns` by coin (lower case) and kind."""

    width: int
    stamp: int
    stale: int
    columns: dict[str, dict[str, int]]


def layout_of(text: PanelText, header: str) -> Layout:
    """What a header says. Raises ConfigError for one that is no panel's."""
    names = header.split(",")
    columns: dict[str, dict[str, int]] = {}
    for place, name in enumerate(names):
        if names.index(name) != place:
            text.refuse(f"column {name!r} appears twice", LAYOUT)
        if name in ("ts_utc", "spot_stale"):
            continue
        match = _COLUMN.fullmatch(name)
        if match is None:
            text.refuse(f"unknown column {name!r}", LAYOUT)
        columns.setdefault(match[1], {})[match[2]] = place
    missing = [name for name in ("ts_utc", "spot_stale") if name not in names]
    missing += [
        f"{coin}_{kind}" for coin, kinds in columns.items() for kind in (*PRICES, "funding") if kind not in kinds
    ]
    if missing or not columns:
        text.refuse(f"missing column {', '.join(missing) or 'of any coin'}", LAYOUT)
    return Layout(len(names), names.index("ts_utc"), names.index("spot_stale"), columns)
