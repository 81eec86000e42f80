"""The whole configuration as one value, and what the rest of the program asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, PrivateAttr
from pydantic_settings import SettingsConfigDict

from bot.core.money import ZERO
from bot.core.policy import AssetPolicy, ExecutionPolicy, FinalisePolicy, GuardPolicy, MarginPolicy, Policy
from bot.core.tax import Lot, TaxPolicy
from bot.core.times import DAY, HOUR, MINUTE, SECOND, Millis
from bot.environment import Environment
from bot.errors import ConfigError
from bot.settings.handed import Handed
from bot.settings.lots import LOTS_WRITTEN, read_lots
from bot.settings.model import (
    AlertSettings,
    AssetSettings,
    Cash,
    Coin,
    Duration,
    ExecutionSettings,
    File,
    FinaliseSettings,
    GuardSettings,
    LiveSettings,
    LogSettings,
    MarginSettings,
    Pause,
    StartingSettings,
    StorySettings,
    StreamSettings,
    TaxSettings,
    TestnetSettings,
    TriggerSettings,
    Venue,
    Weight,
    key,
)
from bot.settings.problems import Key, Origin, Problem, closest_origin, config_error
from bot.settings.secrets import LOCAL, NO_KEY, Credentials, SecretSource

SETTLE: Mapping[Venue, str] = {Venue.BINANCE: "USDT", Venue.BYBIT: "USDT"}
"""The coin in which a venue's perpetuals settle."""


