"""The account and its markets as they are: looked over before the first decision and then every so often.

What a check or a changed specification means is the core's to say (`bot.core.hygiene`, `plan.check_terms`); here it is
asked, said once per change, and handed to the decision as faults that refuse increases. Reducing is never in the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core import hygiene
from bot.core.decision import Standing
from bot.core.hygiene import Check, Verdict
from bot.core.market import Asset, Instrument, Snapshot
from bot.core.plan import check_terms
from bot.core.policy import Terms
from bot.core.portfolio import measure
from bot.core.times import HOUR, MINUTE, Millis
from bot.errors import Refused, SafetyStop, Unavailable
from bot.ports import Clock, Venue
from bot.telemetry.events import Emit

Faults = Mapping[str, str]
"""Topic → what is wrong, in a sentence."""

AGAIN: Millis = MINUTE
"""After a look that failed, and while something pauses trading."""


class Hygiene:
    """Looks every `every` ms of the bot's clock; 0: at the first tick alone."""

    def __init__(self, venue: Venue, clock: Clock, emit: Emit, *, every: Millis = HOUR) -> None:
        self._venue = venue
        self._clock = clock
        self._emit = emit
        self._every = every
        self._due: Millis | None = 0
        self._looked = False
        self._checks: dict[tuple[str, Asset | None], Check] = {}
        self._mismatches: dict[Asset, Faults] = {}

    async def follow(self, terms: Terms, snapshot: Snapshot) -> Terms:
        """Look, where it is time to; the terms with the specifications as they are now.

        Raises SafetyStop for what forbids all trading; Unavailable and Refused as long as no look has succeeded.
        """
        now = self._clock.now()
        if self._due is None or now < self._due:
            return terms
        try:
            checks = await self._venue.inspect(terms.policy)
            instruments = await self._instruments(terms.instruments) if self._looked else terms.instruments
        except SafetyStop:
            raise
        except (Unavailable, Refused):
            if not self._looked:
                raise
            self._due = now + AGAIN
            return terms
        self._take(checks)
        terms = self._compared(terms, instruments, snapshot)
        self._looked = True
        self._due = self._next(now)
        return terms

    def faulted(self, standing: Standing) -> Standing:
        """What is known of the account, with what refuses increases at present."""
        pausing = [check for check in hygiene.pausing(self._checks.values()) if check.name not in hygiene.SEEN_ANYWAY]
        faults: dict[Asset | None, dict[str, str]] = {}
        for check in pausing:
            faults.setdefault(check.asset, {})[check.name] = hygiene.said(check)
        for asset, found in self._mismatches.items():
            faults.setdefault(asset, {}).update(found)
        if not faults:
            return standing
        return replace(
            standing, faults=faults.pop(None, {}),
            assets={asset: replace(one, faults=faults.get(asset, {})) for asset, one in standing.assets.items()},
        )

    def _next(self, now: Millis) -> Millis | None:
        if not self._every:
            return None
        wrong = hygiene.pausing(self._checks.values()) or self._mismatches
        return now + (min(AGAIN, self._every) if wrong else self._every)

    async def _instruments(self, known: Mapping[Asset, Instrument]) -> Mapping[Asset, Instrument]:
        """As the venue has them now; one that it has no more stays as it was, not to be traded."""
        try:
            return await self._venue.instruments(list(known))
        except SafetyStop:
            raise
        except Refused:
            found: dict[Asset, Instrument] = {}
            for asset, spec in known.items():
                try:
                    found.update(await self._venue.instruments([asset]))
                except SafetyStop:
                    raise
                except Refused:
                    found[asset] = replace(spec, tradable=False)
            return found

    def _take(self, checks: Sequence[Check]) -> None:
        """Say what became worse, better or different; then stop where trading is over."""
        for check in checks:
            place = check.name, check.asset
            before = self._checks.get(place)
            self._checks[place] = check
            if check.verdict in (Verdict.WARN, Verdict.FAIL):
                if before is None or _gist(before) != _gist(check):
                    self._emit("account.warned", reason=check.name, asset=check.asset, message=hygiene.said(check))
            elif before is not None and before.verdict in (Verdict.WARN, Verdict.FAIL):
                self._emit("account.mended", reason=check.name, asset=check.asset, message=hygiene.said(check))
        if not self._looked and all(check.verdict not in (Verdict.WARN, Verdict.FAIL) for check in checks):
            self._emit("account.inspected", message="account, key and markets are as they must be")
        stops = hygiene.stopping(checks)
        if stops:
            raise SafetyStop("; ".join(hygiene.said(check) for check in stops), stops[0].name)

    def _compared(self, terms: Terms, instruments: Mapping[Asset, Instrument], snapshot: Snapshot) -> Terms:
        """The terms with these instruments. A change is said; what no longer fits the configuration is a mismatch."""
        changed = {
            asset: found for asset, spec in instruments.items()
            if (found := hygiene.changes(terms.instruments[asset], spec))
        }
        if not changed:
            return terms
        for asset, found in changed.items():
            text = "; ".join(f"{name} {old} → {new}" for name, (old, new) in found.items())
            self._emit("instrument.changed", asset=asset, symbol=instruments[asset].symbol, message=text)
        terms = replace(terms, instruments=instruments)
        prices = {asset: quote.spot_mid for asset, quote in snapshot.quotes.items()}
        errors, _ = check_terms(terms, measure(snapshot, terms.policy, terms.instruments).nav, prices)
        self._mismatches = {}
        for error in errors:
            about = error.facts.get("asset")
            if about is not None:
                self._mismatches[about] = {error.code: error.text}
        return terms


def _gist(check: Check) -> tuple[object, ...]:
    """What of a check is news when it changes: a clock's exact error is not."""
    return (check.verdict, "" if check.name == hygiene.CLOCK else check.found)
