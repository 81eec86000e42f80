"""The composition of the commands that look after a journal; see `bot.app`."""
# ruff: noqa: PLC0415 -- imports inside functions keep the other commands light

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bot import app
from bot.core.policy import Terms
from bot.core.times import Millis
from bot.errors import Refused
from bot.ports import Clock, PastOrders, Venue
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.journal.check import CheckReport
    from bot.journal.rebuild import Rebuilt, Remembered
    from bot.journal.upkeep import Backup, Pruned


def check_journal(
    path: Path, *, decisions: int | None = None, progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Whether a journal agrees with itself; `decisions`: how many of the newest to decide again, None: all."""
    from bot.journal.check import check

    return check(path, decisions=decisions, progress=progress)


def backup_journal(path: Path, file: Path) -> Backup:
    """Copy a journal, also beside a running bot. Raises JournalError."""
    from bot.journal.upkeep import backup

    return backup(path, file)


def prune_journal(path: Path, older_than: Millis, *, dry_run: bool) -> Pruned:
    """Let old decisions go. Raises JournalLocked while a bot has the journal, JournalError."""
    from bot.journal.upkeep import prune

    return prune(path, older_than, dry_run=dry_run)


def confirm_journal(path: Path) -> bool:
    """Let bots work with a rebuilt journal; whether that was news. Raises JournalError."""
    from bot.journal.upkeep import confirm

    return confirm(path, app.wall())


async def rebuild_journal(settings: Settings, file: Path, history: Millis) -> Rebuilt:
    """Make a new journal of what the venue remembers of the last `history` ms. Sends nothing but reads.

    Raises ConfigError, Unavailable, Refused, JournalError.
    """
    from bot.journal.rebuild import rebuild, write

    async with app.looking(settings) as (clock, venue):
        policy = settings.policy()
        terms = Terms(policy, await venue.instruments([asset.asset for asset in policy.assets]))
        seen = await remembered(venue, clock, terms, history)
    venue_name, environment = str(settings.venue), str(settings.environment)
    found = rebuild(seen, terms, app.account_tag(venue_name, environment, seen.account))
    write(file, found, seen, terms, environment=environment, venue=venue_name, wall=app.wall())
    return found


async def remembered(venue: Venue, clock: Clock, terms: Terms, history: Millis) -> Remembered:
    """What the venue tells of the last `history` ms. Raises Refused where it tells no past orders; Unavailable."""
    from bot.engine.twin import told
    from bot.journal.rebuild import Remembered

    if not isinstance(venue, PastOrders):
        raise Refused(f"{venue.name} does not tell past orders: no journal can be rebuilt from it")
    since = max(clock.now() - history, clock.origin)
    symbols = [symbol for spec in terms.instruments.values() for symbol in (spec.symbol, spec.spot_symbol)]
    return Remembered(
        account=await venue.account(), since=since, at=clock.now(),
        orders=tuple([order for symbol in symbols for order in await told(venue.orders(symbol, since), symbol)]),
        fills=tuple(sorted([fill for symbol in symbols for fill in await told(venue.fills(symbol, since), symbol)],
                           key=lambda fill: fill.at)),
        funding=tuple(payment for payment in await venue.funding(since) if payment.symbol in symbols),
        positions={held.symbol: held.quantity for held in (await venue.snapshot()).positions},
    )
