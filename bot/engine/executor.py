"""Work orders towards the goal: one step an asset a tick, at most one order of ours an asset (DOMAIN §7).

`next_step` is the whole policy as a pure function; `Executor` does what it says, intent first.
"""

from __future__ import annotations

from collections.abc import Awaitable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_UP, Decimal

from bot.core.decision import AssetDecision, Decision, Leg, Pace
from bot.core.margin import mark_of
from bot.core.market import Asset, Instrument, Quote, Side, Snapshot
from bot.core.money import ZERO, round_to_step
from bot.core.orders import OrderIntent, OrderRecord, OrderReport, OrderState, TimeInForce
from bot.core.policy import ExecutionPolicy, OnTimeout, Terms
from bot.core.portfolio import quantity_of
from bot.core.times import MINUTE, SECOND, Millis
from bot.core.way import enlarges
from bot.engine.book import Book
from bot.engine.report import Reporter
from bot.engine.sales import closing, spot_step
from bot.engine.settle import Settler
from bot.engine.steps import Place, Reprice, Step, Withdraw
from bot.engine.urgent import urgent_step
from bot.errors import Refused, SafetyStop, TooManyOrders, Unavailable, Uncertain
from bot.ports import Clock, Venue

FIRST_REST = MINUTE
"""How long an asset rests after the venue refused an order; doubled at each refusal in a row, up to an hour."""
LONGEST_REST = 60 * MINUTE
MARGIN_REST = 5 * SECOND
"""How long the margin ladder rests after a refusal: the market does not wait."""
FULL_REST = 15 * MINUTE
"""How long nothing is opened after the venue took no more open orders."""
STUCK_AFTER = 3
"""An order that is open after so many cancels in a row is a human's matter; it is cancelled again, less often."""


def next_step(
    decided: AssetDecision, live: tuple[OrderRecord, ...], quote: Quote, instrument: Instrument,
    policy: ExecutionPolicy, *, now: Millis, working_since: Millis,
) -> Step:
    """What to do for one asset now. None: nothing, or wait.

    `live` are our orders on it, oldest first; `working_since` is when the present goal was decided.
    """
    if any(record.state.unresolved for record in live):
        return None
    unwanted = _unwanted(decided, live)
    if unwanted is not None:
        return unwanted
    impatient = policy.on_timeout is OnTimeout.CROSS and now - working_since >= policy.patience
    if live:
        return Withdraw(live[0], "patience ended") if impatient else _follow(live[0], quote, instrument, policy, now)
    if decided.held or decided.goal == decided.short:
        return None
    return _new_order(decided, quote, instrument, policy, impatient=impatient)


def _side(decided: AssetDecision) -> Side:
    return Side.SELL if decided.goal > decided.short else Side.BUY


def _unwanted(decided: AssetDecision, live: tuple[OrderRecord, ...]) -> Withdraw | None:
    """The first order that the decision no longer wants: held, done, wrong way round, too large, or a second one."""
    missing = abs(decided.goal - decided.short)
    for record in live:
        if decided.held:
            return Withdraw(record, "held")
        if not missing:
            return Withdraw(record, "goal reached")
        if record.intent.side is not _side(decided) or record.remaining > missing or record is not live[0]:
            return Withdraw(record, "no longer wanted")
    return None


def _follow(
    record: OrderRecord, quote: Quote, instrument: Instrument, policy: ExecutionPolicy, now: Millis,
) -> Reprice | None:
    """Follow a touch that has moved away from a resting order."""
    selling = record.intent.side is Side.SELL
    touch = quote.perp_ask if selling else quote.perp_bid
    price = record.price if record.price is not None else record.intent.price
    if touch is None or now - record.changed_at < policy.reprice_after:
        return None
    target = passive_price(record.intent.side, touch, instrument)
    moved_away = target < price if selling else target > price
    return Reprice(record, target) if moved_away else None


def _new_order(
    decided: AssetDecision, quote: Quote, instrument: Instrument, policy: ExecutionPolicy, *, impatient: bool,
) -> Place | None:
    """An order for what is missing, at most one slice of it: post-only at the touch, or marketable once impatient."""
    side, reduces = _side(decided), not enlarges(decided.short, decided.goal)
    touch = quote.perp_ask if side is Side.SELL else quote.perp_bid
    if touch is None or quote.perp_bid is None or quote.perp_ask is None:
        return None
    quantity = _slice(abs(decided.goal - decided.short), touch, decided.contract, instrument, policy)
    if instrument.max_amount is not None:
        quantity = min(quantity, round_to_step(instrument.max_amount, decided.contract))
    if not reduces and quantity < instrument.min_amount:
        return None
    if impatient:
        price = bounded_price(side, quote, instrument, policy.max_slippage)
        return Place(side, quantity, price, TimeInForce.IOC, reduces)
    return Place(side, quantity, passive_price(side, touch, instrument), TimeInForce.GTX, reduces)


