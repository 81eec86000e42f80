"""The corridor's middle: what `decide` is given (a Situation) and what it returns (a Decision). Values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bot.core.later import Kept, Later
from bot.core.market import Asset, Snapshot
from bot.core.money import ZERO
from bot.core.states import FRESH, State, quarantined
from bot.core.swift import swift
from bot.core.times import Millis
from bot.core.way import Way


class Action(StrEnum):
    """What the rule makes of one asset on one tick."""

    OPEN = "open"
    INCREASE = "increase"
    REDUCE = "reduce"
    CLOSE = "close"
    HOLD = "hold"          # the wanted short is the one we have (or are working towards)


class Rung(StrEnum):
    """Where the margin account stands on the ladder (DOMAIN §6.3), from safe to nearly liquidated."""

    CLEAR = "clear"
    WARN = "warn"              # tell
    STOP = "stop"              # no increase beyond here; top up from the spot wallet
    CASH_FLOOR = "cash_floor"  # too little cash is left to pay losses with: reduce
    REDUCE = "reduce"          # buy back a part of every hedge
    FULL = "full"              # buy back all of it

    @property
    def reduces(self) -> bool:
        """Whether hedges are bought back on this rung."""
        return self in (Rung.CASH_FLOOR, Rung.REDUCE, Rung.FULL)


class Pace(StrEnum):
    """How an asset's goal is worked: patiently, marketable at once, or so on a frozen symbol too."""

    PATIENT = "patient"
    AT_ONCE = "at_once"
    MARGIN = "margin"


@swift
@dataclass(frozen=True, slots=True)
class Reason(Later):
    """Why: a stable `code` ('below_open', 'confirming', 'capped_by_runway', …), one sentence, and its numbers."""

    code: str
    text: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def later(cls, code: str, work: Callable[[], Mapping[str, object]]) -> Reason:
        """One whose sentence and numbers `work` gives when somebody reads them."""
        new = cls._twin()
        new.code, new._work = code, work  # noqa: SLF001 - its own
        new.__class__ = cls
        made: Reason = new
        return made


@swift
@dataclass(frozen=True, slots=True)
class Refusal:
    """A guard's no. `scope` 'data' holds every rule-driven order; 'opening' holds increases only."""

    guard: str
    scope: str
    text: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HedgeIntent:
    """A new goal for one asset's hedge. `current` is where it stood (position or the goal in progress); both signed."""

    asset: Asset
    action: Action
    current: Decimal
    goal: Decimal
    reason: str


class Leg(StrEnum):
    """What a hedge that is finalised does next: sell coins on the spot market, or close as much of the hedge.

    BUY: coins are bought there, for a long that is finalised or with what another's sale brought.
    """

    SELL = "sell"
    CLOSE = "close"
    BUY = "buy"


@dataclass(frozen=True, slots=True)
class Finalising:
    """A hedge that goes down to `goal` with its coins (DOMAIN §5B); base units, along its way. `cause`: of the reason.

    Of a long, coins are bought instead of sold. `short`: the hedge when it began; `to_sell`: coins to be sold in all,
    whole spot lots; `slice`: as much is sold before as much is closed. `sold` and `closed` by the fills so far;
    `sold_before`: what the episode had sold already. `leg` has been worked since `leg_at`; its slice is sold when
    `sold` is `sell_until`.
    """

    cause: str
    began_at: Millis
    short: Decimal
    goal: Decimal
    to_sell: Decimal
    slice: Decimal
    sold_before: Decimal = ZERO
    sold: Decimal = ZERO
    closed: Decimal = ZERO
    leg: Leg = Leg.SELL
    leg_at: Millis = 0
    sell_until: Decimal = ZERO

    @property
    def left(self) -> Decimal:
        """Coins that are still to be sold."""
        return self.to_sell - self.sold

    @property
    def uncovered(self) -> Decimal:
        """Coins that were sold and whose short is still there: so much less exposed than at the start."""
        return self.sold - self.closed


