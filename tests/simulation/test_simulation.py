"""A few of the runs that `make simulate` has thousands of; that a seed is one run; and that the verdict can fail."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sim_plan import LENGTH, Plan, plan
from simulate import KINDS, VENUES, Found, explore, judge, report, shortest

from bot.core.decision import Decision
from bot.core.market import Side
from bot.core.times import HOUR, Millis
from bot.engine import executor, tick
from bot.engine.book import Book
from bot.engine.settle import Settler
from bot.engine.steps import Place, Step
from bot.errors import Unavailable
from bot.venues import failures

BATCH = 25
SEEDS = 200
WITHIN = 60
"""So many runs must be enough to find out a bot that breaks a promise."""
SILENT = 320
"""From here on a run is near in which an order is filled whose reply is none."""
TWICE = (11, 12, 40, 55, 313)


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_whatever_fails_no_promise_is_broken_and_once_it_stops_every_hedge_reaches_its_target(first: int) -> None:
    for seed in range(first, first + BATCH):
        found, history = judge(plan(seed, VENUES, KINDS))
        assert found.problems == (), "\n".join([f"seed {seed}", *history])


def test_one_seed_is_one_run_in_every_process() -> None:
    """History and journal to the last byte, whatever order the machine gives to sets."""
    command = [sys.executable, str(Path(__file__).with_name("simulate.py")), "--fingerprint", *map(str, TWICE)]
    processes = [
        subprocess.Popen(command, env={**os.environ, "PYTHONHASHSEED": salt}, stdout=subprocess.PIPE, text=True)
        for salt in ("1", "2")
    ]
    first, second = (process.communicate()[0].split() for process in processes)
    assert first == second
    assert len(set(first)) == len(TWICE)


def test_the_report_names_the_kind_of_fault_that_fewest_runs_met_and_says_whether_it_was_quick_enough() -> None:
    told = io.StringIO()
    found = [Found(seed, (), spoilt=Counter({kind: 3 for kind in KINDS if kind != "nan_price" or not seed}))
             for seed in range(4)]
    assert report(found, 0.2, Console(file=told, width=160)) == []
    assert "hit least: nan_price, in 1 of 4 runs" in told.getvalue()
    assert "4 runs in 0 s; 10,000 at this pace in 500 s: within 10 minutes" in told.getvalue()
    report(found, 0.4, Console(file=told, width=160))
    assert "1000 s: not within 10 minutes" in told.getvalue()


def test_where_time_is_up_no_further_run_begins() -> None:
    assert explore(range(40), 1, minutes=0) == []


# -- the verdict can fail ----------------------------------------------------------------------------------------------


def found_out(first: int = 0, length: Millis = LENGTH) -> Plan | None:
    """The first run that breaks a promise, of those from a seed on: `first` saves looking where nothing is found."""
    plans = (replace(plan(seed, VENUES, KINDS), length=length) for seed in range(first, first + WITHIN))
    return next((planned for planned in plans if judge(planned)[0].problems), None)


def test_a_bot_that_forgets_what_it_sent_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def overlook(*_: object) -> bool:
        return False

    monkeypatch.setattr(Settler, "settle", overlook)
    assert found_out(7, length=2 * HOUR) is not None  # not the whole story: it asks and asks


def test_a_bot_that_takes_silence_for_no_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_no_answer", lambda _, text: Unavailable(text))
    assert found_out(SILENT) is not None


def test_a_bot_that_buys_back_twice_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = executor.next_step

    def twice(*asked: Any, **more: Any) -> Step:
        step = real(*asked, **more)
        if isinstance(step, Place) and step.side is Side.BUY:
            return replace(step, quantity=step.quantity * 2, reduce_only=False)
        return step

    monkeypatch.setattr(executor, "next_step", twice)
    assert found_out(4, length=2 * HOUR) is not None


def test_a_bot_that_loses_an_execution_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Book.book_fills

    async def but_the_last(self: Book, record: Any, fills: Any) -> Any:
        return await real(self, record, fills[:-1])

    monkeypatch.setattr(Book, "book_fills", but_the_last)
    assert found_out() is not None


def test_a_bot_that_does_not_hear_its_user_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: Book) -> tuple[()]:
        return ()

    monkeypatch.setattr(Book, "commands", nothing)
    assert found_out(14) is not None


def test_a_bot_that_shorts_more_than_the_excess_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Decision] = vars(tick)["decide"]

    def greedy(*asked: Any) -> Decision:
        decision = real(*asked)
        return replace(decision, assets=tuple(
            replace(one, intent=replace(one.intent, goal=one.intent.goal * 2)) if one.intent else one
            for one in decision.assets))

    monkeypatch.setattr(tick, "decide", greedy)
    assert found_out() is not None


def test_a_decision_that_no_recorded_input_explains_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Decision] = vars(tick)["decide"]

    def moody(*asked: Any) -> Decision:
        return replace(real(*asked), nav=None)

    monkeypatch.setattr(tick, "decide", moody)
    assert found_out() is not None


def test_the_shortest_history_keeps_what_it_takes_to_fail_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_no_answer", lambda _, text: Unavailable(text))
    long = found_out(SILENT)
    assert long is not None
    short = shortest(long)
    assert judge(short)[0].problems
    assert 1 <= short.events < long.events
    assert short == shortest(short)
