"""A journal made anew from what the venue remembers, for a human to look over before a bot works with it.

What the venue knows is taken as it is: orders by our client ids, executions, funding, positions. What only the lost
journal knew (why, at which prices, which goal) is not made up: it is listed as unknown. Decisions are not rebuilt.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from pathlib import Path

from bot import __version__
from bot.core.episode import Episode, EpisodeState, apply_fill, apply_funding
from bot.core.market import Asset, Instrument, spot_coin
from bot.core.money import ZERO, plain
from bot.core.orders import Fill, FundingPayment, OrderIntent, PastOrder, Place, place_of
from bot.core.policy import Terms
from bot.core.times import Millis, iso
from bot.core.way import way_of
from bot.errors import JournalError
from bot.journal.codec import digest, encode
from bot.journal.rows import report_row, to_row
from bot.journal.schema import money_text
from bot.journal.upgrade import bring_to_head
from bot.journal.upkeep import remove, writing

REASON = "rebuilt"
"""The reason of every rebuilt intent: the true one is not known."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the venue told of one account, asked `since` until `at`. `positions`: signed, by symbol."""

    account: str
    since: Millis
    at: Millis
    orders: tuple[PastOrder, ...]
    fills: tuple[Fill, ...]
    funding: tuple[FundingPayment, ...]
    positions: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A journal's content. `funding`: each with its hedge's id; `unknown`: in words; `incomplete`: hedges whose
    beginning lies before the venue was asked.
    """

    orders: tuple[tuple[OrderIntent, PastOrder], ...]
    fills: tuple[Fill, ...]
    funding: tuple[tuple[FundingPayment, str | None], ...]
    episodes: tuple[Episode, ...]
    incomplete: tuple[str, ...]
    unknown: tuple[str, ...]


def rebuild(seen: Remembered, terms: Terms, account_tag: str) -> Rebuilt:
    """What can be known. Pure."""
    assets = {spec.symbol: asset for asset, spec in terms.instruments.items()}
    unknown: list[str] = []
    placed = _placed(seen, terms.instruments, account_tag, unknown, terms.longs)
    fills = _ours(seen, placed, unknown)
    episodes: list[Episode] = []
    incomplete: list[str] = []
    for name in dict.fromkeys(intent.episode for intent, _ in placed):
        ours = [(intent, order) for intent, order in placed if intent.episode == name]
        mine = [intent for intent, _ in ours]
        ids = {intent.client_order_id for intent in mine}
        asset = _hedged(name, mine, terms)
        carried = -_position_before(seen, ours[0][1], terms.instruments[asset].symbol)
        if asset not in terms.longs:
            carried = max(carried, ZERO)
        if carried:
            incomplete.append(name)
            made = "sold" if carried > 0 else "bought"
            unknown.append(f"{name}: its first {plain(abs(carried))} were {made} before {iso(seen.since)}: their entry "
                           "price, fees, funding and number of fills are not in its account")
        episodes.append(_episode(
            asset, mine, [fill for fill in fills if fill.client_order_id in ids], carried, seen, terms))
    funding = []
    for payment in seen.funding:
        place = next((n for n, one in enumerate(episodes) if _open_at(one, payment)), None)
        if place is not None:
            episodes[place] = apply_funding(episodes[place], payment)
        funding.append((payment, None if place is None else episodes[place].id))
    for symbol, asset in sorted(assets.items()):
        booked = sum((one.short for one in episodes if one.symbol == symbol), ZERO)
        held = -seen.positions.get(symbol, ZERO)
        if booked != held:
            unknown.append(f"{asset}: the venue shows a {way_of(held)} of {plain(abs(held))}, orders of ours explain "
                           f"{plain(booked if held >= 0 else -booked)}: a bot holds still until they agree")
    unknown.append("of every order: why it was placed, the prices at its decision and the goal it worked for; "
                   f"its reason reads {REASON!r}, its goal is the hedge that it alone would have led to")
    unknown.append("every decision, the rule's memory (a coin closed by hand is armed again), counts of resizes, "
                   "orders that ended unfilled more than some days ago, and the user's commands")
    return Rebuilt(tuple(placed), fills, tuple(funding), tuple(episodes), tuple(incomplete), tuple(unknown))


def _placed(
    seen: Remembered, instruments: Mapping[Asset, Instrument], account_tag: str, unknown: list[str],
    longs: Collection[Asset] = (),
) -> list[tuple[OrderIntent, PastOrder]]:
    """Our orders, oldest first, each as the intent that it shows.

    Orders of several journals are put in one row: numbers go up, and a hedge that one left open goes on under its name.
    What was held when coins were sold is not known.
    """
    markets = {symbol: spec for spec in instruments.values() for symbol in (spec.spot_symbol, spec.symbol)}
    found: list[tuple[OrderIntent, PastOrder]] = []
    names = _Hedges()
    for order in sorted(seen.orders, key=lambda one: _when(one, account_tag)):
        report = order.report
        place = place_of(report.client_order_id, account_tag)
        spec = markets.get(report.symbol)
        if place is None or spec is None:
            unknown.append(f"order {report.client_order_id} on {report.symbol} bears our prefix but is not this "
                           "account's: left out")
            continue
        hedges, before = report.symbol == spec.symbol, _position_before(seen, order, spec.symbol)
        wanted = -before - order.side.sign * order.quantity if hedges else -before
        found.append((OrderIntent(
            client_order_id=report.client_order_id,
            number=max(place.number, found[-1][0].number + 1 if found else 0),
            episode=names.name(place, spec.asset, open_before=before != 0), asset=spec.asset,
            symbol=report.symbol, side=order.side, quantity=order.quantity, price=order.price,
            reduce_only=order.reduce_only, time_in_force=order.time_in_force,
            position_before=before if hedges else ZERO,
            goal=wanted if spec.asset in longs else max(wanted, ZERO), decided_at=order.created_at,
            created_at=order.created_at, reason=REASON,
        ), order))
    return found


def _when(order: PastOrder, account_tag: str) -> tuple[Millis, int]:
    place = place_of(order.report.client_order_id, account_tag)
    return order.created_at, place.number if place is not None else 0


class _Hedges:
    """What the hedges of several journals are called in one: two may have given the same name to different ones."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._latest: dict[Asset, str] = {}

    def name(self, place: Place, asset: Asset, *, open_before: bool) -> str:
        """The hedge's name, of which orders are asked for oldest first."""
        key = place.journal, place.episode
        name = self._names.get(key)
        if name is None:
            name, given = place.episode, set(self._names.values())
            if open_before and any(journal != place.journal and known == self._latest.get(asset)
                                   for (journal, _), known in self._names.items()):
                name = self._latest[asset]
            elif name in given:
                name = next(f"{asset.lower()}{n}" for n in count(1) if f"{asset.lower()}{n}" not in given)
            self._names[key] = self._latest[asset] = name
        return name