@dataclass(frozen=True, slots=True)
class Buying:
    """Coins that are being bought with the proceeds of a finalisation: so many (base units) since `began_at`.

    `flow_before`: the asset's `coin_flow` then; what it has become more since is `bought`.
    """

    began_at: Millis
    to_buy: Decimal
    flow_before: Decimal
    bought: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Due:
    """What a hedge that is finalised has to trade now: so much (base units) on this leg, worked since `since`."""

    leg: Leg
    quantity: Decimal
    since: Millis


@swift
@dataclass(frozen=True, slots=True)
class AssetState:
    """What the rule remembers of one asset between ticks. Part of every journaled decision, so it survives a restart.

    `goal`: the hedge (base units, negative: a long) in progress, set at `goal_at`; None when nothing is worked.
    `candidate`, `confirmed`, `counted_at`: the change being confirmed; `way`: of it, and of `finalising`. `seen_*`: the
    last prices that passed the jump guard; `pending_*`: a jump waiting for a second observation. `holding`: the last
    acknowledged coins, less what our own spot trades moved (`AssetStanding.coin_flow`). `state`: what is permitted by
    the user; `quarantined_at`: since when the outcome of an order has been unknown for too long. `foreign`: the part of
    the venue's position (signed) that is somebody else's by the user's word, and `ignored_orders` such orders by the
    venue's ids. `finalising`: how far the coins of the hedge are sold; `buying`: how far coins are bought with
    another's proceeds.
    """

    goal: Decimal | None = None
    goal_action: Action | None = None
    goal_reason: str = ""
    goal_at: Millis | None = None
    candidate: Action | None = None
    confirmed: int = 0
    counted_at: Millis | None = None
    disarmed: str | None = None
    seen_at: Millis | None = None
    seen_spot: Decimal | None = None
    seen_mark: Decimal | None = None
    pending_at: Millis | None = None
    pending_spot: Decimal | None = None
    pending_mark: Decimal | None = None
    holding: Decimal | None = None
    state: State = FRESH
    foreign: Decimal = ZERO
    ignored_orders: tuple[str, ...] = ()
    quarantined_at: Millis | None = None
    finalising: Finalising | None = None
    buying: Buying | None = None
    way: Way = Way.SHORT

    @property
    def at_rest(self) -> bool:
        """Whether the rule has nothing in progress, nothing to confirm and nothing to ask a human."""
        return (
            self.goal is None and self.candidate is None and not self.confirmed and self.pending_at is None
            and self.finalising is None and self.buying is None and self.quarantined_at is None
            and self.holding is not None and self.state is FRESH and not self.foreign and not self.ignored_orders
        )

    @property
    def permitted(self) -> State:
        """What may be done with this asset, whatever the account is permitted."""
        return quarantined(self.state, self.quarantined_at)


@swift
@dataclass(frozen=True, slots=True)
class RuleState(Kept):
    """The memory of `decide`: one AssetState per configured asset, and the acknowledged cash (None: not yet seen).

    `cash` counts stablecoins one for one and leaves out what our own trading moved (`Standing.cash_flow`), so that
    it stays where it is while nobody else moves money. `state`: what the whole account is permitted. `to_invest`: of a
    finalisation's proceeds, what is still to be divided among the coins that are below their targets.
    """

    assets: Mapping[Asset, AssetState] = field(default_factory=dict)
    cash: Decimal | None = None
    state: State = FRESH
    to_invest: Decimal = ZERO

    def of(self, asset: Asset) -> AssetState:
        """The state of one asset; a fresh one where there is none yet."""
        found = self.assets.get(asset)
        return AssetState() if found is None else found

    @property
    def at_rest(self) -> bool:
        """Whether that is so of every asset, and of the account."""
        try:
            found: bool = self._answer
        except AttributeError:
            found = self.keep(
                self.cash is not None and self.state is FRESH and not self.to_invest
                and all(one.at_rest for one in self.assets.values()))
        return found


