"""Every key of a configuration: its kind, its default as one would write it, and what it means.

docs/configuration.md is generated from here. Defaults are written in the file's own grammar and parsed like the rest.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from bot.core.market import Asset
from bot.core.policy import Direction, OnMargin, OnTimeout, Reinvest, Rounding, Threshold
from bot.core.tax import LotMethod
from bot.core.times import Millis
from bot.settings import grammar

Weight: TypeAlias = Annotated[Decimal, PlainValidator(grammar.weight), grammar.WEIGHT]
Share: TypeAlias = Annotated[Decimal, PlainValidator(grammar.share), grammar.SHARE]
Tolerated: TypeAlias = Annotated[Decimal, PlainValidator(grammar.tolerated), grammar.SHARE]
Part: TypeAlias = Annotated[Decimal, PlainValidator(grammar.part), grammar.SHARE]
Level: TypeAlias = Annotated[Threshold, PlainValidator(grammar.level), grammar.LEVEL]
Duration: TypeAlias = Annotated[Millis, PlainValidator(grammar.duration), grammar.DURATION]
Pause: TypeAlias = Annotated[Millis, PlainValidator(grammar.pause), grammar.DURATION]
Amount: TypeAlias = Annotated[Decimal, PlainValidator(grammar.amount), grammar.AMOUNT]
Instant: TypeAlias = Annotated[Millis, PlainValidator(grammar.instant), grammar.INSTANT]
Loopback: TypeAlias = Annotated[str, PlainValidator(grammar.loopback), grammar.LOOPBACK]
Lots: TypeAlias = Annotated[tuple[tuple[Decimal, Decimal, Millis], ...], PlainValidator(grammar.lots), grammar.LOTS]
File: TypeAlias = Annotated[Path, PlainValidator(grammar.file), grammar.FILE]
Coin: TypeAlias = Annotated[Asset, BeforeValidator(grammar.risky_coin)]
Cash: TypeAlias = Annotated[Asset, BeforeValidator(grammar.cash_coin)]
AnyCoin: TypeAlias = Annotated[Asset, BeforeValidator(grammar.coin)]
Count: TypeAlias = Annotated[int, PlainValidator(grammar.count), grammar.COUNT]
Seed: TypeAlias = Annotated[int, PlainValidator(grammar.seed), grammar.SEED]


class Venue(StrEnum):
    """Exchanges that a configuration may name."""

    BINANCE = "binance"
    BYBIT = "bybit"


class Section(BaseModel):
    """A group of keys; unknown ones are refused, values do not change afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def key(default: Any, meaning: str) -> Any:  # noqa: ANN401 - the default's text, the field's type: pydantic's own way
    """A key with its default, as the file would write it, and what it means."""
    return Field(default=default, description=meaning)


class AssetSettings(Section):
    """One coin of the portfolio. Keys left out take the value of `triggers`."""

    target: Weight = Field(description="Target weight. All targets and cash together are 100%.")
    open: Level | None = key(None, "As triggers.open, for this coin.")
    close: Level | None = key(None, "As triggers.close, for this coin.")
    resize: Level | None = key(None, "As triggers.resize, for this coin.")
    rounding: Rounding | None = key(None, "As triggers.rounding, for this coin.")
    direction: Direction | None = key(None, "As triggers.direction, for this coin.")
    contract: Amount | None = key(
        None, "Micro-contract in coins: hedges are whole multiples of it. Default: the venue's smallest.")
    max_hedge_notional: Amount | None = key(None, "Largest hedge in the settle coin. Default: no limit.")


class TriggerSettings(Section):
    """When a hedge is opened, resized and closed."""

    open: Level = key("5pp", "Excess over target at which a hedge is opened.")
    close: Level = key("1pp", "Excess at or below which it is closed: the drift has resolved. Below `open`.")
    resize: Level = key("1pp", "Change of the wanted size from which it is adjusted.")
    rounding: Rounding = key("down", "How the wanted size becomes whole micro-contracts; `down` never over-hedges.")
    direction: Direction = key(
        "short", "`short`: a coin above its target gets a short. `both`: one below its target also gets a long, a "
                 "synthetic purchase.")
    confirm: Count = key(2, "Fresh snapshots on which a condition must hold before anything is done.")
    confirm_spacing: Pause = key("30s", "Least time between two snapshots that count.")
    cooldown: Pause = key("24h", "No new hedge of a coin for this long after its last one ended.")


