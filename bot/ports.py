"""The doors to the outside: what the engine needs of a venue, a journal, a clock and alerts. Protocols only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from bot.core.advice import Advice
from bot.core.decision import Decision, Situation
from bot.core.episode import Episode
from bot.core.history import Gap, Retention
from bot.core.hygiene import Check
from bot.core.income import Comparison, IncomeRow
from bot.core.ledger import Event
from bot.core.market import Asset, Instrument, Quote, Snapshot, WalletKind
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderRecord, OrderReport, PastOrder
from bot.core.policy import Policy, Terms
from bot.core.swift import swift
from bot.core.times import Millis


class Clock(Protocol):
    """The only source of time (DESIGN "Time")."""

    @property
    def origin(self) -> Millis:
        """The instant from which ticks are counted: a story's start, or 0."""

    def now(self) -> Millis:
        """The present instant. Never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass (tenacity's `sleep`)."""

    async def sleep_until(self, at: Millis) -> None:
        """Let time pass up to `at`; returns at once when that is not in the future."""


class WakefulClock(Clock, Protocol):
    """A clock that can be slept on lightly."""

    async def sleep_unless(self, at: Millis, woken: asyncio.Event) -> None:
        """Let time pass up to `at`, but no further than where it is when `woken` is set."""


class Venue(Protocol):
    """One account on one exchange: spot wallet and linear perpetuals. Quantities in base units.

    Orders and executions are of either market: an instrument's `symbol` names its perpetual, its `spot_symbol` the
    spot market. What a spot order may be is the same but for three things: it is never reduce-only (Refused); a
    purchase may be charged in the coin that was bought, or in a third one; and a snapshot's open orders do not show it,
    for they are the perpetuals'. One of ours that is live is looked up by `find_order` instead, and its coins or cash
    are among the holdings as `locked`.

    Every call raises only Unavailable, Refused (SafetyStop among them) or Uncertain; reads never raise Uncertain.
    """

    @property
    def name(self) -> str:
        """'binance', 'bybit', 'paper'."""

    @property
    def lookup_patience(self) -> Millis:
        """How long after sending "not found" becomes credible: recvWindow plus a margin (EXCHANGES §3)."""

    async def account(self) -> str:
        """The account's own id at the venue, as text."""

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """The specifications of these coins' markets. Refused when a coin has no perpetual or no spot market."""

    async def prepare(self, policy: Policy) -> tuple[str, ...]:
        """Set and verify leverage, margin mode and one-way mode; what was changed, in words. Or SafetyStop."""

    async def inspect(self, policy: Policy) -> tuple[Check, ...]:
        """Whether the account is as it must be (`bot.core.hygiene`). Reads only."""

    async def snapshot(self) -> Snapshot:
        """Everything at one instant, in at most seven requests."""

    async def place(self, intent: OrderIntent) -> OrderReport:
        """Send one order. The report's state is OPEN, PARTIAL, FILLED, CANCELLED (post-only or IOC that ended at once).

        Refused: it does not exist there. Unavailable: it never left. Uncertain: look it up.
        """

    def amends(self, symbol: str) -> bool:
        """Whether an order that rests on this market can be moved. Where not: cancel it, and place the rest anew.

        All perpetuals can; Binance's spot market cannot (its cancelReplace makes another order under another name).
        """

    async def amend(self, record: OrderRecord, price: Decimal) -> OrderReport:
        """Move a resting order to another price, keeping its filled part. Refused where `amends` says no."""

    async def cancel(self, record: OrderRecord) -> OrderReport:
        """Cancel; the report tells what it had filled. An order that already ended is reported, not an error."""

    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Look one of ours up by client id. None only when a valid reply said that it is unknown."""

    async def fills(self, symbol: str, since: Millis) -> tuple[Fill, ...]:
        """Executions on the symbol from `since` (inclusive), oldest first, each once. Spot realises nothing."""

    async def funding(self, since: Millis) -> tuple[FundingPayment, ...]:
        """Funding settlements from `since` (inclusive), oldest first, each once."""

    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        """Published funding settlements of these coins from `since` (inclusive) until now, oldest first."""

    async def close(self) -> None:
        """Release sockets."""


@runtime_checkable
class PastOrders(Protocol):
    """What a venue may offer besides: the orders that a journal is rebuilt from."""

    async def orders(self, symbol: str, since: Millis) -> tuple[PastOrder, ...]:
        """Orders of ours placed on the symbol, of either market, from `since` on that the venue still remembers.

        Oldest first.
        """


@runtime_checkable
class Remembers(Protocol):
    """What a venue may tell besides: how far back it can be asked. Others can be asked for everything."""

    @property
    def remembers(self) -> Retention:
        """Counted back from now."""


@runtime_checkable
class Income(Protocol):
    """What a venue may offer besides: its own account of every movement of the wallet that margin is in."""

    @property
    def income_of_spot(self) -> bool:
        """Whether that wallet is the spot wallet too, so that trades on spot are told."""

    async def income(self, since: Millis) -> tuple[IncomeRow, ...]:
        """Every movement from `since` (inclusive) that the venue remembers, oldest first, each once."""


@runtime_checkable
class CoinPrices(Protocol):
    """What a venue may offer besides: what any coin is worth there, for fees that were charged in it."""

    async def coin_price(self, coin: str) -> Decimal | None:
        """The mid of its spot market in the settle coin, now; None when a side is empty. Refused: no such market."""


@runtime_checkable
class ForcedCloses(Protocol):
    """What a venue may offer besides: which orders on a symbol were its own doing."""

    async def forced_closes(self, symbol: str, since: Millis) -> Mapping[str, str]:
        """Ids of orders from `since` on by which the venue closed a position: 'liquidation', 'adl' or 'settlement'.

        None on spot: there is no position.
        """


@runtime_checkable
class DeadMansSwitch(Protocol):
    """What a venue may offer besides: to withdraw orders by itself when nobody renews a countdown."""

    async def countdown(self, symbol: str, wait: Millis) -> None:
        """Have every order on the symbol withdrawn in `wait` ms, unless this is called again before; 0: never.

        May be repeated. Refused, Unavailable or Uncertain: it may not be set.
        """


@runtime_checkable
class TopUps(Protocol):
    """What a venue with separate wallets may offer besides, where the key permits it."""

    async def transfer_to_margin(self, coin: str, amount: Decimal) -> str:
        """Move free coin from the spot wallet to the margin account; the venue's name of the transfer.

        Refused: not permitted, or not there. Unavailable: it never left. Uncertain: read the balances again.
        """


@dataclass(frozen=True, slots=True)
class Prices:
    """What a venue's markets show to anybody at `at`. `stable_prices`: other stablecoins in the settle coin."""

    at: Millis
    quotes: Mapping[Asset, Quote]
    stable_prices: Mapping[str, Decimal | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Depth:
    """An order book as displayed: (price, base quantity) of each level, best first."""

    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


@swift
@dataclass(frozen=True, slots=True)
class Settlement:
    """One funding settlement as the venue published it: longs paid `rate` of their notional to shorts.

    `mark`: the price it was settled at; None where the venue does not say.
    """

    asset: Asset
    rate: Decimal
    mark: Decimal | None
    at: Millis


@dataclass(frozen=True, slots=True)
class Balances:
    """Coins by wallet, as totals: what a simulated account begins with."""

    spot: Mapping[str, Decimal]
    futures: Mapping[str, Decimal]


class Market(StrEnum):
    """Where a price is from."""

    SPOT = "spot"
    PERP = "perp"


@dataclass(frozen=True, slots=True)
class Touch:
    """Best bid and ask of one market, as pushed; None: that side is empty.

    `at`: the venue's time on our clock; where it tells none, when the frame came.
    """

    asset: Asset
    market: Market
    bid: Decimal | None
    ask: Decimal | None
    at: Millis


@dataclass(frozen=True, slots=True)
class Marked:
    """A perpetual's mark and index and the funding to come, as pushed. `at`: the venue's time, on our clock."""

    asset: Asset
    mark: Decimal
    index: Decimal | None
    at: Millis
    funding_rate: Decimal | None = None
    next_funding_at: Millis | None = None


class News(StrEnum):
    """What a frame about our account tells of."""

    ORDER = "order"
    FILL = "fill"
    POSITION = "position"
    BALANCE = "balance"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Learnt:
    """Something happened to our account. What exactly, and with which numbers, the venue's replies tell.

    `symbol`, `client_order_id`: None where it concerns none. `at`: the venue's time.
    """

    news: News
    at: Millis
    symbol: str | None = None
    client_order_id: str | None = None


class Hears(Protocol):
    """Who is told what a stream brings. Nothing here waits or raises."""

    def touched(self, touch: Touch) -> None:
        """A best bid or ask changed."""

    def marked(self, marked: Marked) -> None:
        """A mark or index price changed, or was confirmed."""

    def learnt(self, what: Learnt) -> None:
        """Something happened to the account."""

    def lost(self, stream: str, why: str) -> None:
        """A stream that told, or should have told, tells no more: what it brought is not to be relied on."""

    def back(self, stream: str) -> None:
        """It tells again."""


class Stream(Protocol):
    """What a venue pushes. It never decides and never blocks: whatever goes wrong, it is lost, and comes back itself.

    Wakes come from it, and prices; every belief of the bot about its account is read from the venue.
    """

    async def start(self, hears: Hears) -> None:
        """Begin to connect; returns at once."""

    def tend(self) -> None:
        """Do what is due by the clock (keys that must be renewed). Called at every tick; returns at once."""

    def expect(self) -> None:
        """We have changed something of ours: the stream about the account owes a frame."""

    @property
    def lost(self) -> Mapping[str, str]:
        """The streams that tell nothing at present, and why."""

    async def close(self) -> None:
        """Release sockets."""


class MarketData(Protocol):
    """What a venue tells of its markets. Every call is a read; raises only Unavailable and Refused."""

    @property
    def name(self) -> str:
        """The venue."""

    @property
    def wallet(self) -> WalletKind:
        """Whether an account there has two wallets or one."""

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """Specifications with fees and margin tiers; where only an account may know these, cautious ones."""

    async def prices(self) -> Prices:
        """Best bids and asks, mark, index and funding of every configured coin at one instant."""

    async def depth(self, asset: Asset, market: Market = Market.PERP) -> Depth:
        """The displayed order book of one of the coin's markets."""

    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        """Published funding settlements of these coins from `since` (inclusive) until now, oldest first."""

    async def balances(self) -> Balances | None:
        """What the account that the key opens holds; None without a key."""

    async def close(self) -> None:
        """Release sockets."""


COMMANDS: Mapping[str, str] = {
    "pause": "open and enlarge nothing; reducing and closing go on",
    "resume": "do everything again, after a pause or a panic",
    "close": "close a hedge, keep the coins",
    "finalize": "end a hedge and sell its coins, slice by slice",
    "panic": "cancel every order, close every hedge at once, and halt",
    "accept": "take coins and cash as they are: a deposit, a withdrawal, a move to Earn",
    "rearm": "let a coin be hedged again",
    "adopt": "take a position that somebody traded on one of our symbols into the books",
    "ignore": "leave a position and orders on one of our symbols to whoever made them",
    "resolve": "say what became of an order whose outcome no look-up tells",
}
"""What a user can ask of a running bot."""

FOUND, NEVER = "found", "never"
"""What can be said of such an order: it existed; it never did."""


@dataclass(frozen=True, slots=True)
class Command:
    """A user's wish to a running bot: `kind` is one of `COMMANDS`; `asset` None: about the whole account.

    `order`: the client id of the order that it is about; `says`: FOUND or NEVER, and `by`, who says so (resolve).
    """

    id: int
    kind: str
    asset: Asset | None
    issued_at: Millis
    order: str | None = None
    says: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What the journal recalls at start: everything the engine needs to go on as if it had never stopped.

    `orders`: those of ours that are live or unresolved; `ended`: those of which something was learnt in the hour
    before the newest such news, and that are neither. `episodes`: the open ones, each asset's last
    ended and last closed one.
    `intents`, `episode_numbers`: the highest numbers ever used (in all; by asset). `recent_orders`: times of intents by
    asset in the last hour before the newest one. `funding_at`: the newest settlement booked; `since`: first record.
    `cash_flow`, `coin_flow`: what our trades moved since then, in the settle coin and by coin.
    `begun_at`: when the journal was made, on the bot's clock; `names`: the client ids of all intents.
    """

    decision: Decision | None = None
    orders: tuple[OrderRecord, ...] = ()
    ended: tuple[OrderRecord, ...] = ()
    episodes: tuple[Episode, ...] = ()
    intents: int = 0
    episode_numbers: Mapping[Asset, int] = field(default_factory=dict)
    recent_orders: Mapping[Asset, tuple[Millis, ...]] = field(default_factory=dict)
    last_fill_at: Mapping[str, Millis] = field(default_factory=dict)
    funding_at: Millis | None = None
    since: Millis | None = None
    cash_flow: Decimal = Decimal(0)
    coin_flow: Mapping[Asset, Decimal] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    events: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)
    begun_at: Millis = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision with everything it depended on, as a journal keeps it; `advice` on the hedges that it opens."""

    situation: Situation
    terms: Terms
    decision: Decision
    advice: Mapping[Asset, Advice] = field(default_factory=dict)


NO_ADVICE: Mapping[Asset, Advice] = {}


class Journal(Protocol):
    """The append-only record. Every `record_*` is durable when it returns. Raises JournalError."""

    async def recall(self, settle: str) -> Memory:
        """What is needed to go on."""

    async def record_decision(
        self, situation: Situation, terms: Terms, decision: Decision, episodes: Sequence[Episode] = (),
        advice: Mapping[Asset, Advice] = NO_ADVICE,
    ) -> None:
        """Keep a decision with everything it depended on; a repeat at its instant that differs is a revision.

        `episodes`: known ones whose accounts change with it, in the same transaction. `advice`: as `Decided`.
        """

    async def record_intent(self, intent: OrderIntent, because: Decided | None = None) -> None:
        """Commit an intent (and its episode's row, where it is the first) before its request leaves.

        `because`: the decision it came from, where that is not kept yet. It is kept in the same transaction, as
        `record_decision` would: the request that waits for both waits for the disk once.
        """

    async def record_taken(
        self, intent: OrderIntent, fills: Sequence[Fill], report: OrderReport, episode: Episode, at: Millis,
    ) -> None:
        """Take an order into the books that somebody else sent, whole: intent, executions, end and its episode after
        them, in one transaction. Half of it would be an order that no look-up can find.
        """

    async def record_report(self, report: OrderReport, at: Millis) -> None:
        """Append an order event."""

    async def record_miss(self, client_order_id: str, at: Millis) -> None:
        """Append a look-up that found nothing."""

    async def unbooked_fills(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """Those not in the books yet (by symbol and trade id), in order."""

    async def record_fills(self, fills: Sequence[Fill], episodes: Sequence[Episode], at: Millis) -> None:
        """Book new fills of ours together with their episodes' accounts after them, in one transaction."""

    async def booked(self, since: Millis) -> tuple[tuple[Fill, ...], tuple[FundingPayment, ...]]:
        """Executions and settlements of `since` and later that are in the books."""

    async def unbooked_funding(self, payments: Sequence[FundingPayment]) -> tuple[FundingPayment, ...]:
        """Those not in the books yet (by symbol and payment id), in order."""

    async def record_funding(
        self, payments: Sequence[tuple[FundingPayment, str | None]], episodes: Sequence[Episode], at: Millis,
    ) -> None:
        """Book new settlements, each with its episode's id (None: no hedge was open), and the accounts after."""

    async def record_gap(self, gap: Gap) -> None:
        """Mark what the venue had forgotten."""

    async def record_comparison(self, comparison: Comparison) -> None:
        """Keep what comparing the books with the venue's own account came to."""

    async def record_episode(self, episode: Episode, at: Millis) -> None:
        """Keep an episode's present account (insert or update by id)."""

    async def commands(self) -> tuple[Command, ...]:
        """Commands not yet acknowledged, oldest first."""

    async def acknowledge(self, command: Command, result: str, at: Millis) -> None:
        """Answer a command."""

    async def beat(self, at: Millis) -> None:
        """The heartbeat: a decision was reached at `at`."""

    async def close(self) -> None:
        """Release the file and the lock."""


class Urgency(StrEnum):
    """How soon a human should look."""

    NOTE = "note"
    WARNING = "warning"
    URGENT = "urgent"


class Alerts(Protocol):
    """Where messages to a human go. Called from a thread of its own: it may take its time, no tick waits for it."""

    def deliver(self, title: str, text: str, urgency: Urgency) -> None:
        """Hand one message over, to every place there is. Raises Unavailable, in words without a secret."""
