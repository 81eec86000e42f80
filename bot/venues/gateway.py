"""What all exchanges have in common behind the `Venue` port: one request at a time, made once, judged once.

A venue's own file says which calls there are and how their answers read; here is how a call is made: its allowance is
taken, it leaves by the door, its failure is classified, and only a read is repeated.
"""

from __future__ import annotations

import asyncio
import decimal
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from bot.core.history import Retention
from bot.core.hygiene import Check
from bot.core.market import Asset, Instrument, Snapshot
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderRecord, OrderReport
from bot.core.policy import Policy
from bot.core.times import HOUR, MINUTE, Millis
from bot.errors import HedgerowError, RateLimited, Refused, SafetyStop, Unavailable, Uncertain
from bot.ports import Clock, Settlement
from bot.venues.failures import CURRENT, Attempt, ClockSkew, Codes, Endpoint, InvalidReply, classify
from bot.venues.replies import instant, row
from bot.venues.transport import Foreign

T = TypeVar("T")
Params = Mapping[str, str | int]

READ_ATTEMPTS = 3
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 2.0
CLOCK_CHECK_EVERY: Millis = HOUR
_CLOCK_CHECK_AGAIN: Millis = MINUTE


class OrdersCadence:
    """When the open orders must be read: at once after we changed something, always while any rests, else seldom."""

    def __init__(self, every: Millis) -> None:
        self._every = every
        self._read_at: Millis | None = None
        self._any_resting = False

    def due(self, now: Millis) -> bool:
        """Whether this snapshot has to include them. A second look at one instant sees what the first saw."""
        return self._read_at is None or self._any_resting or not 0 < now - self._read_at < self._every

    def was_read(self, at: Millis, *, any_resting: bool) -> None:
        """They were read by a request that left at `at`."""
        self._read_at, self._any_resting = at, any_resting

    def changed(self) -> None:
        """An order of ours was, or may have been, placed, moved or cancelled."""
        self._read_at = None