class GuardSettings(Section):
    """What makes the bot hold still."""

    max_divergence: Share = key("100bp", "Mark, index and last price further apart: hold every order of the rule.")
    max_jump: Share = key("5%", "A move within a minute above this: hold until two observations agree.")
    max_stablecoin_deviation: Share = key("1%", "Another stablecoin further from 1: open nothing.")
    holdings_tolerance: Tolerated = key("0.1%", "Coins or cash that change by more of the portfolio unasked: hold.")
    max_basis: Share = key("50bp", "Perpetual cheaper than spot by more (dearer, for a long): open nothing.")
    max_carry: Share = key("20%", "Expected funding cost a year above this: open nothing.")
    orders_per_hour: Count = key(60, "Orders per coin and hour; more: open nothing.")
    stale_after: Duration = key("60s", "Prices older than this: hold every order of the rule.")


class MarginSettings(Section):
    """How much the short may lean on the futures wallet."""

    leverage: Amount = key(5, "Leverage set at the venue, a whole number; above max_leverage.")
    max_leverage: Amount = key(2, "Cap on the hedges' notional / futures equity after a trade.")
    warn_runway: Share = key("75%", "Joint runway (how far prices may move to liquidation) below which you are told.")
    stop_runway: Share = key("50%", "An increase is cut so that the runway after it stays at least this.")
    on_margin: OnMargin | None = key(
        None, "How a short is reduced when margin runs out: `finalise` sells the coins too, `close` keeps them and "
              "takes the exposure back. Must be chosen for demo and live.")
    top_up: bool = key(
        False, "Let the bot move settle coin from the spot to the futures wallet, which the key must permit. False: "
               "you are told the amount.")
    top_up_to: Share = key("75%", "Below stop_runway, the runway that a top-up from the spot wallet aims at.")
    reduce_runway: Share = key("25%", "Runway below which a part of every hedge is bought back at once.")
    reduce_to: Share = key("40%", "The runway that this leaves.")
    full_runway: Share = key("12%", "Runway below which every hedge is bought back in full.")
    cash_floor: Tolerated = key(
        "5%", "Cash and unrealised profit below this part of the portfolio: reduce, and open nothing.")


class FinaliseSettings(Section):
    """When a hedge is ended by really selling its coins."""

    max_age: Pause = key("90d", "A hedge that is older ends, and its coins are sold; 0s: never.")
    max_carry: Tolerated = key(
        "20%", "Funding that has cost more a year over three days, and costs more now: the same; 0%: never.")
    reinvest: Reinvest = key(
        "off", "`targets`: what a hedge's coins brought buys the coins that are below their targets; `off`: it stays "
               "cash.")
    slices: Count = key(5, "In at least so many slices, spot first, as far as the venue's smallest orders allow.")


class ExecutionSettings(Section):
    """How orders are worked."""

    reprice_after: Duration = key("10s", "A resting order follows the touch at most this often.")
    patience: Duration = key("2m", "How long to rest before `on_timeout` decides.")
    on_timeout: OnTimeout = key("wait", "`wait`: rest on. `cross`: take the spread, within max_slippage.")
    max_slippage: Tolerated = key("10bp", "Furthest from the touch that a crossing order may go.")
    slice: Count | None = key(None, "Most micro-contracts in one order. Default: the whole.")


class TestnetSettings(Section):
    """Where the local testnet listens."""

    __test__ = False  # its name begins like a test class's

    url: Loopback = key("http://127.0.0.1:8420", "Its address.")
    timeout: Duration = key(
        "500ms", "Real time after which a request to it counts as lost. A lost one costs story time, so a story is the "
        "same at each run only where none is lost: allow more on a slow machine.")

    @property
    def port(self) -> int:
        """The port in `url`."""
        return int(self.url.rpartition(":")[2])


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogSettings(Section):
    """Where the log goes: JSON lines to a file, transitions to the console."""

    file: File = key("hedgerow.log", "JSON lines, rotated. Default: beside the journal, `.log` for `.db`.")
    level: LogLevel = key("info", "Least severity in the file.")
    console: bool = key(True, "Print transitions (opened, resized, closed, held) to the terminal.")
    healthy: Pause | None = key(
        None, "Time between two lines that say all is well; 0s: none. Default: 15m, in `local` 24h of story.")
    max_bytes: Count = key(10_000_000, "Size at which the file is rotated.")
    keep: Count = key(5, "Rotated files kept.")


