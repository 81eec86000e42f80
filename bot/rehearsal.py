"""Putting a dry run together: market data through a door that only looks, and the simulated account of the journal."""

from __future__ import annotations

from decimal import Decimal

from bot.errors import ConfigError, JournalForeign
from bot.journal.reader import read_books, read_decisions, read_last_order_id, read_status
from bot.paper.dry import ACCOUNT, DryVenue
from bot.paper.restore import Past
from bot.ports import Balances, Clock, MarketData
from bot.settings import Credentials, Settings
from bot.venues.makers import MARKETS

PREFIX = "dry-"
"""With what the environment begins that a dry run's journal is bound to: no real run can ever take it up."""


def environment_of(settings: Settings) -> str:
    """'dry-demo': what a dry run's journal is bound to."""
    return f"{PREFIX}{settings.environment}"


def is_dry(settings: Settings) -> bool:
    """Whether the configured journal is one of a dry run. Raises JournalError."""
    return settings.journal.is_file() and read_status(settings.journal).binding.environment.startswith(PREFIX)


def make_dry_venue(settings: Settings, clock: Clock, credentials: Credentials) -> DryVenue:
    """The venue of a dry run. No request is made yet, and the journal is not read yet. Raises ConfigError."""
    policy = settings.policy()
    market = MARKETS[settings.venue](
        settings.environment, clock=clock, key=credentials.key, secret=credentials.secret,
        assets=list(settings.assets), settle=policy.settle, cash=policy.cash,
        local_url=settings.testnet.url if settings.local else None, timeout=settings.request_timeout,
    )

    async def begin() -> Balances | Past:
        past = read_past(settings)
        return past if past is not None else await starting_balances(settings, market)

    return DryVenue(market, clock, begin, settle=policy.settle, leverage=policy.margin.leverage)


async def starting_balances(settings: Settings, market: MarketData) -> Balances:
    """The real account's, where a key shows them, else the configured ones. Every coin of the portfolio is in them."""
    found = await market.balances()
    if found is None:
        configured = settings.starting_balances
        if configured is None:
            raise ConfigError("a dry run without a key needs starting_balances")
        found = Balances(configured.spot, configured.futures)
    none = dict.fromkeys((*settings.assets, *settings.cash), Decimal(0))
    return Balances({**none, **found.spot}, {settings.settle: Decimal(0), **found.futures})


def read_past(settings: Settings) -> Past | None:
    """The simulated account by the journal; None before its first decision.

    What it began with is what its first decision saw, less what our own trading had moved by then. A coin that was
    configured later begins with none. Raises JournalForeign for a journal of real orders.
    """
    path = settings.journal
    if not path.is_file():
        return None
    status = read_status(path)
    binding = status.binding
    if (binding.environment, binding.venue, binding.account) != (environment_of(settings), settings.venue, ACCOUNT):
        raise JournalForeign(
            f"{path} is the journal of {binding.environment} / {binding.venue} / {binding.account}, not of a dry run "
            f"on {settings.environment}; name another journal file",
        )
    first = next(read_decisions(path), None)
    if first is None:
        return None
    seen, moved = first.situation.snapshot, first.situation.standing.cash_flow
    none = dict.fromkeys((*settings.assets, *settings.cash), Decimal(0))
    books = read_books(path)
    return Past(
        balances=Balances(
            {**none, **{coin: held.total for coin, held in seen.holdings.items()}},
            {settings.settle: seen.futures.balance - moved},
        ),
        fills=books.fills, funding=books.funding, orders=status.orders, last_order_id=read_last_order_id(path),
    )
