"""What follows from the margin ladder besides orders: it is told, and the margin account is topped up."""

from __future__ import annotations

from bot.core.decision import Ladder, Rung
from bot.core.times import HOUR, MINUTE, Millis
from bot.engine.report import Reporter
from bot.errors import Refused, Unavailable, Uncertain
from bot.ports import Clock, TopUps, Venue

_ORDER = tuple(Rung)
EASED_AFTER: Millis = HOUR
"""A rung that was left for this long is told again when it is reached again: a runway about a rung is no news."""

PAUSE_AFTER_FAILURE: Millis = 10 * MINUTE
PAUSE_AFTER_TRANSFER: Millis = MINUTE
"""Nothing is moved again so soon, whatever became of it: first the balances must have shown it."""


class Rungs:
    """Tells of each rung once, and moves settle coin where the decision says so."""

    def __init__(self, venue: Venue, clock: Clock, settle: str, report: Reporter, *, told: Rung = Rung.CLEAR) -> None:
        self._venue = venue
        self._clock = clock
        self._settle = settle
        self._report = report
        self._told = told
        self._milder_since: Millis | None = None
        self._not_before: Millis = 0
        self._failed_until: Millis = 0
        self._moves = isinstance(venue, TopUps)  # a question to a protocol takes its time

    @property
    def can_move(self) -> bool:
        """Whether proceeds can be counted on to come to the margin account: it moves coin, and did not just fail to."""
        return self._moves and self._clock.now() >= self._failed_until

    @property
    def can_top_up(self) -> bool:
        """Whether the venue moves coin to the margin account, and nothing was moved or refused just now."""
        return self._moves and self._clock.now() >= self._not_before

    def tell(self, ladder: Ladder) -> None:
        """Say that a worse rung was reached, or that the account is off the ladder again."""
        now, here, told = self._clock.now(), _ORDER.index(ladder.rung), _ORDER.index(self._told)
        if here < told:
            self._milder_since = now if self._milder_since is None else self._milder_since
            if now - self._milder_since < EASED_AFTER:
                return
        self._milder_since = None
        if here == told:
            return
        self._told = ladder.rung
        if here > told:
            self._report.say("margin.warned", message=ladder.text, **_numbers(ladder))
        elif ladder.rung is Rung.CLEAR:
            self._report.say("margin.eased", message=ladder.text, **_numbers(ladder))

    async def top_up(self, ladder: Ladder) -> bool:
        """Move what the decision says; whether anything was sent. At most once: a repeat waits for new balances.

        An outcome that is unknown needs no look-up: the next snapshot shows the coin in one wallet or in the other, and
        what is then needed is decided anew. A key that may not do this may still trade: that stops nothing.
        """
        venue = self._venue
        if not ladder.moving or not isinstance(venue, TopUps):
            return False
        self._not_before = self._clock.now() + PAUSE_AFTER_TRANSFER
        try:
            reference = await venue.transfer_to_margin(self._settle, ladder.top_up)
        except Uncertain as unknown:
            self._failed(ladder, f"whether it was moved is not known yet: {unknown}")
        except (Refused, Unavailable) as error:
            self._not_before = self._failed_until = self._clock.now() + PAUSE_AFTER_FAILURE
            self._failed(ladder, f"it was not moved: {error}")
        else:
            self._report.say("margin.topped_up", amount=ladder.top_up, currency=self._settle,
                             message=f"moved from the spot wallet ({reference})", **_numbers(ladder))
        return True

    def _failed(self, ladder: Ladder, why: str) -> None:
        message = f"{ladder.top_up} {self._settle} are needed from the spot wallet; {why}"
        self._report.say("margin.warned", message=message, reason="top_up", **_numbers(ladder))


def _numbers(ladder: Ladder) -> dict[str, object]:
    return {
        "rung": str(ladder.rung), "joint_runway": ladder.runway, "cash_share": ladder.cash_share,
        "fraction": ladder.fraction, "needed": ladder.needed, "top_up": ladder.top_up,
    }
