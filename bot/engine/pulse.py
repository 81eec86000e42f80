"""The one line at rest: that all is well, where the portfolio stands, and what comes next. Never per tick."""

from __future__ import annotations

from bot.core.decision import Decision
from bot.core.market import Snapshot
from bot.core.times import Millis
from bot.telemetry.events import Emit


class Pulse:
    """Says `daemon.healthy` at the first tick and then every `every` ms of the bot's clock; 0: never.

    Silent while something is wrong: what is wrong was said when it began, and the silence ends with it.
    """

    def __init__(self, emit: Emit, *, every: Millis) -> None:
        self._emit = emit
        self._every = every
        self._due: Millis = 0

    def beat(self, decision: Decision, snapshot: Snapshot, *, reconciled: bool) -> None:
        """One tick went by."""
        well = reconciled and not decision.halted and not any(decided.held for decided in decision.assets)
        if not self._every or decision.at < self._due or not well:
            return
        self._due = decision.at + self._every
        shorts = {decided.asset: decided.short for decided in decision.assets}
        coming = [
            quote.next_funding_at for asset, quote in snapshot.quotes.items()
            if quote.next_funding_at is not None and asset in shorts
        ]
        self._emit(
            "daemon.healthy", nav=decision.nav,
            drifts={decided.asset: decided.measure.drift for decided in decision.assets}, shorts=shorts,
            effective_leverage=decision.margin.effective_leverage, joint_runway=decision.margin.joint_runway,
            next_funding_at=min(coming, default=None),
            funding_rates={asset: quote.funding_rate for asset, quote in snapshot.quotes.items() if asset in shorts},
        )