@swift
@dataclass(frozen=True, slots=True)
class AssetStanding:
    """What the journal knows of one asset at this tick.

    `short`: our hedge by the journal's fills (base units; negative: a long). `last_fill_at`: time of our last fill on
    the symbol. `closed_at`: end of the last episode (for the cooldown). `working`: an order of ours is open at the
    venue. `trailing_carry`: what funding of the last three days cost the short, as a fraction of its notional a year
    (positive: we paid); None while there is no such history. `asked`: the user's commands about this asset, oldest
    first. `forced`: the venue closed what was ours, 'liquidation' or 'adl', since the last decision. `faults`: by
    topic, what account or market are not as they must be for a larger hedge. `quarantined_at`: since when the outcome
    of an order has been unknown for too long; None: there is no such order. `spot_sold`: coins that the newest episode
    has sold on spot; `coin_flow`: by how many our own trades and their fees have changed the holding since the
    journal's first record.
    """

    short: Decimal = ZERO
    working: bool = False
    unresolved: bool = False
    orders_last_hour: int = 0
    opened_at: Millis | None = None
    closed_at: Millis | None = None
    last_fill_at: Millis | None = None
    close_requested: bool = False
    rearm_requested: bool = False
    accept_requested: bool = False
    trailing_carry: Decimal | None = None
    asked: tuple[str, ...] = ()
    forced: str | None = None
    faults: Mapping[str, str] = field(default_factory=dict)
    quarantined_at: Millis | None = None
    spot_sold: Decimal = ZERO
    coin_flow: Decimal = ZERO


    @property
    def at_rest(self) -> bool:
        """Whether no order of ours is live, nobody has asked for anything, and nothing was closed by force."""
        return not (
            self.working or self.unresolved or self.asked or self.forced or self.close_requested
            or self.rearm_requested or self.accept_requested or self.quarantined_at is not None
        )


@swift
@dataclass(frozen=True, slots=True)
class Standing(Kept):
    """What the journal and the engine know besides the snapshot. `own_orders`: client ids of our live orders.

    `cash_flow`: what our own trading has moved since the journal's first record (realised − fees + funding received +
    spot proceeds). `can_top_up`: the venue moves settle coin from the spot wallet to the margin account, and neither
    did nor refused so just now; `can_move`: it does, and did not refuse just now.
    `asked`: the user's commands about the whole account, oldest first.
    `faults`: by topic, what the account is not as it must be for larger hedges.
    """

    active: bool = True
    assets: Mapping[Asset, AssetStanding] = field(default_factory=dict)
    own_orders: frozenset[str] = frozenset()
    cash_flow: Decimal = ZERO
    can_top_up: bool = False
    can_move: bool = False
    asked: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)

    def of(self, asset: Asset) -> AssetStanding:
        """The standing of one asset; an empty one where the journal knows nothing."""
        found = self.assets.get(asset)
        return AssetStanding() if found is None else found

    @property
    def at_rest(self) -> bool:
        """Whether that is so of every asset, and of the account."""
        try:
            found: bool = self._answer
        except AttributeError:
            found = self.keep(
                not self.asked and not self.own_orders and all(one.at_rest for one in self.assets.values()))
        return found