class TaxSettings(Section):
    """What a sale would be taxed: for the advice alone, which weighs hedging against selling now. No decision asks."""

    rate: Part | None = key(
        None, "The rate on a gain: a flat one, for a comparison, and no advice on any law. Default: tax is left out.")
    interest: Tolerated = key("5%", "What money is worth a year: a tax that is paid sooner costs this much more.")
    method: LotMethod = key("fifo", "Which coins are sold first: `fifo` those bought first, `average` all alike.")
    lots: dict[Coin, Lots] = Field(
        default_factory=dict, description="What your coins had cost: quantity, price of one in the settle coin with "
                                          "its fees, and the day.")
    lots_file: File | None = key(
        None, "More of them: a CSV with the columns `asset,quantity,price,bought`, the day as 2020-05-01.")


class LiveSettings(Section):
    """The first of three opt-ins for real money; the others are `run --live` and `--account` with the account's id."""

    enabled: bool = key(False, "True: this configuration may trade real money.")


class StartingSettings(Section):
    """What a dry run's simulated account begins with, where no key shows a real one."""

    spot: dict[AnyCoin, Amount] = Field(
        default_factory=dict, description='Coins in the spot wallet, such as {BTC: "1.2", USDT: "10000"}.')
    futures: dict[Cash, Amount] = Field(
        default_factory=dict, description="The futures wallet, in the coin that shorts settle in.")


class StoryPath(StrEnum):
    """How prices go between two points: a seeded bridge, or a step that holds the last point."""

    BRIDGE = "bridge"
    STEP = "step"


class StreamSettings(Section):
    """What the venue pushes: it changes when a tick is, and may spare it a reading."""

    enabled: bool | None = key(
        None, "Listen to what the venue pushes. Default: true; in `local` false: a story is told by its poll.")
    wake: bool = key(True, "A price that crosses a trigger, and news of our own account, end the wait for the poll.")
    fresh: Pause = key(
        "2s", 'Most age of pushed prices on which a tick that a price has woken may decide. "0s": it reads in full.')
    silence: Duration = key("30s", "Real time without a word where words are due, after which a stream counts as lost.")
    floor: Pause = key("250ms", "Least time between two ticks, however much is pushed.")
    per_minute: Count = key(
        20, "Most ticks a minute besides the polls. Prices may use up half of them; the rest is for our own orders.")


class AlertSettings(Section):
    """Messages to you, at the addresses of `alert_urls` (a secret: see above)."""

    enabled: bool = key(True, "False: no messages, although addresses are given.")
    repeat: Duration = key("1h", "The same is not told again before.")
    per_hour: Count = key(20, "Most messages an hour; a quarter of them is kept for what is urgent.")
    summary: Pause = key("24h", "Time between two summaries, the first at midnight UTC; 0s: none.")
    timeout: Duration = key("10s", "Real time that a service may take, and that a stop waits for the last messages.")
    stalled: Duration = key(
        "10s", "Real time for which the event loop may stand still before that is reported, to the log and to you.")


class StorySpecs(StrEnum):
    """Whose contract specifications and fees the local testnet has."""

    VENUE = "venue"
    EQUAL = "equal"


class StorySettings(Section):
    """What the local testnet plays for `hedgerow demo`, and for `testnet serve -c`."""

    scenario: str = key("bull", "A synthetic market by name; `hedgerow testnet serve --help` lists them.")
    panel: File | None = key(None, "A file of hourly history to play instead of a scenario.")
    start: Instant | None = key(None, "First instant of the panel to play. Default: its first.")
    end: Instant | None = key(None, "Last instant of the panel to play. Default: its last.")
    days: Count = key(35, "Length of a scenario.")
    seed: Seed = key(1, "Chance of the story: the same seed tells the same one.")
    path: StoryPath = key("bridge", "Prices between two points: `bridge` moves, `step` holds still.")
    specs: StorySpecs = key("venue", "Steps, minimums, fees, tiers: the venue's own, or `equal` ones on every venue.")
    nav: Amount = key(100_000, "What the account is worth at the start.")
    weights: dict[AnyCoin, Weight] | None = key(None, "How it is split at the start. Default: the target weights.")
    futures_share: Part = key("50%", "Part of the cash that lies in the futures wallet.")