def _slice(
    missing: Decimal, touch: Decimal, contract: Decimal, instrument: Instrument, policy: ExecutionPolicy,
) -> Decimal:
    """At most one slice of what is missing; never less than the venue takes, and never leaving less than that over."""
    if policy.slice is None:
        return missing
    smallest = round_to_step(max(instrument.min_amount, instrument.min_notional / touch), contract, ROUND_UP)
    quantity = max(policy.slice * contract, smallest)
    return missing if missing - quantity < smallest else quantity


def passive_price(side: Side, touch: Decimal, instrument: Instrument) -> Decimal:
    """The limit of an order that is to rest at the touch, on the tick: never nearer to the other side than the touch.

    A touch lies on the tick by itself, unless the venue has just changed its tick.
    """
    return round_to_step(touch, instrument.price_tick, ROUND_CEILING if side is Side.SELL else ROUND_FLOOR)


def bounded_price(side: Side, quote: Quote, instrument: Instrument, max_slippage: Decimal) -> Decimal:
    """The limit of a marketable order: at most `max_slippage` (a fraction) beyond the opposite touch, on the tick.

    Rounded towards the touch, so that rounding never loosens the bound. Raises ValueError without a touch.
    """
    if quote.perp_bid is None or quote.perp_ask is None:
        raise ValueError("no touch to bound a price by")
    if side is Side.SELL:
        return round_to_step(quote.perp_bid * (1 - max_slippage), instrument.price_tick, ROUND_CEILING)
    return round_to_step(quote.perp_ask * (1 + max_slippage), instrument.price_tick, ROUND_FLOOR)