@swift
@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision depends on besides the Terms. Recorded with it, so that anybody can decide again."""

    snapshot: Snapshot
    standing: Standing
    state: RuleState


@swift
@dataclass(frozen=True, slots=True)
class Measure:
    """One asset in numbers (DOMAIN §2). Money in the settle coin, weights and drift as fractions of NAV.

    None where a price is unknown.
    """

    quantity: Decimal
    price: Decimal | None
    value: Decimal | None
    target_value: Decimal | None
    excess: Decimal | None
    drift: Decimal | None
    net_weight: Decimal | None
    residual: Decimal | None


@swift
@dataclass(frozen=True, slots=True)
class AssetDecision:
    """What was decided for one asset, and why: `reasons` is never empty.

    `short`: the hedge now; `goal`: the hedge to have after this decision (== `short` when nothing is to be done), in
    base units; negative is long. `way`: the one along which the rule looked. `held`: a data guard holds every
    rule-driven order: nothing is sent, resting orders are withdrawn. `urgent`: acts through data guards (a user command
    or the margin ladder); `pace`: how fast. `due`: what a hedge that is being finalised trades next on its way to the
    goal, or a purchase; None: the whole way is the perpetual's.
    """

    asset: Asset
    action: Action
    short: Decimal
    goal: Decimal
    contract: Decimal
    measure: Measure
    reasons: tuple[Reason, ...]
    refusals: tuple[Refusal, ...] = ()
    intent: HedgeIntent | None = None
    held: bool = False
    urgent: bool = False
    pace: Pace = Pace.PATIENT
    due: Due | None = None
    way: Way = Way.SHORT


@swift
@dataclass(frozen=True, slots=True)
class MarginFigures:
    """The margin account in one line. Effective leverage = Σ notional / equity; runways as fractions (0.6595: shorts
    +65.95 %, longs −65.95 %); `way`: of the hedges that are nearer to liquidation. None: unknown, or no hedge (nothing
    to liquidate).
    """

    equity: Decimal
    notional: Decimal
    maintenance: Decimal
    effective_leverage: Decimal | None
    joint_runway: Decimal | None
    runways: Mapping[Asset, Decimal | None] = field(default_factory=dict)
    liquidation_prices: Mapping[Asset, Decimal | None] = field(default_factory=dict)
    way: Way = Way.SHORT


@swift
@dataclass(frozen=True, slots=True)
class Ladder:
    """The margin ladder's reading: the rung, in plain words (`text`), and what follows.

    `runway`: how far all marks may move together against the hedges of `way`, the nearer to liquidation (None: unknown,
    no hedge, or no move liquidates). `cash_share`: (cash + unrealised) / NAV, None while prices are not to be believed.
    `fraction`: of every hedge that is to be closed. `top_up`: settle coin to be moved to the margin account, of
    `needed`; `moving`: the bot does it, otherwise a human is asked to.
    """

    rung: Rung = Rung.CLEAR
    runway: Decimal | None = None
    cash_share: Decimal | None = None
    fraction: Decimal = ZERO
    needed: Decimal = ZERO
    top_up: Decimal = ZERO
    moving: bool = False
    text: str = ""
    way: Way = Way.SHORT


class _InPassing(Later):
    """Whether a decision was found in passing: `_still` is set, or not."""

    __slots__ = ("_still",)


@swift
@dataclass(frozen=True, slots=True)
class Decision(_InPassing):
    """The answer of `decide` for every asset at one instant, and the rule's memory after it."""

    at: Millis
    nav: Decimal | None
    cash: Decimal | None
    margin: MarginFigures
    assets: tuple[AssetDecision, ...]
    state: RuleState
    halted: str | None = None
    ladder: Ladder = Ladder()

    @property
    def still(self) -> bool:
        """Whether it was found in passing that nothing is to be done: no goal, no order, no rung of the ladder that
        acts. False tells nothing.
        """
        return hasattr(self, "_still")

    @classmethod
    def quiet(
        cls, at: Millis, nav: Decimal, cash: Decimal, state: RuleState, work: Callable[[], Mapping[str, object]],
    ) -> Decision:
        """One that is known to do nothing; `work` gives all other fields, if ever somebody reads them."""
        new = cls._twin()
        new.at, new.nav, new.cash, new.state = at, nav, cash, state
        new._work, new._still = work, True  # noqa: SLF001 - its own
        new.__class__ = cls
        quiet: Decision = new
        return quiet

    @classmethod
    def whole(
        cls, at: Millis, nav: Decimal | None, cash: Decimal | None, assets: tuple[AssetDecision, ...],
        state: RuleState, *, halted: str | None, ladder: Ladder, work: Callable[[], Mapping[str, object]],
    ) -> Decision:
        """One with everything that was decided; `work` gives the margin account in one line, if somebody reads it."""
        new = cls._twin()
        new.at, new.nav, new.cash, new.assets, new.state = at, nav, cash, assets, state
        new.halted, new.ladder, new._work = halted, ladder, work  # noqa: SLF001 - its own
        new.__class__ = cls
        made: Decision = new
        return made

    def of(self, asset: Asset) -> AssetDecision:
        """The decision on one asset. Raises KeyError."""
        for decided in self.assets:
            if decided.asset == asset:
                return decided
        raise KeyError(asset)

    def signature(self) -> tuple[object, ...]:
        """What must change for the journal to want another row: actions, goals, reason codes and refusing guards."""
        return (self.halted, self.ladder.rung, self.ladder.moving, self.state.state.text, *(
            (d.asset, d.action, d.goal, d.held, tuple(r.code for r in d.reasons), tuple(r.guard for r in d.refusals))
            for d in self.assets
        ))
