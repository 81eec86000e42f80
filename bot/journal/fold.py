"""From what was recorded to what is so: what an engine must recall, and the cash that our trading moved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import TypeAlias, TypeVar

from bot.core.costing import traded
from bot.core.decision import Decision
from bot.core.episode import Episode, EpisodeState, cash_of_funding, coins_moved, moved_by
from bot.core.history import Gap
from bot.core.ledger import Event
from bot.core.market import Asset
from bot.core.money import ZERO
from bot.core.orders import Fill, FundingPayment, OrderRecord
from bot.core.times import HOUR, Millis
from bot.ports import Memory

V = TypeVar("V")

RECENT: Millis = HOUR
"""How far back `Memory.recent_orders` reaches from the newest intent, and `Memory.ended` from the newest change."""


def memory(
    *, settle: str, decision: Decision | None, orders: Iterable[OrderRecord], episodes: Sequence[Episode], intents: int,
    times: Iterable[tuple[Asset, Millis]], fills: Sequence[Fill], funding: Sequence[FundingPayment],
    since: Millis | None, gaps: Sequence[Gap] = (), begun_at: Millis = 0, names: Iterable[str] = (),
) -> Memory:
    """What there is to recall, from the whole record.

    `orders`: at least the live ones and those that changed in the last hour, by number; `episodes`: all, in the order
    of their beginning; `times`: of intents, at least the last hour's; `fills`, `funding`: all.
    """
    numbers: dict[Asset, int] = {}
    for episode in episodes:
        numbers[episode.asset] = max(numbers.get(episode.asset, 0) + 1, _number(episode))
    known = tuple(orders)
    newest = max((record.changed_at for record in known), default=0)
    live = [record for record in known if record.state.live]
    ended = [record for record in known if not record.state.live and record.changed_at > newest - RECENT]
    last_fill: dict[str, Millis] = {}
    for fill in fills:
        last_fill[fill.symbol] = max(fill.at, last_fill.get(fill.symbol, fill.at))
    return Memory(
        decision=decision, orders=tuple(live), ended=tuple(ended),
        episodes=relevant_episodes(episodes, {record.intent.episode for record in (*live, *ended)}), intents=intents,
        episode_numbers=numbers, recent_orders=recent(times),
        last_fill_at=last_fill, funding_at=max((payment.at for payment in funding), default=None), since=since,
        cash_flow=cash_flow(fills, funding, settle), coin_flow=coin_flow(fills), gaps=tuple(gaps), begun_at=begun_at,
        names=tuple(names),
    )


def _number(episode: Episode) -> int:
    """The number in the hedge's name: higher than a count where the first ones are not in the record any more."""
    digits = episode.id.removeprefix(episode.asset.lower())
    return int(digits) if digits.isdecimal() else 0


def relevant_episodes(episodes: Iterable[Episode], named: Collection[str] = ()) -> tuple[Episode, ...]:
    """Of all episodes, oldest first: the open ones, each asset's last ended and last closed one, and those `named`.

    The last to end may be a void one; the cooldown counts from the last that was closed. Those `named` are of orders
    that may still fill: what is bought with a hedge's proceeds outlives it.
    """
    every = tuple(episodes)
    ended: dict[Asset, str] = {one.asset: one.id for one in every if one.state.ended}
    closed: dict[Asset, str] = {one.asset: one.id for one in every if one.state is EpisodeState.CLOSED}
    return tuple(
        one for one in every
        if not one.state.ended or one.id in named or one.id in (ended[one.asset], closed.get(one.asset))
    )


def recent(times: Iterable[tuple[Asset, Millis]]) -> dict[Asset, tuple[Millis, ...]]:
    """Times of intents by asset, of the hour up to and including the newest of them all, oldest first."""
    every = sorted(times, key=lambda pair: pair[1])
    found: dict[Asset, tuple[Millis, ...]] = {}
    for asset, at in every:
        if at > every[-1][1] - RECENT:
            found[asset] = (*found.get(asset, ()), at)
    return found


def cash_flow(fills: Iterable[Fill], funding: Iterable[FundingPayment], settle: str) -> Decimal:
    """What the books moved in the settle coin: realised profit and spot proceeds − fees charged in it + funding."""
    moved = [moved_by(fill, settle) for fill in fills] + [cash_of_funding(payment, settle) for payment in funding]
    return sum(moved, ZERO)


def coin_flow(fills: Iterable[Fill]) -> dict[Asset, Decimal]:
    """By coin: what trades on its spot market, and fees charged in it, have moved."""
    moved: dict[Asset, Decimal] = {}
    for fill in fills:
        for coin, amount in coins_moved(fill).items():
            moved[coin] = moved.get(coin, ZERO) + amount
    return moved


Placed: TypeAlias = tuple[str, Fill, Decimal | None, Decimal | None]
"""An execution with its hedge's id, and the spot and perpetual mids at its order's decision."""


def events(
    episodes: Iterable[Episode], fills: Iterable[Placed], funding: Iterable[tuple[FundingPayment, str | None]],
) -> dict[str, tuple[Event, ...]]:
    """What happened to the money of these hedges, by id; what belongs to any other is passed over."""
    known = {one.id: one for one in episodes}
    found: dict[str, list[Event]] = {name: [] for name in known}
    for name, fill, spot_mid, perp_mid in fills:
        if name in known:
            found[name].append(traded(fill, known[name], spot_mid, perp_mid))
    for payment, owner in funding:
        if owner in known:
            found[owner].append(payment)
    return {name: tuple(events) for name, events in found.items() if events}


def fill_key(fill: Fill) -> tuple[str, str]:
    """What tells two executions apart."""
    return fill.symbol, fill.trade_id


def funding_key(payment: FundingPayment) -> tuple[str, str]:
    """What tells two settlements apart."""
    return payment.symbol, payment.payment_id


def fresh(
    values: Iterable[V], key: Callable[[V], tuple[str, str]], booked: Collection[tuple[str, str]],
) -> tuple[V, ...]:
    """Those whose key is not `booked`, in order, each once."""
    first: dict[tuple[str, str], V] = {}
    for value in values:
        if key(value) not in booked:
            first.setdefault(key(value), value)
    return tuple(first.values())