class Executor:
    """Does the next step of every asset, each order's intent committed before its request leaves."""

    def __init__(
        self, book: Book, venue: Venue, clock: Clock, terms: Terms, settler: Settler, *, report: Reporter,
    ) -> None:
        self._book = book
        self._venue = venue
        self._clock = clock
        self._terms = terms
        self._settler = settler
        self._report = report
        self._waiting_since: dict[Asset, Millis] = {}
        self._resting_until: dict[Asset, Millis] = {}
        self._refusals: dict[Asset, int] = {}
        self._refused_at: dict[Asset, Millis] = {}
        self._rejections: dict[Asset, str] = {}
        self._given_up: set[str] = set()
        self._full_until: Millis = 0
        self._cancelled: dict[str, tuple[int, Millis]] = {}

    def take_terms(self, terms: Terms) -> None:
        """Go on by these."""
        self._terms = terms

    async def act(self, decision: Decision, snapshot: Snapshot) -> bool:
        """Take one step for each asset. True when anything was sent."""
        acted = False
        self._forget_gone(snapshot)
        for decided in decision.assets:
            if self._clock.now() - snapshot.taken_at > self._terms.policy.guards.stale_after:
                # The process was paused between looking and acting: look again.
                return acted
            acted |= await self._step(decided, decision, snapshot)
        return acted

    async def _step(self, decided: AssetDecision, decision: Decision, snapshot: Snapshot) -> bool:
        step = self._next(decided, decision, snapshot)
        self._tell_waiting(decided, decision, snapshot)
        if isinstance(step, Place):
            if self._is_resting(decided) or self._is_early(step, decided):
                return False
            await self._place(step, decided, decision, snapshot)
        elif isinstance(step, Reprice):
            await self._book.keep()
            await self._change(step.record, "amend", self._venue.amend(step.record, step.price), snapshot)
        elif isinstance(step, Withdraw):
            if self._is_stuck(step.record, snapshot):
                return False
            await self._book.keep()
            if step.record.state.unresolved:
                self._given_up.add(step.record.intent.client_order_id)
            await self._change(step.record, f"cancel: {step.why}", self._venue.cancel(step.record), snapshot)
        return step is not None

    def _next(self, decided: AssetDecision, decision: Decision, snapshot: Snapshot) -> Step:
        asset, policy = decided.asset, self._terms.policy
        live, quote, instrument = self._book.live(asset), snapshot.quotes.get(asset), self._terms.instruments[asset]
        if decided.due is not None and decided.due.leg is not Leg.CLOSE:
            return spot_step(
                decided, decided.due, live, quote, instrument=instrument, policy=policy.execution,
                now=self._clock.now(), movable=self._venue.amends(instrument.spot_symbol),
            )
        if decided.due is not None:
            decided = closing(decided, decided.due)
        if decided.pace is not Pace.PATIENT:
            return urgent_step(
                decided, live, quote, mark_of(snapshot, asset, snapshot.position(instrument.symbol)),
                instrument=instrument, policy=policy, given_up=self._given_up,
            )
        if quote is None:
            return None
        return next_step(
            decided, live, quote, instrument, policy.execution, now=self._clock.now(),
            working_since=self._leg_since(decided, decision),
        )

    def rests(self, decided: AssetDecision) -> bool:
        """Whether nothing can come of this goal for a while: the venue has refused again and again."""
        until = self._resting_until.get(decided.asset, 0)
        return decided.pace is not Pace.MARGIN and until - self._clock.now() > FIRST_REST

    def _is_resting(self, decided: AssetDecision) -> bool:
        """Whether a refusal a short while ago is a reason not to ask again yet.

        One that the venue took and rejected afterwards counts as refused: once, when that is learnt.
        """
        asset, now = decided.asset, self._clock.now()
        rejected = self._settler.rejected(asset)
        if rejected is not None and self._rejections.get(asset) != rejected:
            self._rejections[asset] = rejected
            self._rest(asset)
        if decided.pace is Pace.MARGIN:
            refused_at = self._refused_at.get(asset)
            return refused_at is not None and now - refused_at < MARGIN_REST
        return now < self._resting_until.get(asset, now)

    def _is_early(self, step: Place, decided: AssetDecision) -> bool:
        """Whether an order has to wait: the venue takes no more of them, or the last one was pushed off the book.

        A post-only order that would have crossed is priced again no sooner than one that rests would be.
        """
        now = self._clock.now()
        if not step.reduce_only and not step.spot and now < self._full_until:
            return True
        last = self._book.last_ended(decided.asset)
        return (
            step.time_in_force is TimeInForce.GTX and last is not None and last.state is OrderState.CANCELLED
            and last.intent.time_in_force is TimeInForce.GTX and not last.filled
            and now - last.intent.created_at < self._terms.policy.execution.reprice_after
        )

    def _is_stuck(self, record: OrderRecord, snapshot: Snapshot) -> bool:
        """Count one more cancel; whether this one is to wait, as so many before did not end the order. Said once."""
        name, now = record.intent.client_order_id, self._clock.now()
        tries, at = self._cancelled.get(name, (0, now))
        if tries == STUCK_AFTER:
            self._report.order("order.stuck", record, snapshot, state=str(record.state), message=(
                f"cancelled {tries} times and still open: cancel it at the exchange; nothing else is ordered on "
                f"{record.intent.asset} meanwhile"))
        elif tries > STUCK_AFTER and now - at < MINUTE:
            return True
        self._cancelled[name] = (tries + 1, now)
        return False

    def _forget_gone(self, snapshot: Snapshot) -> None:
        """What was cancelled and is not open any more. An acknowledgement alone does not tell: a later look does."""
        live = {record.intent.client_order_id for record in self._book.live()}
        if snapshot.open_orders is None:
            return
        for name in self._cancelled.keys() - live:
            tries, _ = self._cancelled.pop(name)
            record = self._book.ended(name)
            if tries >= STUCK_AFTER and record is not None:
                self._report.order("order.gone", record, snapshot, state=str(record.state),
                                   message=f"no longer open after {tries} cancels")

    def _tell_waiting(self, decided: AssetDecision, decision: Decision, snapshot: Snapshot) -> None:
        """Say once for each goal that patience has ended and the order rests on."""
        execution, since = self._terms.policy.execution, self._leg_since(decided, decision)
        live = self._book.live(decided.asset)
        if (
            live and execution.on_timeout is OnTimeout.WAIT and self._clock.now() - since >= execution.patience
            and self._waiting_since.get(decided.asset) != since
        ):
            self._waiting_since[decided.asset] = since
            self._report.order("order.waiting", live[0], snapshot)

    def _working_since(self, decided: AssetDecision, decision: Decision) -> Millis:
        since = decision.state.of(decided.asset).goal_at
        return since if since is not None else decision.at

    def _leg_since(self, decided: AssetDecision, decision: Decision) -> Millis:
        """Since when patience counts: of a finalisation, each leg's own."""
        return self._working_since(decided, decision) if decided.due is None else decided.due.since

    async def _place(self, step: Place, decided: AssetDecision, decision: Decision, snapshot: Snapshot) -> None:
        asset = decided.asset
        instrument = self._terms.instruments[asset]
        quote = snapshot.quotes.get(asset)
        position = snapshot.position(instrument.symbol)
        state = decision.state.of(asset)
        # What a long buys that is finalised is a leg of its own; else it is bought with another's proceeds.
        purchase = decided.due is not None and decided.due.leg is Leg.BUY and state.finalising is None
        episode, number, identity = self._book.next_identity(asset, purchase=purchase)
        intent = OrderIntent(
            identity, number, episode, asset, instrument.spot_symbol if step.spot else instrument.symbol, step.side,
            step.quantity, step.price, step.reduce_only, step.time_in_force,
            quantity_of(snapshot, asset) if step.spot else position.quantity if position else ZERO, decided.goal,
            decided_at=self._working_since(decided, decision), created_at=self._clock.now(),
            reason="reinvesting" if purchase else state.goal_reason or decided.reasons[0].code,
            spot_mid=quote.spot_mid if quote else None, perp_mid=quote.perp_mid if quote else None,
        )
        record = await self._book.intend(intent)
        self._report.hold()
        self._report.order("order.intended", record, snapshot)
        self._report.release_soon()
        try:
            report = await self._venue.place(intent)
        except Uncertain as unknown:
            await self._ended(record, OrderState.UNCERTAIN, snapshot, str(unknown))
        except Unavailable as unsent:
            await self._ended(record, OrderState.NOT_SENT, snapshot, str(unsent))
            raise
        except Refused as refused:
            await self._ended(record, OrderState.REFUSED, snapshot, str(refused), refused.code)
            self._rest(asset)
            if isinstance(refused, TooManyOrders):
                self._full_until = self._clock.now() + FULL_REST
                self._report.say("venue.full", asset=asset, code=refused.code, message=(
                    f"{refused}; nothing is opened for {FULL_REST // MINUTE} minutes. Cancel orders that nobody needs"))
            if isinstance(refused, SafetyStop):
                raise
        else:
            if self._settler.rejected(asset) is None:  # else whether it stands is not known yet
                self._refusals.pop(asset, None)
            self._report.order("order.sent", record, snapshot, state=str(report.state), order_id=report.order_id)
            await self._settler.absorb(record, report, snapshot)

    async def _ended(
        self, record: OrderRecord, state: OrderState, snapshot: Snapshot, why: str, code: str | None = None,
    ) -> None:
        intent = record.intent
        record = await self._book.reported(
            OrderReport(intent.client_order_id, intent.symbol, state, record.filled, message=why, code=code),
        )
        event = "order.uncertain" if state is OrderState.UNCERTAIN else "order.refused"
        self._report.order(event, record, snapshot, state=str(state), message=why, code=code)

    def _rest(self, asset: Asset) -> None:
        """After a refusal, wait before asking again: twice as long each time in a row."""
        count = self._refusals.get(asset, 0)
        self._refusals[asset] = count + 1
        self._refused_at[asset] = self._clock.now()
        self._resting_until[asset] = self._clock.now() + min(FIRST_REST * 2**count, LONGEST_REST)

    async def _change(
        self, record: OrderRecord, what: str, request: Awaitable[OrderReport], snapshot: Snapshot,
    ) -> None:
        """Amend or cancel; an unknown outcome freezes the asset until the order is looked up."""
        try:
            report = await request
        except Uncertain as unknown:
            await self._ended(record, OrderState.UNCERTAIN, snapshot, f"{what}: {unknown}")
        except Refused as refused:
            # The order may just have ended; the next snapshot tells.
            self._report.order("order.refused", record, snapshot, message=f"{what}: {refused}", code=refused.code)
            if isinstance(refused, SafetyStop):
                raise
        else:
            self._report.order("order.changed", record, snapshot, change=what, state=str(report.state),
                               new_price=report.price)
            await self._settler.absorb(record, report, snapshot)

    async def withdraw_increases(self, snapshot: Snapshot) -> int:
        """Cancel every order of ours that would enlarge a hedge; how many. For an orderly stop: the hedges stay."""
        increases = [r for r in self._book.live() if not r.intent.reduce_only and not r.state.unresolved]
        for record in increases:
            await self._change(record, "cancel: stopping", self._venue.cancel(record), snapshot)
        return len(increases)
