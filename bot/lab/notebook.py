"""A journal that is forgotten with the run: it keeps what a replay's engine needs to be told again, and no more.

It keeps the promises of `bot.ports.Journal` but durability. The file that `--journal` names keeps everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.advice import Advice
from bot.core.decision import Decision, Situation
from bot.core.episode import Episode
from bot.core.history import Gap
from bot.core.income import Comparison
from bot.core.market import Asset
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderReport
from bot.core.policy import Terms
from bot.core.times import Millis
from bot.ports import NO_ADVICE, Command, Decided, Memory


class Notebook:
    """The names of what was booked."""

    def __init__(self) -> None:
        self._fills: set[tuple[str, str]] = set()
        self._funding: set[tuple[str, str]] = set()

    async def recall(self, settle: str) -> Memory:  # noqa: ARG002 - nothing was recorded before
        """Nothing: every run begins anew."""
        return Memory()

    async def record_decision(
        self, situation: Situation, terms: Terms, decision: Decision, episodes: Sequence[Episode] = (),
        advice: Mapping[Asset, Advice] = NO_ADVICE,
    ) -> None:
        """Nobody asks for a decision again."""

    async def record_intent(self, intent: OrderIntent, because: Decided | None = None) -> None:
        """The engine's own book has it."""

    async def record_taken(
        self, intent: OrderIntent, fills: Sequence[Fill], report: OrderReport, episode: Episode, at: Millis,  # noqa: ARG002
    ) -> None:
        """An order of somebody else's: the venue's own, when it closes by force."""
        await self.record_fills(fills, [episode], at)

    async def record_report(self, report: OrderReport, at: Millis) -> None:
        """The engine's own book has it."""

    async def record_miss(self, client_order_id: str, at: Millis) -> None:
        """The same."""

    async def unbooked_fills(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """Those not booked yet."""
        return tuple(fill for fill in fills if (fill.symbol, fill.trade_id) not in self._fills)

    async def record_fills(self, fills: Sequence[Fill], episodes: Sequence[Episode], at: Millis) -> None:  # noqa: ARG002
        """Book executions."""
        self._fills.update((fill.symbol, fill.trade_id) for fill in fills)

    async def booked(self, since: Millis) -> tuple[tuple[Fill, ...], tuple[FundingPayment, ...]]:  # noqa: ARG002
        """Nothing: only what is here is remembered."""
        return (), ()

    async def unbooked_funding(self, payments: Sequence[FundingPayment]) -> tuple[FundingPayment, ...]:
        """Those not booked yet."""
        return tuple(paid for paid in payments if (paid.symbol, paid.payment_id) not in self._funding)

    async def record_funding(
        self, payments: Sequence[tuple[FundingPayment, str | None]], episodes: Sequence[Episode], at: Millis,  # noqa: ARG002
    ) -> None:
        """Book settlements."""
        self._funding.update((paid.symbol, paid.payment_id) for paid, _ in payments)

    async def record_gap(self, gap: Gap) -> None:
        """Nothing is forgotten by a panel."""

    async def record_comparison(self, comparison: Comparison) -> None:
        """There is no other account to compare with."""

    async def record_episode(self, episode: Episode, at: Millis) -> None:
        """The engine's own book has it."""

    async def commands(self) -> tuple[Command, ...]:
        """Nobody is there to give any."""
        return ()

    async def acknowledge(self, command: Command, result: str, at: Millis) -> None:
        """The same."""

    async def beat(self, at: Millis) -> None:
        """Nobody watches."""

    async def close(self) -> None:
        """Nothing to release."""