def _position_before(seen: Remembered, order: PastOrder, symbol: str) -> Decimal:
    """The signed position on the perpetual `symbol` when the order was placed: today's, with every execution since
    then undone.
    """
    order_id = order.report.order_id if order.report.symbol == symbol else None
    since = sum((fill.side.sign * fill.quantity for fill in seen.fills
                 if fill.symbol == symbol and (fill.at > order.created_at or fill.order_id == order_id)), ZERO)
    return seen.positions.get(symbol, ZERO) - since


def _ours(
    seen: Remembered, placed: Sequence[tuple[OrderIntent, PastOrder]], unknown: list[str],
) -> tuple[Fill, ...]:
    """Executions of our orders, under their client ids; those of others are told, but for coins bought and sold."""
    names = {(order.report.symbol, order.report.order_id): intent.client_order_id for intent, order in placed}
    ours: list[Fill] = []
    for fill in seen.fills:
        name = names.get((fill.symbol, fill.order_id))
        if name is None and spot_coin(fill.symbol) is not None:
            continue
        if name is None:
            unknown.append(f"execution {fill.trade_id} of {iso(fill.at)}, a {fill.side} of {plain(fill.quantity)} "
                           f"{fill.symbol}, is of no order of ours that the venue remembers: not booked")
        else:
            ours.append(replace(fill, client_order_id=name))
    return tuple(ours)


