"""How an answer is written for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from bot.core.money import plain
from bot.telemetry.redaction import CONTROL


def to_json(value: object) -> str:
    """One JSON object, indented; Decimals are strings, instants whole milliseconds, unknown is null."""
    text = json.dumps(_plain(value), indent=2, ensure_ascii=False)
    return CONTROL.sub(lambda found: found.group() if found.group() == "\n" else f"\\u{ord(found.group()):04x}", text)


def _plain(value: object) -> Any:  # noqa: ANN401 - what json takes
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    return str(value) if isinstance(value, Path) else value
