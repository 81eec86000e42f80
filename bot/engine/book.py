"""What the journal holds, at hand: orders, episodes, the last decision. Durable there before it changes here; only a
decision may come first by a moment: it is written together with the intent of the order that it led to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from bot.core.advice import Advice
from bot.core.costing import costs_of, traded
from bot.core.decision import AssetStanding, Decision, RuleState, Situation, Standing
from bot.core.episode import Episode, EpisodeState, apply_fill, apply_funding, cash_of_funding, coins_moved, moved_by
from bot.core.history import Gap
from bot.core.income import Comparison
from bot.core.ledger import Costs, Event, Traded
from bot.core.market import Asset, Instrument, Side, Snapshot
from bot.core.money import ZERO
from bot.core.orders import (
    QUARANTINE_AFTER,
    TRANSITIONS,
    Fill,
    FundingPayment,
    OrderIntent,
    OrderRecord,
    OrderReport,
    OrderState,
    after_miss,
    after_report,
    begin,
    client_order_id,
    last_numbers,
    not_given_out,
)
from bot.core.policy import Terms
from bot.core.swift import changed
from bot.core.times import DAY, HOUR, Millis
from bot.engine.fees import FeeWorth
from bot.engine.hedges import Hedges
from bot.ports import NO_ADVICE, Clock, Command, Decided, Journal, Memory

MOST_ENDED = 200
"""How many orders that have ended are remembered: a venue that calls one ended may be wrong, or late."""


class Book:
    """The account's present state by the journal. Every change goes to the journal first, then here."""

    def __init__(
        self, journal: Journal, clock: Clock, *, account_tag: str, settle: str, instruments: Mapping[Asset, Instrument],
        memory: Memory, journal_tag: str = "",
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._tag, self._journal_tag = account_tag, journal_tag
        self._last_numbers = last_numbers(memory.names, account_tag)
        self._settle = settle
        self._symbols = {asset: spec.symbol for asset, spec in instruments.items()}
        self._orders = {record.intent.client_order_id: record for record in memory.orders}
        self._ended = {record.intent.client_order_id: record for record in memory.ended}
        self._last_ended = _newest(self._ended.values())
        self._ended_at = max((record.changed_at for record in memory.ended), default=0)
        self._episodes = Hedges(memory.episodes)
        self._episode_numbers = dict(memory.episode_numbers)
        self._intents = self._intents_before = memory.intents
        self._newest: dict[Asset, int] = {}
        self._recent = {asset: list(times) for asset, times in memory.recent_orders.items()}
        self._last_fill_at = dict(memory.last_fill_at)
        self._cash_flow = memory.cash_flow
        self._coin_flow = dict(memory.coin_flow)
        self.decision = memory.decision
        self._state = memory.decision.state if memory.decision else RuleState()
        self._unkept: Decided | None = None
        self.funding_at = memory.funding_at
        self.gaps = memory.gaps
        self.since = memory.since if memory.since is not None else clock.now()
        self._fees: FeeWorth | None = None
        self._events: dict[str, list[Event]] = {name: list(events) for name, events in memory.events.items()}

    # -- what is known -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> RuleState:
        """The rule's memory. What must not be lost of it is in the last journaled decision."""
        return self._state

    def live(self, asset: Asset | None = None) -> tuple[OrderRecord, ...]:
        """Orders of ours that the venue may still fill, or whose outcome is unknown, oldest first."""
        if not self._orders:
            return ()
        return tuple(
            record for record in self._orders.values()
            if record.state.live and (asset is None or record.intent.asset == asset)
        )

    def frozen(self, asset: Asset) -> bool:
        """Whether an order on the asset waits for its outcome to be looked up."""
        return any(record.state.unresolved for record in self.live(asset))

    def quarantined(self, asset: Asset | None = None) -> tuple[OrderRecord, ...]:
        """Orders whose outcome has been unknown for so long that a human is needed."""
        return tuple(record for record in self.live(asset) if _quarantined_at(record, self._clock.now()) is not None)

    def ended(self, client_order_id: str) -> OrderRecord | None:
        """An order of ours that ended a short while ago."""
        return self._ended.get(client_order_id)

    def last_ended(self, asset: Asset) -> OrderRecord | None:
        """The asset's newest order that has ended."""
        return self._last_ended.get(asset)

    def ended_since(self, at: Millis) -> tuple[OrderRecord, ...]:
        """Orders that ended after `at` and may have filled more than is known: that were not filled or refused."""
        if self._ended_at <= at:
            return ()
        return tuple(record for record in self._ended.values()
                     if record.changed_at > at and OrderState.FILLED in TRANSITIONS[record.state]
                     and record.state is not OrderState.FILLED)

    def is_newest(self, record: OrderRecord) -> bool:
        """Whether no order of ours on the asset is known to have come after this one; after a restart: none at all."""
        return record.intent.number == self._newest.get(record.intent.asset, self._intents_before)

    def coins(self, asset: Asset) -> Decimal | None:
        """What the wallet should hold of a coin: what was acknowledged, and what our trades changed since. None: no
        decision was made yet.
        """
        known = self.state.of(asset).holding
        return None if known is None else known + self._coin_flow.get(asset, ZERO)

    def episode(self, asset: Asset) -> Episode | None:
        """The hedge that is opening or open on the asset."""
        return self._episodes.of(asset).open

    def short(self, asset: Asset) -> Decimal:
        """The asset's hedge by the journal's fills, base units."""
        episode = self.episode(asset)
        return episode.short if episode is not None else ZERO

    def last_episode(self, asset: Asset) -> Episode | None:
        """The asset's newest hedge that had a contract, ended or not; None when there never was one."""
        return self._episodes.of(asset).newest

    def costs(self, episode: Episode, snapshot: Snapshot | None = None) -> Costs:
        """What a hedge has cost; `snapshot` values what is open of it."""
        return costs_of(episode, self._events.get(episode.id, ()), self._settle, snapshot, gaps=self.gaps)

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """The open hedges, and each coin's last ended one."""
        return tuple(self._episodes)

    def funding_since(self) -> Millis | None:
        """From when settlements must be read: a day before the newest booked one, but not before the first hedge.

        One coin's settlement may come later than another's of after it. None: never hedged.
        """
        first = self._episodes.first_at
        if self.funding_at is None or first is None:
            return self.funding_at or first
        return min(self.funding_at, max(first, self.funding_at - DAY))

    def open_assets(self) -> tuple[Asset, ...]:
        """Coins whose hedge is opening or open, and coins with live orders."""
        return tuple(sorted(self._episodes.open_assets() | {record.intent.asset for record in self.live()}))

    def standing(
        self, commands: Iterable[Command], carry: Mapping[Asset, Decimal | None],
        forced: Mapping[Asset, str] | None = None,
    ) -> Standing:
        """What the decision must know besides the snapshot.

        `carry`: each coin's trailing funding cost. `forced`: how the venue closed what was ours.
        """
        wishes = tuple(commands)
        asked = {(command.kind, command.asset) for command in wishes}
        return Standing(
            assets={
                asset: self._standing_of(asset, wishes, asked, carry.get(asset), (forced or {}).get(asset))
                for asset in self._symbols
            },
            own_orders=frozenset(record.intent.client_order_id for record in self.live()),
            cash_flow=self._cash_flow, asked=tuple(wish.kind for wish in wishes if wish.asset is None),
        )

    def _standing_of(
        self, asset: Asset, wishes: tuple[Command, ...], asked: set[tuple[str, Asset | None]], carry: Decimal | None,
        forced: str | None,
    ) -> AssetStanding:
        (episode, newest, closed_at), live = self._episodes.of(asset), self.live(asset)
        now = self._clock.now()
        since = now - HOUR
        recent = [at for at in self._recent.get(asset, []) if at > since]
        self._recent[asset] = recent
        return AssetStanding(
            short=episode.short if episode else ZERO,
            working=bool(live),
            unresolved=any(record.state.unresolved for record in live),
            orders_last_hour=len(recent),
            opened_at=episode.opened_at if episode else None,
            closed_at=closed_at,
            last_fill_at=self._last_fill_at.get(self._symbols[asset]),
            close_requested=("close", asset) in asked,
            rearm_requested=("rearm", asset) in asked or ("rearm", None) in asked,
            accept_requested=("accept", asset) in asked or ("accept", None) in asked,
            trailing_carry=carry, spot_sold=newest.sold if newest else ZERO,
            coin_flow=self._coin_flow.get(asset, ZERO),
            quarantined_at=min(
                (unknown for record in live if (unknown := _quarantined_at(record, now)) is not None), default=None),
            forced=forced, asked=tuple([wish.kind for wish in wishes if wish.asset == asset]),
        )

    # -- what happens --------------------------------------------------------------------------------------------------

    def decided(
        self, situation: Situation, terms: Terms, decision: Decision, advice: Mapping[Asset, Advice] = NO_ADVICE,
    ) -> None:
        """Take a decision and its memory. It goes to the journal with the first thing that follows from it."""
        self._unkept = Decided(situation, terms, decision, advice)
        self.decision = decision
        self._state = decision.state

    async def keep(self, resized: Collection[Asset] = ()) -> None:
        """Have the decision in the journal before anything but a new order follows: that takes it along (`intend`).

        `resized`: coins whose resize it found done. Counted with it, so that a kill neither forgets nor repeats that.
        """
        if self._unkept is None:
            return
        kept, self._unkept = self._unkept, None
        counted = [changed(episode, resizes=episode.resizes + 1)
                   for episode in map(self.episode, resized) if episode is not None]
        await self._journal.record_decision(kept.situation, kept.terms, kept.decision, counted, kept.advice)
        for episode in counted:
            self._episodes.put(episode)

    def looked(self, decision: Decision) -> None:
        """Remember a decision that said nothing new: the prices it saw, for the jump guard, in memory alone."""
        self._state = decision.state

    def not_given_out(self, names: Iterable[str | None]) -> tuple[str, ...]:
        """Those client ids that bear this account's mark and that the journal never gave out."""
        return not_given_out(names, self._tag, self._last_numbers)

    def next_identity(self, asset: Asset, *, purchase: bool = False) -> tuple[str, int, str]:
        """Episode, intent number and client order id of the asset's next order.

        A `purchase` with a finalisation's proceeds is the hedge's that sold coins last.
        """
        episode = self._seller() if purchase else self.episode(asset)
        name = episode.id if episode else f"{asset.lower()}{self._episode_numbers.get(asset, 0) + 1}"
        number = self._intents + 1
        return name, number, client_order_id(self._tag + self._journal_tag, name, number)

    def _seller(self) -> Episode | None:
        """The hedge that sold coins last; of those that are not known to have, the newest."""
        def sold_at(episode: Episode) -> tuple[Millis, Millis]:
            sales = [event.fill.at for event in self._events.get(episode.id, ())
                     if isinstance(event, Traded) and event.spot and event.fill.side is Side.SELL]
            return max(sales, default=0), episode.started_at

        return max((e for e in self._episodes if e.state is not EpisodeState.VOID), key=sold_at, default=None)

    async def intend(self, intent: OrderIntent) -> OrderRecord:
        """Commit an intent, and the decision behind it; its request may leave once this returns."""
        because, self._unkept = self._unkept, None
        await self._journal.record_intent(intent, because)
        record = self._keep(begin(intent))
        self._number(intent)
        if intent.episode not in self._episodes:
            self._episodes.put(_begun(intent))
        return record

    async def take(self, intent: OrderIntent, fills: Sequence[Fill], report: OrderReport) -> tuple[Fill, ...]:
        """Book an order that somebody else sent, and its end `report`, at once; its executions as they are booked."""
        now = self._clock.now()
        named = [changed(fill, client_order_id=intent.client_order_id) for fill in fills]
        mine = await self._priced(named, intent.asset)
        episode = self._episodes.get(intent.episode) or _begun(intent)
        for fill in mine:
            episode = apply_fill(episode, fill, self._settle)
        await self.keep()
        await self._journal.record_taken(intent, mine, report, episode, now)
        self._number(intent)
        self._keep(after_report(begin(intent), report, now))
        self._booked(episode, mine, intent)
        return mine

    def _number(self, intent: OrderIntent) -> None:
        """Count an intent that the journal has."""
        self._intents = self._newest[intent.asset] = self._last_numbers[self._journal_tag] = intent.number
        self._recent.setdefault(intent.asset, []).append(intent.created_at)
        if intent.episode not in self._episodes:
            self._episode_numbers[intent.asset] = self._episode_numbers.get(intent.asset, 0) + 1

    def _booked(self, episode: Episode, fills: Sequence[Fill], intent: OrderIntent) -> None:
        """Follow the journal, which has these executions and their episode's account."""
        self._events.setdefault(episode.id, []).extend(
            traded(fill, episode, intent.spot_mid, intent.perp_mid) for fill in fills)
        self._cash_flow += sum((moved_by(fill, self._settle) for fill in fills), ZERO)
        self._episodes.put(episode)
        for fill in fills:
            self._last_fill_at[fill.symbol] = max(fill.at, self._last_fill_at.get(fill.symbol, fill.at))
            for coin, amount in coins_moved(fill).items():
                self._coin_flow[coin] = self._coin_flow.get(coin, ZERO) + amount

    async def reported(self, report: OrderReport) -> OrderRecord:
        """Record what the venue says of one of our orders."""
        now = self._clock.now()
        await self._journal.record_report(report, now)
        known = self._orders.get(report.client_order_id) or self._ended[report.client_order_id]
        return self._keep(after_report(known, report, now))

    async def missed(self, record: OrderRecord) -> OrderRecord:
        """Record a look-up that found nothing. Two looks at one instant count once."""
        now = self._clock.now()
        if record.misses and record.changed_at == now:
            return record
        await self._journal.record_miss(record.intent.client_order_id, now)
        return self._keep(after_miss(record, now))

    def _keep(self, record: OrderRecord) -> OrderRecord:
        name = record.intent.client_order_id
        if record.state.live:
            if self._ended.pop(name, None) is not None:
                self._last_ended = _newest(self._ended.values())
            self._orders[name] = record
            return record
        self._orders.pop(name, None)
        self._ended[name] = record
        self._ended_at = max(self._ended_at, record.changed_at)
        last = self._last_ended.get(record.intent.asset)
        if last is None or record.intent.number >= last.intent.number:
            self._last_ended[record.intent.asset] = record
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        return record

    async def booked(self, since: Millis) -> tuple[tuple[Fill, ...], tuple[FundingPayment, ...]]:
        """Executions and settlements of `since` and later that are in the books; those begin at `self.since`."""
        return await self._journal.booked(since)

    async def unbooked(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """Those executions that are not in the books, in order."""
        return await self._journal.unbooked_fills(fills)

    def reckoned_since(self, asset: Asset) -> Millis | None:
        """From when on the books know a coin's trades: its open hedge's begin, else the end of its last one."""
        episode = self.episode(asset)
        if episode is not None:
            return episode.started_at
        return self._episodes.of(asset).closed_at

    def price_fees_by(self, fees: FeeWorth) -> None:
        """Who knows what a fee in another coin is worth. Without, only fees in the settle coin count."""
        self._fees = fees

    async def _priced(self, fills: Sequence[Fill], asset: Asset) -> tuple[Fill, ...]:
        return tuple(fills) if self._fees is None else await self._fees.priced(fills, asset)

    async def book_fills(self, record: OrderRecord, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """Book those fills of one of our orders that are new, and its episode's account with them."""
        named = [changed(fill, client_order_id=record.intent.client_order_id) for fill in fills]
        new = await self._priced(await self._journal.unbooked_fills(named), record.intent.asset)
        if not new:
            return ()
        episode = self._episodes[record.intent.episode]
        for fill in new:
            episode = apply_fill(episode, fill, self._settle)
        await self._journal.record_fills(new, [episode], self._clock.now())
        self._booked(episode, new, record.intent)
        return new

    async def book_funding(
        self, payments: Sequence[FundingPayment],
    ) -> tuple[tuple[FundingPayment, Episode | None], ...]:
        """Book those settlements that are new, each with the episode that was open at its instant."""
        new = await self._journal.unbooked_funding(payments)
        booked: list[tuple[FundingPayment, str | None]] = []
        paid: dict[str, list[FundingPayment]] = {}
        for payment in new:
            episode = self._episodes.at(payment.symbol, payment.at)
            booked.append((payment, episode.id if episode else None))
            if episode is not None:
                paid.setdefault(episode.id, []).append(payment)
        if new:
            touched = {name: apply_funding(self._episodes[name], *its) for name, its in paid.items()}
            await self._journal.record_funding(booked, list(touched.values()), self._clock.now())
            for episode in touched.values():
                self._episodes.put(episode)
            for name, its in paid.items():
                self._events.setdefault(name, []).extend(its)
            self._cash_flow += sum((cash_of_funding(payment, self._settle) for payment in new), ZERO)
            self.funding_at = max(self.funding_at or 0, *(payment.at for payment in new))
        return tuple((payment, self._episodes[name] if name else None) for payment, name in booked)

    async def mark(self, gap: Gap) -> None:
        """Mark what the venue had forgotten."""
        await self._journal.record_gap(gap)
        self.gaps = (*self.gaps, gap)

    async def compared(self, comparison: Comparison) -> None:
        """Keep what comparing with the venue's own account came to."""
        await self._journal.record_comparison(comparison)

    async def void_unfilled(self, asset: Asset) -> None:
        """End an episode that never had a contract, once nothing of it can fill any more."""
        episode = self.episode(asset)
        if episode is not None and episode.state is EpisodeState.OPENING and not self.live(asset):
            await self._keep_episode(changed(episode, state=EpisodeState.VOID))

    async def _keep_episode(self, episode: Episode) -> None:
        await self._journal.record_episode(episode, self._clock.now())
        self._episodes.put(episode)

    async def commands(self) -> tuple[Command, ...]:
        """Wishes of the user that wait for an answer."""
        return await self._journal.commands()

    async def answer(self, command: Command, result: str) -> None:
        """Acknowledge a wish."""
        await self._journal.acknowledge(command, result, self._clock.now())

    async def beat(self) -> None:
        """A decision was reached now."""
        await self._journal.beat(self._clock.now())


def _quarantined_at(record: OrderRecord, now: Millis) -> Millis | None:
    since = record.unresolved_since
    return since + QUARANTINE_AFTER if since is not None and now >= since + QUARANTINE_AFTER else None


def _newest(ended: Iterable[OrderRecord]) -> dict[Asset, OrderRecord]:
    """Of each coin the order that was placed last."""
    found: dict[Asset, OrderRecord] = {}
    for record in ended:
        intent = record.intent
        if intent.asset not in found or intent.number > found[intent.asset].intent.number:
            found[intent.asset] = record
    return found


def _begun(intent: OrderIntent) -> Episode:
    """The hedge that an order begins."""
    return Episode(intent.episode, intent.asset, intent.symbol, EpisodeState.OPENING, intent.decided_at)
