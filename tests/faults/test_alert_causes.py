"""Each kind of alert from its cause to the word that it is over, on both venues."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from rig import Rig, running
from story_stream import HandStream

from bot.attention import attended
from bot.core.market import Side
from bot.core.times import HOUR, MINUTE
from bot.engine.daemon import Daemon
from bot.engine.wakes import Allowance, Wakes
from bot.errors import JournalError, SafetyStop
from bot.telemetry.alert_desk import PASSING, Alert, Desk
from bot.telemetry.alert_kinds import KINDS
from bot.telemetry.redaction import Redactor
from bot.testnet.faults import Kind

D = Decimal
BOTH = ("binance", "bybit")
WATCHFUL = 'inspect_every: "1m"'
COUNTDOWN = "POST /fapi/v1/countdownCancelAll"

Act = Callable[[Rig], Awaitable[object]]


class Ear:
    """What a human would have been sent of what a rig says."""

    def __init__(self, rig: Rig) -> None:
        self.desk = Desk(repeat=HOUR, per_hour=1_000)
        self.sent: list[Alert] = []
        self._rig = rig
        self._heard = 0
        tick = rig.tick

        async def ticked() -> object:
            report = await tick()
            self.listen()
            return report

        vars(rig)["tick"] = ticked

    def listen(self) -> None:
        """Hear what was said since, now."""
        news, now = self._rig.events[self._heard:], self._rig.clock.now()
        self._heard += len(news)
        for event, facts in news:
            self.sent += self.desk.hear(event, facts, now)
        self.sent += self.desk.look(now)

    def told(self, kind: str) -> list[Alert]:
        return [alert for alert in self.sent if alert.kind == kind and not alert.mended]

    def open(self, kind: str) -> bool:
        return any(topic[0] == kind for topic in self.desk.told.open)

    def over(self, kind: str) -> bool:
        return any(alert.kind == kind and alert.mended for alert in self.sent) and not self.open(kind)


@dataclass(frozen=True)
class Case:
    """`cause` and `cure` of a kind; `cure` None: it tells of a moment. `most`: ticks until it is told, and over."""

    kind: str
    cause: Act
    cure: Act | None
    venues: tuple[str, ...] = BOTH
    more: str = ""
    most: int = 30
    hedged: bool = True
    specs: str = "venue"
    edit: Callable[[str], str] = lambda text: text


async def nothing(_: Rig) -> None:
    """It heals by itself."""


async def rest(rig: Rig) -> None:
    rig.calm()
    await rig.until(lambda: bool(rig.resting("BTC")))


def shift(factor: str, *assets: str) -> Act:
    async def shifted(rig: Rig) -> None:
        for asset in assets or ("BTC",):
            rig.testnet.exchange.shift_price(asset, D(factor))

    return shifted


def setup(name: str, **more: object) -> Act:
    async def done(rig: Rig) -> None:
        rig.setup(name, **more)

    return done


def ask(kind: str, asset: str | None = None) -> Act:
    async def asked(rig: Rig) -> None:
        await rig.ask(kind, asset)

    return asked


async def disarm(rig: Rig) -> None:
    rig.disarm()


async def trade_by_hand(rig: Rig) -> None:
    rig.by_hand(Side.SELL, D("0.010"))


async def deposit(rig: Rig) -> None:
    rig.post("deposit", {"coin": "USDT", "amount": "10000"})


async def old_prices(rig: Rig) -> None:
    rig.arm("prices", Kind.STALE, count=None)


async def no_look_up(rig: Rig) -> None:
    rig.arm("place", Kind.TIMEOUT_BEFORE)
    history = {"binance": "GET /fapi/v1/order", "bybit": "GET /v5/order/history"}[rig.settings.venue]
    rig.arm(history, Kind.HTML200, count=None)


async def cancels_do_nothing(rig: Rig) -> None:
    await rest(rig)
    rig.arm("cancel", Kind.ASYNC_CANCEL, count=None, milliseconds=0)
    await rig.ask("pause")


def refusing(binance: int, bybit: int, times: int) -> Act:
    async def refused(rig: Rig) -> None:
        code, status = (binance, 400) if rig.settings.venue == "binance" else (bybit, 200)
        rig.arm("place", Kind.ERROR, code=code, status=status, message="no", count=times)

    return refused


async def no_countdown(rig: Rig) -> None:
    rig.arm(COUNTDOWN, Kind.HTTP500, count=None)
    await rest(rig)


async def filled(rig: Rig) -> None:
    rig.calm(calm=False)
    await rig.until(lambda: not rig.resting() and not rig.live(), most=80)


def waits(text: str) -> str:
    return text.replace('{patience: "1m", on_timeout: cross}', '{patience: "2h", on_timeout: wait}')


def seldom(text: str) -> str:
    """Hours pass."""
    return text.replace("\npoll: 1m", "\npoll: 5m")


CASES = [
    Case("liquidation", setup("adl", asset="BTC"), None),
    Case("margin_rung", shift("1.5", "BTC", "ETH"), shift("0.6", "BTC", "ETH"), specs="equal", most=150),
    Case("reconcile_mismatch", trade_by_hand, ask("ignore", "BTC")),
    Case("quarantine", setup("foreign_order", asset="BTC"), ask("ignore", "BTC"), hedged=False),
    Case("quarantine", trade_by_hand, ask("adopt", "BTC")),
    Case("held_for_accept", deposit, ask("accept")),
    Case("account_pause", setup("leverage", asset="BTC", leverage="3"), setup("leverage", asset="BTC", leverage="5"),
         more=WATCHFUL),
    Case("instrument_changed", setup("tick", asset="BTC", tick="5"), None, more=WATCHFUL),
    Case("market_data", old_prices, disarm),
    Case("order_uncertain", no_look_up, disarm, hedged=False, most=120),
    Case("cancel_failing", cancels_do_nothing, disarm, hedged=False, most=60),
    Case("too_many_orders", refusing(-2025, 110020, 1), nothing, hedged=False, most=250),
    Case("order_refused", refusing(-2019, 110007, 3), nothing, hedged=False, most=120),
    Case("books_incomplete", setup("funding_late", delay=20 * MINUTE), nothing, edit=seldom, most=150),
    Case("venue_away", setup("maintenance"), setup("maintenance", on=False), most=200),
    Case("dead_mans_switch", no_countdown, disarm, venues=("binance",), hedged=False, edit=waits, most=120),
    Case("dead_mans_switch", no_countdown, filled, venues=("binance",), hedged=False, edit=waits, most=120),
]

ELSEWHERE = {
    "safety_stop": "below", "bot_ended": "below", "stream_lost": "below",
    "stalled": "test_watchdog.py: of a loop that stands still",
    "stale_heartbeat": "tests/e2e/test_alerts.py: asked by a supervisor",
    "daily_summary": "tests/e2e/test_alerts.py: a daemon sends its day",
    "topped_up": "tests/e2e/test_ladder_story.py: a venue that moves coin",
    "ledger_residual": "test_costs_on_testnet.py: a row that the books never saw",
    "history_gap": "test_reads.py: after a stop longer than the venue's memory",
}


def test_every_kind_of_alert_has_its_case() -> None:
    assert {case.kind for case in CASES} | ELSEWHERE.keys() == KINDS.keys()
    assert {case.kind for case in CASES if case.cure is None} <= PASSING


@pytest.mark.parametrize(("case", "venue"), [
    pytest.param(case, venue, id=f"{case.kind}-{getattr(case.cure, '__name__', 'passes')}-{venue}")
    for case in CASES for venue in case.venues
])
async def test_an_alert_is_told_once_when_its_cause_comes_and_mended_when_it_goes(
    case: Case, venue: str, tmp_path: Path,
) -> None:
    async with running(tmp_path, venue, more=case.more, specs=case.specs, edit=case.edit) as rig:
        if case.hedged:
            await rig.hedged()
        ear = Ear(rig)
        ear.listen()
        assert not ear.open(case.kind)
        before = len(ear.told(case.kind))
        await case.cause(rig)
        await rig.until(lambda: len(ear.told(case.kind)) > before, most=case.most)
        told = ear.told(case.kind)[before:]
        assert all(alert.text and KINDS[case.kind].fix in alert.body for alert in told)
        if case.cure is None:
            assert not ear.open(case.kind), "it tells of a moment"
            return
        assert ear.open(case.kind)
        await case.cure(rig)
        await rig.until(lambda: ear.over(case.kind), most=case.most)
        subjects = [alert.subject for alert in ear.told(case.kind)[before:]]
        assert len(subjects) == len({*subjects}), "each once"


@pytest.mark.parametrize("venue", BOTH)
async def test_a_safety_stop_is_mended_by_the_first_good_look_of_the_next_start(venue: str, tmp_path: Path) -> None:
    async with running(tmp_path, venue, more=WATCHFUL) as rig:
        await rig.hedged()
        ear = Ear(rig)
        rig.setup("hedge_mode")
        daemon = Daemon(rig.bot.engine, rig.clock, poll=rig.settings.poll, working_poll=rig.settings.working_poll,
                        emit=rig._heard)
        with pytest.raises(SafetyStop):
            await daemon.run()
        ear.listen()
        assert {"safety_stop"} <= {alert.kind for alert in ear.sent} <= {"safety_stop", "account_pause"}
        rig.setup("hedge_mode", on=False)
        await rig.restart()
        await rig.until(lambda: ear.over("safety_stop"))
        assert not ear.open("account_pause")


@pytest.mark.parametrize("venue", BOTH)
async def test_a_bot_that_ended_is_mended_by_the_next_that_goes_well(
    venue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(tmp_path, venue) as rig:
        await rig.hedged()
        ear = Ear(rig)

        async def broken(*_: object) -> None:
            raise JournalError("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(rig.bot.book, "beat", broken)
            with pytest.raises(JournalError):
                async with attended(rig.settings, rig.clock, rig._heard, alerts=None, redactor=Redactor()):
                    await rig.bot.engine.tick()
        ear.listen()
        assert [alert.kind for alert in ear.sent] == ["bot_ended"]
        await rig.restart()
        await rig.until(lambda: ear.over("bot_ended"))


async def test_a_stream_that_stays_away_is_told_after_ten_minutes_and_its_return_too(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        ear = Ear(rig)
        clock: object = rig.clock
        wakes = Wakes(HandStream(), clock, rig._heard, allowance=Allowance(floor=0, per_minute=20))  # type: ignore[arg-type]  # nobody sleeps here
        wakes.lost("account", "silent")
        await rig.until(lambda: bool(ear.told("stream_lost")))
        assert rig.clock.now() - rig.clock.origin >= 10 * MINUTE
        wakes.back("account")
        await rig.until(lambda: ear.over("stream_lost"))
