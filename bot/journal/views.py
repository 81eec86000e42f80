"""What readers of a journal are shown. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.core.advice import Advice
from bot.core.costing import AccountCosts
from bot.core.decision import Action, Decision, Ladder, MarginFigures, Reason, Refusal, Situation
from bot.core.episode import Episode
from bot.core.history import Gap
from bot.core.ledger import Costs
from bot.core.market import Asset
from bot.core.orders import Fill, FundingPayment, OrderRecord
from bot.core.policy import Terms
from bot.core.states import FRESH, State
from bot.core.times import Millis
from bot.ports import Command


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The bot's last beat. `decided_at`: its own time (a story's, in a story); `wall_at`: the machine's, which is what
    an age is counted from. `poll`: its poll in ms; None when it did not say.
    """

    decided_at: Millis
    wall_at: Millis
    pid: int
    poll: Millis | None

    def age(self, wall: Millis) -> Millis:
        """How long ago, when the machine's time is `wall`."""
        return max(0, wall - self.wall_at)


@dataclass(frozen=True, slots=True)
class Binding:
    """Whose journal it is."""

    environment: str
    venue: str
    account: str
    created_by: str
    created_at: Millis


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """One coin at the last decision. Weights, target and drift as fractions of NAV, quantities in coins.

    `target` and `weight` (before the hedge) are None where the coin is not configured or NAV is unknown.
    """

    asset: Asset
    action: Action
    target: Decimal | None
    weight: Decimal | None
    net_weight: Decimal | None
    drift: Decimal | None
    residual: Decimal | None
    quantity: Decimal
    price: Decimal | None
    short: Decimal
    goal: Decimal
    contract: Decimal
    held: bool
    disarmed: str | None
    liquidation_price: Decimal | None
    reasons: tuple[Reason, ...]
    refusals: tuple[Refusal, ...]
    state: State = FRESH


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Where the bot stands by its journal. `decided_at` and what belongs to it is None before the first decision; `seq`
    is that decision's number, by which it can be explained. `gaps`: what the venue had forgotten;
    `funding_awaited`: coins whose last settlement is not booked, and is unknown until it is, with its instant.
    `costs`: what these hedges have cost, by id; open ones valued at the last decision's prices. `account`: what all
    hedges ever have, where that was asked for.
    """

    binding: Binding
    heartbeat: Heartbeat | None
    decided_at: Millis | None
    nav: Decimal | None
    cash: Decimal | None
    halted: str | None
    margin: MarginFigures | None
    assets: tuple[AssetStatus, ...]
    open_episodes: tuple[Episode, ...]
    ended_episodes: tuple[Episode, ...]
    orders: tuple[OrderRecord, ...]
    last_funding: FundingPayment | None
    commands: tuple[Command, ...]
    seq: int | None = None
    ladder: Ladder | None = None
    state: State = FRESH
    dead_mans_switch: str | None = None
    """What becomes of orders that rest, should the bot fall silent; in words."""
    gaps: tuple[Gap, ...] = ()
    funding_awaited: Mapping[Asset, Millis] = field(default_factory=dict)
    costs: Mapping[str, Costs] = field(default_factory=dict)
    account: AccountCosts | None = None


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """A decision with all it depended on: `decide(situation, terms) == decision`. `seq` counts rows; of several
    `revision`s of one instant the highest counts. `advice`: on the hedges that it opens.
    """

    seq: int
    revision: int
    situation: Situation
    terms: Terms
    decision: Decision
    advice: Mapping[Asset, Advice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Books:
    """Everything booked, in the order of booking. `funding_episodes`: for each settlement its episode's id or None."""

    fills: tuple[Fill, ...]
    funding: tuple[FundingPayment, ...]
    funding_episodes: tuple[str | None, ...]
    fees: Mapping[str, Decimal]
    realised: Decimal
    funding_received: Decimal


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """A command and what became of it; `result` is None while it waits."""

    command: Command
    result: str | None
    acknowledged_at: Millis | None
