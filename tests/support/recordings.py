"""Recorded replies of Bybit, and what there is to compare in JSON: each key's place and type."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_SHARED = Path(os.environ.get("HEDGEROW_SHARED") or Path(__file__).parents[3] / "shared")


def recorded(name: str) -> Any:
    """The recording of that name; skips the test where the folder is absent."""
    file = _SHARED / "fixtures" / "bybit" / f"{name}.json"
    if not file.is_file():
        pytest.skip(f"no recording at {file}: HEDGEROW_SHARED names the folder")
    return json.loads(file.read_text())


def kinds(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Each key's place with its JSON type; rows of a list share their places."""
    if isinstance(value, dict):
        for key, held in value.items():
            below = f"{place}.{key}" if place else key
            yield below, _kind(held)
            yield from kinds(held, below)
    elif isinstance(value, list):
        for held in value:
            yield f"{place}[]", _kind(held)
            yield from kinds(held, f"{place}[]")


def _kind(value: Any) -> str:
    return {bool: "flag", int: "number", float: "number", str: "text", type(None): "null"}.get(
        type(value), type(value).__name__)
