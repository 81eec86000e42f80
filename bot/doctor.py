"""`hedgerow doctor`: everything that could keep the bot from trading, looked at before it does. Reads only.

Each part ends in checks, whatever happens in it; a part that cannot be reached says so once, and what depends on it is
left out. Composed as the commands of `bot.answers` are: rooms are imported where they are needed.
"""
# ruff: noqa: PLC0415 -- see above

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bot import answers, app
from bot.core import hygiene
from bot.core.hygiene import Check, Verdict
from bot.core.money import plain
from bot.core.policy import Terms
from bot.environment import OFFERS, Environment
from bot.errors import ConfigError, HedgerowError, JournalError, RateLimited, Refused, Unavailable
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.core.market import Snapshot
    from bot.journal.views import RecordedDecision, StatusReport
    from bot.ports import Clock, Learnt, Touch, Venue

ENOUGH_DISK = 200 * 1024 * 1024
"""Bytes; a journal of a year takes some ten megabytes, its log may take more."""


LOOKS_ONLY = "only looks"
"""What the door says to a request that would change something."""


class Part(StrEnum):
    """What a check is about."""

    CONFIGURATION = "configuration"
    FILES = "files"
    REACH = "reach"
    ACCOUNT = "account"
    MARKETS = "markets"
    FUNDS = "funds"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one part."""

    part: Part
    check: Check


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was looked at. `verdict`: the worst of it."""

    verdict: Verdict
    findings: tuple[Finding, ...]

    def failed(self, *parts: Part) -> bool:
        """Whether something of these parts failed."""
        return any(found.check.verdict is Verdict.FAIL and found.part in parts for found in self.findings)


def _examined(findings: Iterable[Finding]) -> Examination:
    order = list(Part)
    every = tuple(sorted(findings, key=lambda found: order.index(found.part)))
    verdicts = {found.check.verdict for found in every}
    worst = next((grade for grade in (Verdict.FAIL, Verdict.WARN) if grade in verdicts), Verdict.OK)
    return Examination(worst, every)


def misconfigured(error: ConfigError) -> Examination:
    """What there is to say where the configuration itself cannot be read."""
    return _examined([_bad_config("configuration", str(error))])


async def examine(settings: Settings, *, dry_run: bool = False) -> Examination:
    """Look at everything; no time is moved and no order sent."""
    findings = [*_configuration(settings, dry_run=dry_run), *_files(settings, dry_run=dry_run)]
    if not any(found.check.name == "secrets" and found.check.verdict is Verdict.FAIL for found in findings):
        findings += await _venue(settings, dry_run=dry_run)
    return _examined(findings)


# -- configuration -----------------------------------------------------------------------------------------------------


def _configuration(settings: Settings, *, dry_run: bool) -> Iterator[Finding]:
    where = str(settings.file) if settings.file is not None else "HEDGEROW_* variables"
    yield _ok(Part.CONFIGURATION, "configuration", where, "readable, every key known")
    yield _ok(Part.CONFIGURATION, "environment", _world(settings, dry_run=dry_run), "the one that is meant")
    if settings.environment is Environment.LIVE and not settings.live.enabled and not dry_run:
        yield _bad_config("opt_ins", "live without live.enabled", "live: {enabled: true}")


def _world(settings: Settings, *, dry_run: bool) -> str:
    hosts = OFFERS[str(settings.venue)].hosts.get(settings.environment, frozenset())
    at = settings.testnet.url if settings.local else ", ".join(sorted(hosts))
    return f"{settings.venue} {settings.environment}{', dry run' if dry_run else ''} at {at}"


def _bad_config(name: str, found: str, wanted: str = "as docs/configuration.md has it") -> Finding:
    return Finding(Part.CONFIGURATION, Check(
        name, Verdict.FAIL, found, wanted, "change the configuration where this says so"))


# -- files -------------------------------------------------------------------------------------------------------------


def _files(settings: Settings, *, dry_run: bool) -> Iterator[Finding]:
    from bot.journal.lock import holder

    try:
        if dry_run:
            settings.looking_credentials()
        else:
            settings.credentials()
        yield _ok(Part.FILES, "secrets", "both keys given, no file of them readable by others", "given, and private")
    except ConfigError as error:
        yield Finding(Part.FILES, Check(
            "secrets", Verdict.FAIL, str(error), "both keys given, private", "do as it says"))
    yield from _journal(settings, dry_run=dry_run)
    process = holder(settings.journal)
    yield _ok(Part.FILES, "lock", "free" if process is None else f"a bot runs (process {process})", "one bot a journal")
    yield _disk(settings.journal)


def _journal(settings: Settings, *, dry_run: bool) -> Iterator[Finding]:
    path = settings.journal
    if not path.is_file():
        folder = next(each for each in path.absolute().parents if each.exists())
        good = os.access(folder, os.W_OK)
        yield Finding(Part.FILES, Check(
            "journal", Verdict.OK if good else Verdict.FAIL, f"none yet at {path}" + ("" if good else ", not writable"),
            "a file that can be written", "" if good else f"give yourself the right to write to {folder}",
        ))
        return
    try:
        binding = answers.read_status(settings).binding
    except JournalError as error:
        yield Finding(Part.FILES, Check(
            "journal", Verdict.FAIL, str(error), "readable",
            "hedgerow journal check says more; hedgerow journal rebuild makes a new one from the account",
        ))
        return
    theirs = (binding.environment, binding.venue)
    ours = (app.bound_environment(settings, dry_run=dry_run), str(settings.venue))
    good = theirs == ours and os.access(path, os.W_OK)
    yield Finding(Part.FILES, Check(
        "journal", Verdict.OK if good else Verdict.FAIL, f"{path}, of {' / '.join(theirs)}",
        f"writable, of {' / '.join(ours)}", "" if good else "name another journal file",
    ))


