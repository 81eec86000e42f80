"""What the venue shows: the account, its key, strangers, markets, and what the targets would need of it."""
# ruff: noqa: PLC0415 -- imports inside functions keep what needs no venue light

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bot import answers, app
from bot.core import hygiene
from bot.core.hygiene import Check, Verdict
from bot.core.money import plain
from bot.core.policy import Terms
from bot.core.way import said
from bot.doctor.findings import Finding, Part, bad_config, ok
from bot.doctor.streams import streams
from bot.errors import ConfigError, HedgerowError, JournalError, RateLimited, Refused, Unavailable
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.core.market import Snapshot
    from bot.journal.views import RecordedDecision, StatusReport
    from bot.ports import Venue


async def venue_findings(settings: Settings, *, dry_run: bool) -> list[Finding]:
    """All that the venue shows; where it does not answer, that."""
    try:
        async with app.looking(settings, dry_run=dry_run) as (clock, venue):
            if dry_run:
                await venue.instruments(list(settings.assets))  # opens the simulated account
            findings = await _account(settings, venue)
            return [*findings, *await streams(settings, clock, venue, dry_run=dry_run)]
    except ConfigError as error:
        return [bad_config("configuration", str(error))]
    except Unavailable as away:
        return [_away(settings, away)]
    except HedgerowError as error:
        return [Finding(Part.ACCOUNT, Check("account", Verdict.FAIL, str(error), "readable", "do as it says"))]


def _away(settings: Settings, away: Unavailable) -> Finding:
    way = "see whether the network and the venue are up"
    if isinstance(away, RateLimited):
        way = "wait a minute; something asks too much with this key or from this address"
    elif settings.local:
        way = "start it: hedgerow testnet serve"
    return Finding(Part.REACH, Check("venue", Verdict.FAIL, str(away), "an answer", way))


async def _account(settings: Settings, venue: Venue) -> list[Finding]:
    """Whatever the account lets be seen; a key that may not even look ends it there."""
    policy = settings.policy()
    status = _known(settings)
    checks = await venue.inspect(policy)
    findings = [
        Finding(Part.MARKETS if check.name == hygiene.MARKET else Part.ACCOUNT, _as_at_start(check, status))
        for check in checks
    ]
    try:
        account = await venue.account()
        if status is not None:
            findings.append(_owner(account, status))
        terms = Terms(policy, await venue.instruments([asset.asset for asset in policy.assets]))
        snapshot = await venue.snapshot()
    except Unavailable as away:
        return [*findings, _away(settings, away)]
    except Refused as refusal:
        if not hygiene.stopping(checks) and not hygiene.pausing(checks):
            findings.append(Finding(
                Part.ACCOUNT, Check("account", Verdict.FAIL, str(refusal), "readable", "do as it says")))
        return findings
    findings.append(ok(Part.REACH, "venue", f"{venue.name} answers", "an answer"))
    return [*findings, *_markets(settings, terms), *_books(terms, snapshot, status), *_plans(settings, terms, snapshot)]


def _known(settings: Settings) -> StatusReport | None:
    """What the journal knows, where there is one that can be read."""
    try:
        return answers.read_status(settings) if settings.journal.is_file() else None
    except JournalError:
        return None


def _as_at_start(check: Check, status: StatusReport | None) -> Check:
    """A coin's leverage and margin mode are set at each start: before the first one they need not be right."""
    mended = check.asset is not None and check.name in (hygiene.LEVERAGE, hygiene.MARGIN_MODE)
    ran = status is not None and status.decided_at is not None
    if not mended or ran or check.verdict is not Verdict.FAIL:
        return check
    return replace(check, verdict=Verdict.WARN, remedy="nothing: `hedgerow run` sets it at its start")


def _owner(account: str, status: StatusReport) -> Finding:
    good = account == status.binding.account
    return Finding(Part.FILES, Check(
        "journal_account", Verdict.OK if good else Verdict.FAIL, f"account {status.binding.account}",
        f"account {account}, which the key opens", "" if good else "name another journal file, or give that key",
    ))


def _markets(settings: Settings, terms: Terms) -> Iterator[Finding]:
    """The venue's specifications against those of the last decision."""
    last = _last(settings)
    for asset, spec in terms.instruments.items():
        before = None if last is None else last.terms.instruments.get(asset)
        shown = f"step {plain(spec.amount_step)}, tick {plain(spec.price_tick)}, from {plain(spec.min_notional)}"
        if before is None or not hygiene.changes(before, spec):
            yield ok(Part.MARKETS, hygiene.INSTRUMENT, shown, "as the configuration needs it", asset)
        else:
            yield Finding(Part.MARKETS, hygiene.instrument_check(asset, before, spec))


def _last(settings: Settings) -> RecordedDecision | None:
    from bot.journal.reader import read_decisions

    status = _known(settings)
    if status is None or status.decided_at is None:
        return None
    return list(read_decisions(settings.journal, since=status.decided_at))[-1]


def _books(terms: Terms, snapshot: Snapshot, status: StatusReport | None) -> Iterator[Finding]:
    """Hedges on our symbols against the journal, which alone knows whether they are ours."""
    hedges = {} if status is None else {episode.asset: episode.short for episode in status.open_episodes}
    for asset, spec in terms.instruments.items():
        position = snapshot.position(spec.symbol)
        found = -position.quantity if position is not None else Decimal(0)
        ours = hedges.get(asset, Decimal(0))
        if found == ours or (found < 0 and not ours and asset not in terms.longs):  # it is named among the strangers
            yield ok(Part.ACCOUNT, "hedge", said(ours), "what the journal has booked", asset)
            continue
        remedy = ("undo what was traded by hand, or close the hedge (hedgerow close)" if ours else
                  "close it, or, where a bot of yours opened it, hedgerow journal rebuild")
        yield Finding(Part.ACCOUNT, Check(
            hygiene.FOREIGN_POSITION, Verdict.FAIL, f"{said(found)} on {spec.symbol}",
            f"{said(ours)}, as the journal has it", remedy, asset,
        ))


def _plans(settings: Settings, terms: Terms, snapshot: Snapshot) -> Iterator[Finding]:
    """The configuration on this account, and whether the wallet can carry what the targets would ask of it next."""
    try:
        plan = answers.plan_on(settings, terms, snapshot)
    except ConfigError as error:
        yield bad_config("contracts_and_triggers", str(error), "what fits this account and these markets")
        return
    except JournalError:
        return  # said among the files
    for warning in plan.findings:
        yield Finding(Part.CONFIGURATION, Check(
            "contracts_and_triggers", Verdict.WARN, warning, "what fits this account and these markets",
            "allowed, but look at it"))
    if not plan.findings:
        yield ok(Part.CONFIGURATION, "contracts_and_triggers", "fit", "what fits this account and these markets")
    if plan.outlook is None:
        return
    for each in plan.outlook.assets:
        for trigger in each.triggers:
            if trigger.collateral is None:
                continue
            missing = trigger.collateral.missing
            yield Finding(Part.FUNDS, Check(
                "collateral", Verdict.WARN if missing else Verdict.OK,
                f"{trigger.collateral.equity:,.2f} {terms.policy.settle} to lean on",
                f"{trigger.collateral.needed:,.2f} to {trigger.action} at a price of {plain(trigger.price)}",
                f"move {missing:,.2f} {terms.policy.settle} to the futures wallet" if missing else "", each.asset,
            ))
