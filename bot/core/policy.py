"""The user's wishes as values: what settings turn a configuration file into. Fractions, not percent: 5pp is 0.05."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.core.later import Kept
from bot.core.market import Asset, Instrument
from bot.core.money import ROUND_UP, round_to_step
from bot.core.times import DAY, MINUTE, SECOND, Millis


@dataclass(frozen=True, slots=True)
class Threshold:
    """A trigger level: a fraction of NAV, or (relative) a fraction of the asset's target."""

    value: Decimal
    relative: bool = False

    def of_nav(self, target: Decimal) -> Decimal:
        """The level as a fraction of NAV for an asset with this target weight (fraction)."""
        return self.value * target if self.relative else self.value


class Rounding(StrEnum):
    """How a wanted size becomes whole micro-contracts."""

    DOWN = "down"
    NEAREST = "nearest"


class Direction(StrEnum):
    """Which hedges are opened: shorts alone, or also longs for coins below their targets."""

    SHORT = "short"
    BOTH = "both"


class OnTimeout(StrEnum):
    """What happens when patience ends: cross the spread (bounded), or wait on."""

    CROSS = "cross"
    WAIT = "wait"


class OnMargin(StrEnum):
    """How the margin ladder reduces: sell the coins too, or only close the hedge."""

    FINALISE = "finalise"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class AssetPolicy:
    """One coin: target weight (fraction of NAV) and its triggers. `contract` in coins; None: the venue's smallest."""

    asset: Asset
    target: Decimal
    open: Threshold = Threshold(Decimal("0.05"))
    close: Threshold = Threshold(Decimal("0.01"))
    resize: Threshold = Threshold(Decimal("0.01"))
    contract: Decimal | None = None
    rounding: Rounding = Rounding.DOWN
    max_hedge_notional: Decimal | None = None
    direction: Direction = Direction.SHORT

    def contract_for(self, instrument: Instrument) -> Decimal:
        """The micro-contract in base units: as configured, or more where the venue has made its step larger since.

        At start such a contract is refused (`sizing.contract_findings`). Later what is open must still be reduced in
        sizes that the venue takes.
        """
        if self.contract is None:
            return instrument.amount_step
        return round_to_step(self.contract, instrument.amount_step, ROUND_UP)


@dataclass(frozen=True, slots=True)
class Rule:
    """One asset's triggers ready to be compared: fractions of NAV, relative ones converted; the contract in coins."""

    asset: Asset
    symbol: str
    target: Decimal
    open: Decimal
    close: Decimal
    resize: Decimal
    contract: Decimal
    rounding: Rounding
    direction: Direction = Direction.SHORT

    @staticmethod
    def of(policy: AssetPolicy, symbol: str, contract: Decimal) -> Rule:
        """The rule of an asset's policy."""
        target = policy.target
        return Rule(policy.asset, symbol, target, policy.open.of_nav(target), policy.close.of_nav(target),
                    policy.resize.of_nav(target), contract, policy.rounding, policy.direction)


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """Limits of the data guards and the opening guards (DOMAIN §6.4, §6.5). Fractions; durations in ms.

    `enabled` False: everything is believed and nothing refused. For a bare replay alone; no configuration says so.
    """

    max_divergence: Decimal = Decimal("0.01")
    max_jump: Decimal = Decimal("0.05")
    max_basis: Decimal = Decimal("0.005")
    max_carry: Decimal = Decimal("0.20")
    max_stablecoin_deviation: Decimal = Decimal("0.01")
    holdings_tolerance: Decimal = Decimal("0.001")
    orders_per_hour: int = 60
    stale_after: Millis = 60 * SECOND
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class MarginPolicy:
    """Leverage set on the venue, the cap on effective leverage after a trade, and the margin ladder (DOMAIN §6.3).

    The ladder's rungs are joint runways as fractions, `cash_floor` a fraction of NAV: (cash + unrealised) / NAV.
    `top_up`: whether the bot itself may move settle coin from the spot wallet, which the key must permit.
    `enabled` False: neither ladder nor caps. For a bare replay alone; no configuration says so.
    """

    leverage: Decimal = Decimal(5)
    max_leverage: Decimal = Decimal(2)
    warn_runway: Decimal = Decimal("0.75")
    stop_runway: Decimal = Decimal("0.50")
    on_margin: OnMargin | None = None
    top_up: bool = False
    top_up_to: Decimal = Decimal("0.75")
    reduce_runway: Decimal = Decimal("0.25")
    reduce_to: Decimal = Decimal("0.40")
    full_runway: Decimal = Decimal("0.12")
    cash_floor: Decimal = Decimal("0.05")
    enabled: bool = True


class Reinvest(StrEnum):
    """What becomes of a finalisation's proceeds: they stay cash, or buy the coins that are below their targets."""

    OFF = "off"
    TARGETS = "targets"


@dataclass(frozen=True, slots=True)
class FinalisePolicy:
    """When a hedge is ended with its coins (DOMAIN §5B). `max_age` of the episode and `max_carry` a year (fraction of
    the short): 0 is never. `slices`: at least so many, as far as the venue's minimums allow.
    """

    max_age: Millis = 90 * DAY
    max_carry: Decimal = Decimal("0.20")
    slices: int = 5
    reinvest: Reinvest = Reinvest.OFF


@dataclass(frozen=True, slots=True)
class ExecutionPolicy:
    """How orders are worked (DOMAIN §7). `slice` in base-unit micro-contracts; None: the whole."""

    reprice_after: Millis = 10 * SECOND
    patience: Millis = 2 * MINUTE
    on_timeout: OnTimeout = OnTimeout.WAIT
    max_slippage: Decimal = Decimal("0.001")
    slice: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything `decide` and the executor are told by the user. `cash` lists the stablecoins that count as cash,
    the settle coin first; `cash_target` is their weight.
    """

    assets: tuple[AssetPolicy, ...]
    cash_target: Decimal
    cash: tuple[str, ...] = ("USDT",)
    confirm: int = 2
    confirm_spacing: Millis = 30 * SECOND
    cooldown: Millis = DAY
    guards: GuardPolicy = GuardPolicy()
    margin: MarginPolicy = MarginPolicy()
    execution: ExecutionPolicy = ExecutionPolicy()
    finalise: FinalisePolicy = FinalisePolicy()

    @property
    def settle(self) -> str:
        """The coin in which NAV is counted."""
        return self.cash[0]

    @property
    def longs(self) -> frozenset[Asset]:
        """Coins that may be hedged by a long."""
        return frozenset(one.asset for one in self.assets if one.direction is Direction.BOTH)

    def asset(self, asset: Asset) -> AssetPolicy:
        """The policy of one coin. Raises KeyError for a coin that is not configured."""
        for policy in self.assets:
            if policy.asset == asset:
                return policy
        raise KeyError(asset)


@dataclass(frozen=True, slots=True)
class Terms(Kept):
    """What does not change from tick to tick: the policy and the contract specifications it applies to."""

    policy: Policy
    instruments: Mapping[Asset, Instrument]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What the rule goes by, asset by asset in the order of the policy."""
        return self._known[0]

    @property
    def longs(self) -> frozenset[Asset]:
        """Coins that may be hedged by a long."""
        return self._known[1]

    @property
    def _known(self) -> tuple[tuple[Rule, ...], frozenset[Asset]]:
        try:
            found: tuple[tuple[Rule, ...], frozenset[Asset]] = self._answer
        except AttributeError:
            found = self.keep((
                tuple(
                    Rule.of(one, self.instruments[one.asset].symbol, one.contract_for(self.instruments[one.asset]))
                    for one in self.policy.assets),
                self.policy.longs))
        return found