def _disk(journal: Path) -> Finding:
    folder = next(each for each in journal.absolute().parents if each.exists())
    free = shutil.disk_usage(folder).free
    good = free >= ENOUGH_DISK
    return Finding(Part.FILES, Check(
        "disk", Verdict.OK if good else Verdict.WARN, f"{free // 1024 // 1024:,} MB free",
        f"{ENOUGH_DISK // 1024 // 1024} MB free", "" if good else f"make room on the disk of {folder}",
    ))


# -- venue -------------------------------------------------------------------------------------------------------------


async def _venue(settings: Settings, *, dry_run: bool) -> list[Finding]:
    try:
        async with app.looking(settings, dry_run=dry_run) as (clock, venue):
            if dry_run:
                await venue.instruments(list(settings.assets))  # opens the simulated account
            findings = await _account(settings, venue)
            return [*findings, *await _streams(settings, clock, venue, dry_run=dry_run)]
    except ConfigError as error:
        return [_bad_config("configuration", str(error))]
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
    findings.append(_ok(Part.REACH, "venue", f"{venue.name} answers", "an answer"))
    return [*findings, *_markets(settings, terms), *_books(terms, snapshot, status), *_plans(settings, terms, snapshot)]


async def _streams(settings: Settings, clock: Clock, venue: Venue, *, dry_run: bool) -> list[Finding]:
    """Whether what the venue pushes can be heard. Nothing depends on it but how soon the bot looks."""
    stream = None if dry_run else app.open_stream(settings, clock, settings.credentials(), venue)
    if stream is None:
        return [_ok(Part.REACH, "streams", "not listened to: the poll decides", "as configured")]
    try:
        await stream.start(_Deaf())
        await stream.settled()
        lost = stream.lost
    finally:
        await stream.close()
    if not lost:
        return [_ok(Part.REACH, "streams", "heard", "heard")]
    return [Finding(Part.REACH, _unheard(name, why)) for name, why in sorted(lost.items())]


def _unheard(name: str, why: str) -> Check:
    if LOOKS_ONLY in why:
        return Check("streams", Verdict.UNKNOWN, f"{name}: opened only by a run, not by a look", "heard")
    return Check("streams", Verdict.WARN, f"{name}: {why}", "heard",
                 "see whether a firewall stops WebSockets; until then the bot polls")


class _Deaf:
    """Whom it does not concern what a stream tells."""

    def touched(self, touch: Touch) -> None:
        """Nothing."""

    def learnt(self, what: Learnt) -> None:
        """Nothing."""

    def lost(self, stream: str, why: str) -> None:
        """Nothing."""

    def back(self, stream: str) -> None:
        """Nothing."""


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
            yield _ok(Part.MARKETS, hygiene.INSTRUMENT, shown, "as the configuration needs it", asset)
        else:
            yield Finding(Part.MARKETS, hygiene.instrument_check(asset, before, spec))


def _last(settings: Settings) -> RecordedDecision | None:
    from bot.journal.reader import read_decisions

    status = _known(settings)
    if status is None or status.decided_at is None:
        return None
    return list(read_decisions(settings.journal, since=status.decided_at))[-1]


def _books(terms: Terms, snapshot: Snapshot, status: StatusReport | None) -> Iterator[Finding]:
    """Shorts on our symbols against the journal, which alone knows whether they are ours."""
    hedges = {} if status is None else {episode.asset: episode.short for episode in status.open_episodes}
    for asset, spec in terms.instruments.items():
        position = snapshot.position(spec.symbol)
        found = -position.quantity if position is not None else Decimal(0)
        ours = hedges.get(asset, Decimal(0))
        if found == ours or (found < 0 and not ours):  # a long is named among the strangers
            yield _ok(Part.ACCOUNT, "hedge", f"short {plain(ours)}", "what the journal has booked", asset)
            continue
        remedy = ("undo what was traded by hand, or close the hedge (hedgerow close)" if ours else
                  "close it, or, where a bot of yours opened it, hedgerow journal rebuild")
        yield Finding(Part.ACCOUNT, Check(
            hygiene.FOREIGN_POSITION, Verdict.FAIL, f"short {plain(found)} on {spec.symbol}",
            f"short {plain(ours)}, as the journal has it", remedy, asset,
        ))


def _plans(settings: Settings, terms: Terms, snapshot: Snapshot) -> Iterator[Finding]:
    """The configuration on this account, and whether the wallet can carry what the targets would ask of it next."""
    try:
        plan = answers.plan_on(settings, terms, snapshot)
    except ConfigError as error:
        yield _bad_config("contracts_and_triggers", str(error), "what fits this account and these markets")
        return
    except JournalError:
        return  # said among the files
    for warning in plan.findings:
        yield Finding(Part.CONFIGURATION, Check(
            "contracts_and_triggers", Verdict.WARN, warning, "what fits this account and these markets",
            "allowed, but look at it"))
    if not plan.findings:
        yield _ok(Part.CONFIGURATION, "contracts_and_triggers", "fit", "what fits this account and these markets")
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


def _ok(part: Part, name: str, found: str, wanted: str, asset: str | None = None) -> Finding:
    return Finding(part, Check(name, Verdict.OK, found, wanted, asset=asset))
