"""Reads made at once: all of them are waited for, and none is left behind."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import RateLimited, Refused, Unavailable
from bot.venues.gateway import together


async def saying(answer: object, ended: list[object], *, after: int = 0) -> object:
    for _ in range(after):
        await asyncio.sleep(0)
    ended.append(answer)
    if isinstance(answer, Exception):
        raise answer
    return answer


async def test_answers_come_in_the_order_of_the_questions() -> None:
    ended: list[object] = []
    assert await together(saying(1, ended, after=3), saying(2, ended), saying(3, ended, after=1)) == [1, 2, 3]
    assert ended == [2, 3, 1]


async def test_all_are_waited_for_and_the_gravest_failure_is_raised() -> None:
    ended: list[object] = []
    with pytest.raises(Refused):
        await together(
            saying(Unavailable("away"), ended), saying(RateLimited("slower", 1), ended), saying(4, ended, after=5),
            saying(Refused("no", "-1"), ended, after=2),
        )
    assert len(ended) == 4


async def test_given_up_it_leaves_nothing_behind() -> None:
    ended: list[object] = []
    never = asyncio.Event()

    async def hanging() -> object:
        try:
            await never.wait()
        finally:
            ended.append("hanging")
        return None

    work = asyncio.ensure_future(together(saying(1, ended), hanging(), hanging()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert ended == [1, "hanging", "hanging"]
    assert asyncio.all_tasks() == {asyncio.current_task()}