def _hedged(name: str, intents: Sequence[OrderIntent], terms: Terms) -> Asset:
    """The coin of a hedge: by its name, for what is left of one may be coins of another kind that it bought."""
    return next((asset for asset in terms.instruments if name.removeprefix(asset.lower()).isdecimal()),
                intents[0].asset)


def _episode(  # noqa: PLR0917 - what is known of one hedge
    asset: Asset, intents: Sequence[OrderIntent], fills: Sequence[Fill], carried: Decimal, seen: Remembered,
    terms: Terms,
) -> Episode:
    """One hedge's account; one that began before the history starts with the contracts that it carried over."""
    first = intents[0]
    symbol = terms.instruments[asset].symbol
    episode = Episode(first.episode, asset, symbol, EpisodeState.OPENING, first.decided_at)
    if carried:
        episode = replace(episode, state=EpisodeState.OPEN, started_at=seen.since, opened_at=seen.since,
                          short=carried, peak_short=carried)
    for fill in fills:
        try:
            episode = apply_fill(episode, fill, terms.policy.settle)
        except ValueError as error:
            raise JournalError(f"what the venue remembers does not fit together: {error}; somebody else traded here: "
                               "settle the position at the venue, and begin a new journal") from None
    ended = not any(order.report.state.live for order in seen.orders
                    if order.report.client_order_id in {intent.client_order_id for intent in intents})
    return replace(episode, state=EpisodeState.VOID) if episode.state is EpisodeState.OPENING and ended else episode


def _open_at(episode: Episode, payment: FundingPayment) -> bool:
    return (episode.symbol == payment.symbol and episode.opened_at is not None and episode.opened_at <= payment.at
            and (episode.closed_at is None or payment.at <= episode.closed_at))


def write(file: Path, content: Rebuilt, seen: Remembered, terms: Terms, *, environment: str, venue: str,
          wall: Millis) -> None:
    """Make the journal file, unconfirmed, in one transaction. Raises JournalError where it exists or cannot be made."""
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        raise JournalError(f"{file} is there already; a rebuilt journal is a new file: name another one") from None
    except OSError as error:
        raise JournalError(f"{file} cannot be made: {error.strerror}") from None
    try:
        bring_to_head(file)
        with writing(file) as connection:
            connection.execute("BEGIN IMMEDIATE")
            _insert(connection, "rebuilt", {
                "id": 1, "since": seen.since, "made_at": wall, "unknown": encode(content.unknown),
                "incomplete": encode(content.incomplete), "confirmed_at": None,
            })
            _insert(connection, "binding", {
                "id": 1, "environment": environment, "venue": venue, "account": seen.account,
                "created_by": f"hedgerow {__version__}", "created_at": seen.at,
            })
            _fill_in(connection, content, seen.at, encode(terms))
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except BaseException:
        remove(file)
        raise


def _fill_in(connection: sqlite3.Connection, content: Rebuilt, at: Millis, terms: str) -> None:
    _insert(connection, "terms", {"digest": digest(terms), "first_at": at, "content": terms})
    for episode in content.episodes:
        _insert(connection, "episodes", to_row(episode, updated_at=at))
    for intent, order in content.orders:
        _insert(connection, "intents", to_row(intent))
        learnt = max(order.report.at or intent.created_at, intent.created_at)
        _insert(connection, "order_events", report_row(order.report, learnt))
    for fill in content.fills:
        _insert(connection, "fills", to_row(fill, booked_at=at))
    for payment, episode_id in content.funding:
        _insert(connection, "funding", to_row(payment, episode=episode_id, booked_at=at))


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, object]) -> None:
    places = ", ".join("?" for _ in row)
    values = [money_text(value) if isinstance(value, Decimal) else value for value in row.values()]
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", values)  # noqa: S608  # our own names
