"""A journal in memory: the same promises as the one on disk but durability. `again()` is what a restart opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.core.advice import Advice
from bot.core.decision import Decision, Situation
from bot.core.episode import Episode, EpisodeState
from bot.core.history import Gap
from bot.core.income import Comparison
from bot.core.market import Asset
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderRecord, OrderReport, after_miss, after_report, begin
from bot.core.policy import Terms
from bot.core.times import Millis
from bot.errors import JournalError
from bot.journal import fold
from bot.ports import NO_ADVICE, Command, Decided, Memory


@dataclass
class Book:
    """What survives a restart."""

    decisions: list[tuple[Situation, Terms, Decision]] = field(default_factory=list)
    intents: list[OrderIntent] = field(default_factory=list)
    reports: list[tuple[OrderReport, Millis]] = field(default_factory=list)
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    funding: list[tuple[FundingPayment, str | None]] = field(default_factory=list)
    episodes: dict[str, Episode] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    answers: dict[int, tuple[str, Millis]] = field(default_factory=dict)
    beats: list[Millis] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    advice: dict[Asset, Advice] = field(default_factory=dict)


class MemoryJournal:
    """The `Journal` port over a `Book`."""

    def __init__(self, book: Book | None = None) -> None:
        self.book = book or Book()
        self.closed = False

    def again(self) -> MemoryJournal:
        """The journal as the next process finds it."""
        return MemoryJournal(self.book)

    def submit(self, kind: str, asset: Asset | None, at: Millis) -> int:
        """What `hedgerow close` does from another process."""
        self.book.commands.append(Command(id=len(self.book.commands) + 1, kind=kind, asset=asset, issued_at=at))
        return self.book.commands[-1].id

    async def recall(self, settle: str) -> Memory:
        book = self.book
        firsts = [decision.at for _, _, decision in book.decisions] + [intent.created_at for intent in book.intents]
        recalled = fold.memory(
            settle=settle, decision=book.decisions[-1][2] if book.decisions else None, orders=book.orders.values(),
            episodes=tuple(book.episodes.values()), intents=max((intent.number for intent in book.intents), default=0),
            times=[(intent.asset, intent.created_at) for intent in book.intents], fills=book.fills,
            funding=[payment for payment, _ in book.funding], since=min(firsts, default=None), gaps=book.gaps,
            names=[intent.client_order_id for intent in book.intents],
        )
        orders = {intent.client_order_id: intent for intent in book.intents}
        placed = [(orders[fill.client_order_id], fill) for fill in book.fills if fill.client_order_id in orders]
        return replace(recalled, events=fold.events(
            recalled.episodes, [(order.episode, fill, order.spot_mid, order.perp_mid) for order, fill in placed],
            book.funding))

    async def record_decision(
        self, situation: Situation, terms: Terms, decision: Decision, episodes: Sequence[Episode] = (),
        advice: Mapping[Asset, Advice] = NO_ADVICE,
    ) -> None:
        self._keep(episodes)
        self.book.advice.update(advice)
        same = [row for row in self.book.decisions if row[2].at == decision.at]
        if not same or same[-1] != (situation, terms, decision):
            self.book.decisions.append((situation, terms, decision))

    async def record_intent(self, intent: OrderIntent, because: Decided | None = None) -> None:
        if any(intent.client_order_id == other.client_order_id or intent.number == other.number
               for other in self.book.intents):
            raise JournalError(f"intent {intent.client_order_id} (number {intent.number}) was recorded before")
        if because is not None:
            await self.record_decision(
                because.situation, because.terms, because.decision, advice=because.advice)
        self.book.episodes.setdefault(intent.episode, Episode(
            id=intent.episode, asset=intent.asset, symbol=intent.symbol, state=EpisodeState.OPENING,
            started_at=intent.decided_at,
        ))
        self.book.intents.append(intent)
        self.book.orders[intent.client_order_id] = begin(intent)

    async def record_taken(
        self, intent: OrderIntent, fills: Sequence[Fill], report: OrderReport, episode: Episode, at: Millis,
    ) -> None:
        if len(await self.unbooked_fills(fills)) != len(fills):
            raise JournalError("an execution is booked already")
        await self.record_intent(intent)
        await self.record_fills(fills, [episode], at)
        await self.record_report(report, at)

    async def record_report(self, report: OrderReport, at: Millis) -> None:
        record = self._order(report.client_order_id)
        self.book.reports.append((report, at))
        self.book.orders[report.client_order_id] = after_report(record, report, at)

    async def record_miss(self, client_order_id: str, at: Millis) -> None:
        self.book.orders[client_order_id] = after_miss(self._order(client_order_id), at)

    async def unbooked_fills(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        return fold.fresh(fills, fold.fill_key, {fold.fill_key(fill) for fill in self.book.fills})

    async def record_fills(self, fills: Sequence[Fill], episodes: Sequence[Episode], at: Millis) -> None:
        del at
        if await self.unbooked_fills(fills) != tuple(fills):
            raise JournalError("a fill is in the books already")
        self.book.fills.extend(fills)
        self._keep(episodes)

    async def booked(self, since: Millis) -> tuple[tuple[Fill, ...], tuple[FundingPayment, ...]]:
        return (tuple(fill for fill in self.book.fills if fill.at >= since),
                tuple(paid for paid, _ in self.book.funding if paid.at >= since))

    async def unbooked_funding(self, payments: Sequence[FundingPayment]) -> tuple[FundingPayment, ...]:
        return fold.fresh(payments, fold.funding_key, {fold.funding_key(paid) for paid, _ in self.book.funding})

    async def record_funding(
        self, payments: Sequence[tuple[FundingPayment, str | None]], episodes: Sequence[Episode], at: Millis,
    ) -> None:
        del at
        paid = tuple(payment for payment, _ in payments)
        if await self.unbooked_funding(paid) != paid:
            raise JournalError("a settlement is in the books already")
        known = {*self.book.episodes, *(episode.id for episode in episodes)}
        if any(episode not in known for _, episode in payments if episode is not None):
            raise JournalError("a settlement names an episode that is not there")
        self.book.funding.extend(payments)
        self._keep(episodes)

    async def record_gap(self, gap: Gap) -> None:
        self.book.gaps.append(gap)

    async def record_comparison(self, comparison: Comparison) -> None:
        self.book.comparisons.append(comparison)

    async def record_episode(self, episode: Episode, at: Millis) -> None:
        del at
        self._keep([episode])

    async def commands(self) -> tuple[Command, ...]:
        return tuple(command for command in self.book.commands if command.id not in self.book.answers)

    async def acknowledge(self, command: Command, result: str, at: Millis) -> None:
        if command.id not in {known.id for known in self.book.commands}:
            raise JournalError(f"there is no command {command.id}")
        self.book.answers.setdefault(command.id, (result, at))

    async def beat(self, at: Millis) -> None:
        self.book.beats.append(at)

    async def close(self) -> None:
        self.closed = True

    def _order(self, client_order_id: str) -> OrderRecord:
        if client_order_id not in self.book.orders:
            raise JournalError(f"there is no intent {client_order_id}")
        return self.book.orders[client_order_id]

    def _keep(self, episodes: Sequence[Episode]) -> None:
        self.book.episodes.update({episode.id: episode for episode in episodes})
