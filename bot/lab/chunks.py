"""Pieces of a download on disk: each whole and signed with its own hash, or not there.

A piece is written beside its name and then given it, so that a download that is killed leaves whole pieces only. One
that was cut or changed afterwards, or that was made of another question, does not count.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

Cells: TypeAlias = tuple[str, ...]
_SUM = "# sha256 "


class Chunks:
    """The pieces in one folder, which is made with the first of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str, question: str) -> list[Cells] | None:
        """The rows that were kept under `name` as an answer to `question`; None: there is none that is whole."""
        try:
            text = (self.folder / name).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return None
        body, found, signed = text.rpartition(_SUM)
        lines = body.splitlines()
        if not found or signed != f"{_hash(body)}\n" or not lines or lines[0] != f"# {question}":
            return None
        return [tuple(line.split(",")) for line in lines[1:]]

    def keep(self, name: str, question: str, rows: Sequence[Cells]) -> None:
        """Keep rows for good."""
        body = "".join(f"{line}\n" for line in (f"# {question}", *(",".join(cells) for cells in rows)))
        self.folder.mkdir(parents=True, exist_ok=True)
        put(self.folder / name, f"{body}{_SUM}{_hash(body)}\n".encode("ascii"))


def put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f"{path.name}.writing")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _hash(body: str) -> str:
    return hashlib.sha256(body.encode("ascii")).hexdigest()