class Settings(Handed):
    """A checked configuration. Made by `load`; paths in it are absolute."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True)

    venue: Venue = Field(description="The exchange.")
    environment: Environment = Field(
        description="`local`: the testnet on this machine, no key, no network. `demo`, `testnet`: the exchange's own, "
                    "with play money, where it has one. `live`: real money.")
    assets: dict[Coin, AssetSettings] = Field(
        min_length=1, description="The coins of the portfolio, each with its target weight.")
    cash: dict[Cash, Weight] = Field(
        min_length=1, description="Stablecoins and their weight; the one that shorts settle in must be among them.")
    triggers: TriggerSettings = Field(
        default_factory=TriggerSettings, description="When a hedge is opened, resized and closed.")
    guards: GuardSettings = Field(default_factory=GuardSettings, description="What makes the bot hold still.")
    margin: MarginSettings = Field(
        default_factory=MarginSettings, description="How much the short may lean on the futures wallet.")
    finalise: FinaliseSettings = Field(
        default_factory=FinaliseSettings, description="When a hedge is ended by really selling its coins.")
    tax: TaxSettings = Field(
        default_factory=TaxSettings, description="What a sale would be taxed: for `advise` and the advice of `plan`.")
    execution: ExecutionSettings = Field(default_factory=ExecutionSettings, description="How orders are worked.")
    poll: Duration = key("5s", "Time between two decisions. Default in `local`: 15m of story.")
    working_poll: Duration = key(
        "1s", "The same while an order of ours rests; at most 60s where the dead man's switch is renewed with it. "
              "Default in `local`: 5s of story.")
    inspect_every: Pause | None = key(
        None, "Time between two looks at account, key and contract specifications; 0s: at the start alone. Default: "
              "1h, in `local` 24h of story.")
    dead_mans_switch: bool = key(
        True, "Where the venue offers it: have it withdraw orders that rest, two minutes after the bot fell silent. It "
              "withdraws every order on the symbol then, yours too.")
    streams: StreamSettings = Field(
        default_factory=StreamSettings, description="What the venue pushes.")
    journal: File = key(
        Path("hedgerow.db"), "The journal's file. Default: beside the configuration, `.db` for `.yaml`.")
    log: LogSettings = Field(default_factory=LogSettings, description="Where the log goes.")
    alerts: AlertSettings = Field(default_factory=AlertSettings, description="Messages to you.")
    secrets_dir: File | None = key(
        None, "A folder with the files `api_key`, `api_secret` and `alert_urls`, readable by you alone (mode 600).")
    testnet: TestnetSettings = Field(
        default_factory=TestnetSettings, description="Where the local testnet listens; `environment: local` only.")
    live: LiveSettings = Field(default_factory=LiveSettings, description="The first opt-in for real money.")
    story: StorySettings | None = key(
        None, "What the local testnet plays; `environment: local` only.")

    starting_balances: StartingSettings | None = key(
        None, "What `run --dry-run` begins with where no key shows a real account; its journal remembers it from then "
              "on.")

    _file: Path | None = PrivateAttr(default=None)
    _origins: Mapping[Key, Origin] = PrivateAttr(default_factory=dict)
    _secrets: SecretSource = PrivateAttr(default_factory=SecretSource)

    def read_from(self, file: Path | None, origins: Mapping[Key, Origin], secrets: SecretSource) -> Self:
        """Remember where everything was written, for messages. Called once, by the loader."""
        self._file, self._origins, self._secrets = file, origins, secrets
        return self

    @property
    def file(self) -> Path | None:
        """The configuration file; None when only the environment spoke."""
        return self._file

    @property
    def local(self) -> bool:
        """Whether this is about the testnet on this machine."""
        return self.environment is Environment.LOCAL

    @property
    def request_timeout(self) -> float | None:
        """Real seconds after which a request counts as lost; None: the environment's own."""
        return self.testnet.timeout / SECOND if self.local else None

    @property
    def listens(self) -> bool:
        """Whether to listen to what the venue pushes."""
        return not self.local if self.streams.enabled is None else self.streams.enabled

    @property
    def settle(self) -> str:
        """The coin in which shorts settle."""
        return SETTLE[self.venue]

    @property
    def healthy_every(self) -> Millis:
        """Time between two lines that say all is well; 0: none. A story's days go by in seconds."""
        if self.log.healthy is not None:
            return self.log.healthy
        return DAY if self.local else 15 * MINUTE

    @property
    def inspection_every(self) -> Millis:
        """Time between two looks at the account's set-up; 0: at the start alone. A story's days go by in seconds."""
        if self.inspect_every is not None:
            return self.inspect_every
        return DAY if self.local else HOUR

    @property
    def decides_within(self) -> Millis:
        """Real time within which a bot that is well reaches a decision: three polls and a minute."""
        # A stepped story is as fast as the machine: its polls say nothing of real time.
        return 3 * (0 if self.local else self.poll) + MINUTE

    def alert_urls(self) -> tuple[str, ...]:
        """Where messages to a human go; none where they are not wanted. Raises ConfigError for an unsafe file."""
        return self._secrets.alert_urls() if self.alerts.enabled else ()

    def policy(self) -> Policy:
        """The user's wishes as the core knows them."""
        triggers = self.triggers
        return Policy(
            assets=tuple(self._asset(name, asset) for name, asset in self.assets.items()),
            cash=(self.settle, *(coin for coin in self.cash if coin != self.settle)),
            cash_target=sum(self.cash.values(), ZERO),
            confirm=triggers.confirm, confirm_spacing=triggers.confirm_spacing, cooldown=triggers.cooldown,
            guards=GuardPolicy(**dict(self.guards)),
            margin=MarginPolicy(**dict(self.margin)),
            execution=ExecutionPolicy(**dict(self.execution)),
            finalise=FinalisePolicy(**dict(self.finalise)),
        )

    def tax_policy(self) -> TaxPolicy | None:
        """What a sale would be taxed; None where nobody said. Raises ConfigError for a file that cannot be read."""
        if self.tax.rate is None:
            return None
        lots = tuple(Lot(asset, *each) for asset, its in self.tax.lots.items() for each in its)
        if self.tax.lots_file is not None:
            try:
                lots += read_lots(self.tax.lots_file)
            except ValueError as wrong:
                raise self.error(("tax", "lots_file"), str(wrong), LOTS_WRITTEN) from None
        return TaxPolicy(self.tax.rate, self.tax.interest, self.tax.method, lots)

    def _asset(self, name: str, asset: AssetSettings) -> AssetPolicy:
        triggers = self.triggers
        return AssetPolicy(
            asset=name, target=asset.target, contract=asset.contract, max_hedge_notional=asset.max_hedge_notional,
            open=triggers.open if asset.open is None else asset.open,
            close=triggers.close if asset.close is None else asset.close,
            resize=triggers.resize if asset.resize is None else asset.resize,
            rounding=triggers.rounding if asset.rounding is None else asset.rounding,
            direction=triggers.direction if asset.direction is None else asset.direction,
        )

    def credentials(self) -> Credentials:
        """The API key and its secret; the local testnet's own where none is given.

        Raises ConfigError in one line: which are missing and how to give them.
        """
        return self._secrets.credentials(
            purpose=f"environment {self.environment} of {self.venue}", default=LOCAL if self.local else None)

    def looking_credentials(self) -> Credentials:
        """The key of a dry run, which only looks; NO_KEY: as anybody, with `starting_balances`.

        The local testnet's own key serves where neither is given. Raises ConfigError where elsewhere neither is.
        """
        purpose = f"a dry run on environment {self.environment} of {self.venue}"
        if self.starting_balances is None and not self.local:
            try:
                return self._secrets.credentials(purpose=purpose)
            except ConfigError as missing:
                raise ConfigError(f"{missing}; or set starting_balances, and no key is needed") from None
        default = LOCAL if self.starting_balances is None else NO_KEY
        return self._secrets.credentials(purpose=purpose, default=default)

    def require_opt_ins(self, *, live: bool, account: str | None) -> None:
        """Real money takes three agreeing opt-ins; whether `account` is the right one, the venue must say.

        Raises ConfigError naming those that are missing, or that `--live` does not belong here.
        """
        if self.environment is not Environment.LIVE:
            if live or account is not None:
                raise self.error(("environment",), f"is {self.environment}, but --live was asked for", "live, with it")
            return
        missing = [
            text for given, text in (
                (self.live.enabled, "live.enabled: true in the configuration"),
                (live, "the option --live"),
                (bool(account), "the account's id with --account"),
            ) if not given
        ]
        if missing:
            raise self.error(("environment",), f"live trades real money and lacks {'; '.join(missing)}", "all three")

    def error(self, where: Key, wrong: str, allowed: str = "") -> ConfigError:
        """A ConfigError about one key, with its file and line: for what only the venue or the journal can tell."""
        return config_error([Problem(self.origin(where), where, wrong, allowed)])

    def origin(self, where: Key) -> Origin:
        """Where a key, or the closest section above it, was written."""
        return closest_origin(self._origins, where, self._file)

    def testnet_story(self) -> dict[str, Any]:
        """What the local testnet is to play, by the names of its options; it starts at the target weights unless told
        otherwise.
        """
        story = dict(self.story if self.story is not None else StorySettings())
        if story["weights"] is None:
            story["weights"] = {coin: asset.target for coin, asset in self.assets.items()} | dict(self.cash)
        return story
