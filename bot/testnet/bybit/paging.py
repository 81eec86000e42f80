"""Pages of a list, newest first, and the windows of time that Bybit's histories are asked by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote, unquote

from bot.core.times import DAY, Millis
from bot.testnet.bybit.errors import ApiError, bad
from bot.testnet.bybit.params import Params

WEEK: Millis = 7 * DAY
_LONGEST_PLACE = 18
"""Digits of a place in a list."""

_Row = TypeVar("_Row")


def page(
    rows: Sequence[_Row], place: Callable[[_Row], int], params: Params, default: int, most: int,
) -> tuple[list[_Row], str]:
    """One page of `rows` and the cursor of the next ('' after the last).

    `rows` come newest first; `place` is a number that falls from row to row. The cursor holds the places of the
    page's first and last row, so that rows which come in meanwhile shift nothing.
    """
    limit, after = params.limit(default, most), _last_place(params.text("cursor"))
    rest = [row for row in rows if after is None or place(row) < after]
    shown = rest[:limit]
    if len(rest) <= limit:
        return shown, ""
    return shown, quote(f"{place(shown[0])}:0,{place(shown[-1])}:0", safe="")


def _last_place(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    last = unquote(cursor).rpartition(",")[2].partition(":")[0]
    if not last.isdecimal() or len(last) > _LONGEST_PLACE:
        raise bad("cursor")
    return int(last)


def window(params: Params, now: Millis, default: Millis = WEEK) -> tuple[Millis, Millis]:
    """First and last instant asked for, both inclusive: `default` long where one end is open, a week at most.

    Raises ApiError 10001.
    """
    start, end = params.integer("startTime"), params.integer("endTime")
    if start is None:
        last = now if end is None else end
        return last - default, last
    if end is None:
        return start, start + default
    if start > end:
        raise ApiError(10001, message="startTime should be less than endTime")
    if end - start > WEEK:
        raise ApiError(10001, message="The time range between startTime and endTime cannot exceed 7 days")
    return start, end
