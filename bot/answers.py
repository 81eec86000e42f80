"""What the commands that only look are told: plan, explain, status, health; and the wish to close.

Rooms are imported inside the functions that need them, as in `bot.app`: `status` and `health` stay light.
"""
# ruff: noqa: PLC0415 -- see above

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bot import app
from bot.core.decision import AssetStanding, Decision, Measure, RuleState, Situation, Standing
from bot.core.market import Asset, Snapshot
from bot.core.orders import SILENCE
from bot.core.plan import decide
from bot.core.policy import Terms
from bot.core.times import Millis, iso
from bot.core.way import hedge_in
from bot.environment import OFFERS
from bot.errors import Refused, SafetyStop, Unavailable
from bot.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from bot.core.advice import Advice
    from bot.core.explain import Explanation
    from bot.core.outlook import Outlook
    from bot.core.tax import TaxPolicy
    from bot.journal.views import Heartbeat, RecordedDecision, StatusReport
    from bot.ports import Settlement, Venue


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What the bot would do now. `findings` are warnings about the configuration against this account; `outlook` is
    what would come next; `advice`: of coins above their targets, whether hedging or selling them is the cheaper way.
    """

    decision: Decision
    terms: Terms
    snapshot: Snapshot
    findings: tuple[str, ...]
    outlook: Outlook | None = None
    advice: Mapping[Asset, Advice] = field(default_factory=dict)


async def make_plan(settings: Settings, *, dry_run: bool = False) -> PlanReport:
    """What the bot would do now; nothing is sent, no time is moved. The rule's memory comes from the journal, if any.

    A dry run's journal makes it the plan of the dry run. Raises ConfigError, Unavailable, Refused, JournalError.
    """
    from bot.rehearsal import is_dry

    dry_run = dry_run or is_dry(settings)
    async with app.looking(settings, dry_run=dry_run) as (_, venue):
        policy = settings.policy()
        terms = Terms(policy, await venue.instruments([asset.asset for asset in policy.assets]))
        snapshot = await venue.snapshot()
        return plan_on(settings, terms, snapshot, await _published(venue, terms, snapshot.taken_at))


def plan_on(
    settings: Settings, terms: Terms, snapshot: Snapshot, settled: Sequence[Settlement] = (),
) -> PlanReport:
    """The same for an account as it was just seen, and funding as published. Raises ConfigError, JournalError."""
    findings = app.findings(settings, terms, snapshot)
    state, standing = _remembered(settings, terms, snapshot)
    return _plan_of(Situation(snapshot, standing, state), terms, findings, settled, settings.tax_policy())


async def make_advice(settings: Settings, asset: Asset, *, dry_run: bool = False) -> AdviceReport:
    """Whether to hedge a coin's excess or to sell it, now. Raises ConfigError, Unavailable, Refused, JournalError."""
    report = await make_plan(settings, dry_run=dry_run)
    decided = report.decision.of(asset)
    return AdviceReport(asset, report.decision.at, report.terms.policy.settle, decided.measure, decided.contract,
                        report.advice.get(asset))


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """The advice on one coin; None where nothing of it is above its target by a contract or more."""

    asset: Asset
    at: Millis
    settle: str
    measure: Measure
    contract: Decimal
    advice: Advice | None


async def _published(venue: Venue, terms: Terms, now: Millis) -> Sequence[Settlement]:
    """A month of published funding; nothing where it cannot be read: then the rate to come must do."""
    from bot.core.advice import LOOK_BACK

    try:
        return await venue.settlements(list(terms.instruments), now - LOOK_BACK)
    except SafetyStop:
        raise
    except (Unavailable, Refused):
        return ()


def plan_portfolio(file: Path, settings: Settings | None) -> PlanReport:
    """What the bot would do with the account that a file describes: no journal, no key, no network.

    The wishes are the file's, or those of `settings`. Raises ConfigError.
    """
    from bot.settings import load_portfolio

    described = load_portfolio(file, settings, app.wall())
    situation, terms = described.situation, described.terms
    return _plan_of(situation, terms, app.findings(settings or described, terms, described.at_start),
                    tax=None if settings is None else settings.tax_policy())


def _plan_of(
    situation: Situation, terms: Terms, findings: tuple[str, ...], settled: Sequence[Settlement] = (),
    tax: TaxPolicy | None = None,
) -> PlanReport:
    from bot.core.advice import advise_all
    from bot.core.outlook import outlook

    decision = decide(situation, terms)
    rates = [(one.asset, one.at, one.rate) for one in settled]
    return PlanReport(decision, terms, situation.snapshot, findings, outlook(situation, terms, decision),
                      advise_all(decision, situation.snapshot, terms, rates, tax))


