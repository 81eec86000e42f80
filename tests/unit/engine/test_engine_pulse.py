"""The line at rest: once in a while, by the bot's own clock, and only while all is well."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from paper_bot import PaperBot, StoryTime

from bot.core.decision import Decision
from bot.core.market import Snapshot
from bot.core.policy import AssetPolicy, Policy
from bot.core.times import HOUR, MINUTE
from bot.engine.pulse import Pulse
from bot.telemetry.events import check
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

D = Decimal


@pytest.fixture
async def seen() -> tuple[Decision, Snapshot]:
    """A quiet tick of a bot on its targets."""
    exchange = build(TestnetOptions(scenario="calm", days=2, seed=1)).exchange
    policy = Policy((AssetPolicy("BTC", D("0.5")), AssetPolicy("ETH", D("0.3"))), D("0.2"))
    bot = PaperBot(exchange, policy, StoryTime(exchange.feed.start, exchange.feed.end))
    engine, _ = await bot.compose()
    report = await engine.tick()
    return report.decision, await bot.door.snapshot()


class Heard:
    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def __call__(self, event: str, **fields: object) -> None:
        check(event, fields)
        self.lines.append(fields)


def test_a_line_comes_at_once_and_then_no_more_often_than_asked(seen: tuple[Decision, Snapshot]) -> None:
    decision, snapshot = seen
    heard = Heard()
    pulse = Pulse(heard, every=15 * MINUTE)
    for minute in range(61):
        pulse.beat(replace(decision, at=decision.at + minute * MINUTE), snapshot, reconciled=True)
    assert len(heard.lines) == 5
    assert heard.lines[0]["shorts"] == {"BTC": 0, "ETH": 0}
    coming = heard.lines[0]["next_funding_at"]
    assert isinstance(coming, int)
    assert decision.at < coming <= decision.at + 8 * HOUR
    assert set(heard.lines[0]["drifts"]) == {"BTC", "ETH"}  # type: ignore[call-overload] # a mapping


def test_nothing_is_called_healthy_while_something_is_wrong(seen: tuple[Decision, Snapshot]) -> None:
    decision, snapshot = seen
    heard = Heard()
    pulse = Pulse(heard, every=15 * MINUTE)
    held = replace(decision, assets=(replace(decision.assets[0], held=True), *decision.assets[1:]))
    pulse.beat(held, snapshot, reconciled=True)
    pulse.beat(replace(decision, halted="hedge mode"), snapshot, reconciled=True)
    pulse.beat(decision, snapshot, reconciled=False)
    assert heard.lines == []
    pulse.beat(decision, snapshot, reconciled=True)
    assert len(heard.lines) == 1, "the silence ends with the trouble"


def test_zero_is_never(seen: tuple[Decision, Snapshot]) -> None:
    heard = Heard()
    Pulse(heard, every=0).beat(*seen, reconciled=True)
    assert heard.lines == []