class CcxtVenue(ABC):
    """One account on one exchange, through a guarded ccxt exchange object. Implements `bot.ports.Venue`.

    `lookup_patience`: see `Venue`. `remembers`: see `bot.ports.Remembers`.
    `server_time`: the venue's call that tells its time, with the answer's key.
    """

    def __init__(
        self, name: str, exchange: Foreign, clock: Clock, *, codes: Codes, lookup_patience: Millis,
        server_time: tuple[Endpoint, str], open_orders_every: Millis, remembers: Retention,
    ) -> None:
        self._name = name
        self.remembers = remembers
        self._exchange = exchange
        self._clock = clock
        self._codes = codes
        self._lookup_patience = lookup_patience
        self._server_time = server_time
        self._clock_due: Millis | None = None
        self._orders = OrdersCadence(open_orders_every)
        self._client_ids: dict[tuple[str, str], str] = {}

    @property
    def name(self) -> str:
        """The exchange."""
        return self._name

    @property
    def lookup_patience(self) -> Millis:
        """How long after sending "not found" becomes credible."""
        return self._lookup_patience

    @abstractmethod
    async def account(self) -> str:
        """See `Venue`."""

    @abstractmethod
    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """See `Venue`."""

    @abstractmethod
    async def prepare(self, policy: Policy) -> tuple[str, ...]:
        """See `Venue`."""

    @abstractmethod
    async def inspect(self, policy: Policy) -> tuple[Check, ...]:
        """See `Venue`."""

    @abstractmethod
    async def snapshot(self) -> Snapshot:
        """See `Venue`."""

    @abstractmethod
    async def place(self, intent: OrderIntent) -> OrderReport:
        """See `Venue`."""

    @abstractmethod
    def amends(self, symbol: str) -> bool:
        """See `Venue`."""

    @abstractmethod
    async def amend(self, record: OrderRecord, price: Decimal) -> OrderReport:
        """See `Venue`."""

    @abstractmethod
    async def cancel(self, record: OrderRecord) -> OrderReport:
        """See `Venue`."""

    @abstractmethod
    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """See `Venue`."""

    @abstractmethod
    async def fills(self, symbol: str, since: Millis) -> tuple[Fill, ...]:
        """See `Venue`."""

    @abstractmethod
    async def funding(self, since: Millis) -> tuple[FundingPayment, ...]:
        """See `Venue`."""

    @abstractmethod
    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        """See `bot.ports.Venue`."""

    async def close(self) -> None:
        """Release sockets."""
        await self._exchange.close()

    async def once(
        self, endpoint: Endpoint, params: Params, parse: Callable[[object], T], *, urgent: bool = False,
    ) -> T:
        """Make one request, once. Raises only errors of ours; their texts hold no address and no secret.

        Cancelled while an order is out, it leaves the outcome unknown: the intent that was committed before it left
        says so to whoever comes next.
        """
        attempt = Attempt(endpoint, urgent=urgent)
        token = CURRENT.set(attempt)
        try:
            with decimal.localcontext():  # ccxt's number formatting changes the decimal context that it finds
                reply = await self._exchange.request(endpoint.path, [endpoint.api], endpoint.method, dict(params))
            return parse(reply)
        except asyncio.CancelledError as cancelled:
            if attempt.sent and endpoint.at_most_once:
                cancelled.add_note(f"{endpoint}: was sent, its outcome must be looked up")
            raise
        except Exception as error:  # noqa: BLE001 - whatever failed, the caller needs to know what it means
            failure = classify(attempt, error, self._codes)
        finally:
            CURRENT.reset(token)
        raise failure  # outside of the handler: ccxt's own error carries the signed address and must not be chained

    async def read(
        self, endpoint: Endpoint, params: Params, parse: Callable[[object], T], *, urgent: bool = False,
    ) -> T:
        """Make one request that changes nothing, again where that helps."""
        return await self.repeated(lambda: self.once(endpoint, params, parse, urgent=urgent))

    async def repeated(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do reading `work`, up to three times while it is Unavailable, pausing on the clock."""
        await self._keep_in_step()
        try:
            return await self._in_step(work)
        except Unavailable as error:
            if not _passes_soon(error):
                raise
        # Only now, as nearly every read succeeds at once: a retrying costs more to make than a reply to parse.
        await self._clock.sleep(_FIRST_PAUSE)
        retrying = AsyncRetrying(
            sleep=self._clock.sleep,
            stop=stop_after_attempt(READ_ATTEMPTS - 1),
            wait=wait_exponential(multiplier=2 * _FIRST_PAUSE, max=_LONGEST_PAUSE),
            retry=retry_if_exception(_passes_soon),
            reraise=True,
        )
        return await retrying(self._in_step, work)

    async def _in_step(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work`; where the venue says that our clock is wrong, it is measured before anything is asked again."""
        try:
            return await work()
        except ClockSkew:
            await self.measure_clock()
            raise

    async def measure_clock(self) -> None:
        """Learn by how much the venue's clock and ours differ; requests are signed with its time.

        The venue's answer counts as given when it arrived: venues take a request that is seconds late, and none that
        is a second early.
        """
        endpoint, key = self._server_time
        theirs = await self.once(endpoint, {}, lambda reply: instant(row(reply, "time"), key))
        self._exchange.options["timeDifference"] = self._clock.now() - theirs
        self._clock_due = self._clock.now() + CLOCK_CHECK_EVERY

    @property
    def clock_ahead(self) -> Millis:
        """By how much our clock is ahead of the venue's, as last measured."""
        return int(self._exchange.options["timeDifference"])

    async def _keep_in_step(self) -> None:
        now = self._clock.now()
        if self._clock_due is not None and now < self._clock_due:
            return
        try:
            await self.measure_clock()
        except Unavailable:
            if self._clock_due is None:
                raise
            self._clock_due = now + _CLOCK_CHECK_AGAIN  # the last measurement still serves

    def remember(self, report: OrderReport) -> OrderReport:
        """Keep which order is which client id: executions are told by order id only."""
        if report.order_id is not None:
            self._client_ids[report.symbol, report.order_id] = report.client_order_id
        return report

    def client_id(self, symbol: str, order_id: str) -> str | None:
        """The client id of an order that was seen before."""
        return self._client_ids.get((symbol, order_id))


    async def raw(self, endpoint: Endpoint, params: Params) -> object:
        """The whole answer of one request that changes nothing."""
        return await self.once(endpoint, params, lambda reply: reply)

    async def look_up(self, intent: OrderIntent, why: str) -> OrderReport:
        """What became of an order, where the venue did not say. Raises Uncertain where that cannot be learnt."""
        try:
            report = await self.find_order(intent.symbol, intent.client_order_id)
        except HedgerowError as error:
            raise Uncertain(f"{why}; looking it up: {error}") from None
        if report is None:
            raise Uncertain(f"{why}; and it is not found")
        return report


async def together(*requests: Coroutine[object, object, object]) -> list[object]:
    """The answers of reads made at once. All are waited for; then the gravest failure is raised, if there is one.

    Cancelled, it ends them all. As `asyncio.gather`, which takes as long again as the tasks themselves.
    """
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(request) for request in requests]
    try:
        for task in tasks:
            with suppress(Exception):
                await task
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    failures = [failure for task in tasks if (failure := task.exception()) is not None]
    if failures:
        raise min(failures, key=_gravity)
    return [task.result() for task in tasks]


def valid(parse: Callable[[], T]) -> T:
    """What `parse` makes of answers that came; Unavailable where they are none, or do not fit together."""
    try:
        return parse()
    except InvalidReply as error:
        reason = str(error)
    raise Unavailable(f"the answers make no snapshot: {reason}")


def _gravity(failure: BaseException) -> int:
    for place, kind in enumerate((SafetyStop, Refused, ClockSkew, RateLimited, Unavailable, HedgerowError)):
        if isinstance(failure, kind):
            return place + 1
    return 0


def _passes_soon(error: BaseException) -> bool:
    return isinstance(error, Unavailable) and not isinstance(error, RateLimited)