def _remembered(settings: Settings, terms: Terms, snapshot: Snapshot) -> tuple[RuleState, Standing]:
    """Memory and standing of the journal's last decision; without a journal, the hedges that the venue shows."""
    from bot.journal.reader import read_decisions, read_status

    if settings.journal.exists():
        last = read_status(settings.journal).decided_at
        if last is not None:
            recorded = list(read_decisions(settings.journal, since=last))[-1]
            return recorded.decision.state, recorded.situation.standing
    return RuleState(), Standing(assets={
        asset: AssetStanding(short=hedge_in(snapshot.position(spec.symbol), may_be_long=asset in terms.longs))
        for asset, spec in terms.instruments.items()
    })


def read_status(settings: Settings) -> StatusReport:
    """Where the bot stands, by its journal, with what all its hedges have cost. Raises JournalError."""
    from bot.journal.reader import read_account_costs
    from bot.journal.reader import read_status as read

    report = read(settings.journal)
    return replace(report, dead_mans_switch=_dead_mans_switch(settings, report),
                   account=read_account_costs(settings.journal))


def _dead_mans_switch(settings: Settings, report: StatusReport) -> str:
    """What becomes of orders that rest, should the bot fall silent; of those that rest now, by when.

    The countdown is renewed at ticks alone: it ends no later than it would if the last one had renewed it.
    """
    if report.binding.environment.startswith("dry-"):
        return "none: a dry run has no order at the venue"
    if not OFFERS[settings.venue].dead_mans_switch:
        return f"none: {settings.venue} does not offer it to us; orders that rest stay"
    if not settings.dead_mans_switch:
        return "off by the configuration; orders that rest stay"
    promise = f"{settings.venue} withdraws orders that rest 2 minutes after the bot fell silent"
    resting = sorted({record.intent.asset for record in report.orders if record.state.live})
    if report.heartbeat is None or not resting:
        return f"{promise}; none rests, and none is set"
    ends = iso(report.heartbeat.decided_at + SILENCE)[:19].replace("T", " ")
    return f"{promise}; those on {', '.join(resting)} by {ends} UTC unless it is renewed"


def foresee_end(settings: Settings, asset: Asset) -> str | None:
    """What `finalize` would do by the newest decision of the journal, in words; None: no hedge is open, or no decision.

    Raises JournalError.
    """
    from bot.core.ending import foresee
    from bot.journal.reader import read_decisions
    from bot.journal.reader import read_status as read

    last = read(settings.journal).decided_at
    if last is None:
        return None
    found = list(read_decisions(settings.journal, since=last))[-1]
    if asset not in found.terms.instruments:
        return None
    foreseen = foresee(found.situation, found.terms, found.decision, asset)
    return None if foreseen is None else foreseen.text


def explain_decision(settings: Settings, which: str) -> ExplainedDecision:
    """A decision of the journal, explained; `which`: its number, an instant, 'last', an order's or a hedge's id.

    Raises NoSuchDecision, JournalError.
    """
    from bot.core.explain import explain
    from bot.journal.lookup import find_decision

    found = find_decision(settings.journal, which)
    return ExplainedDecision(found, explain(found.situation, found.terms, found.decision))


@dataclass(frozen=True, slots=True)
class ExplainedDecision:
    """A recorded decision and its arithmetic."""

    recorded: RecordedDecision
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Whether decisions are being reached. `age` and `limit` in real ms; `heartbeat` None: no decision yet."""

    heartbeat: Heartbeat | None
    age: Millis | None
    limit: Millis


def read_health(settings: Settings) -> HealthReport:
    """The age of the last decision, and the most that is healthy: three polls and a minute. Raises JournalError."""
    from bot.journal.reader import read_heartbeat

    beat = read_heartbeat(settings.journal)
    return HealthReport(beat, beat.age(app.wall()) if beat else None, settings.decides_within)


async def submit(
    settings: Settings, kind: str, asset: Asset | None, *, wait: float, order: str | None = None,
    says: str | None = None, by: str | None = None,
) -> str | None:
    """Ask a running bot for something; its answer, or None when none came within `wait` real seconds.

    Raises JournalError. The wish stays in the journal and is obeyed at the next start.
    """
    from bot.journal.reader import read_command, submit_command

    identity = submit_command(settings.journal, kind, asset, app.wall(), order=order, says=says, by=by)
    ends = time.monotonic() + wait
    while True:
        answer = read_command(settings.journal, identity)
        if answer is not None and answer.result is not None:
            return answer.result
        if time.monotonic() >= ends:
            return None
        await asyncio.sleep(0.1)
