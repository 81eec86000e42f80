"""How far back a venue remembers, and what is lost beyond that: marked, said, and never made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.core.episode import Episode, EpisodeState
from bot.core.market import Asset, Quote
from bot.core.orders import FundingPayment
from bot.core.times import MINUTE, Millis


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long (ms) a venue tells of an account's funding settlements and executions."""

    funding: Millis
    fills: Millis


@dataclass(frozen=True, slots=True)
class Gap:
    """What the venue had forgotten when it was asked: `kind` of `since` ≤ instant < `until`, found out at `found_at`.

    `symbol`: None where every symbol is concerned. The books may lack amounts of that time.
    """

    kind: Literal["funding", "fills"]
    since: Millis
    until: Millis
    found_at: Millis
    symbol: str | None = None


def hedged_within(episodes: Iterable[Episode], since: Millis, until: Millis) -> bool:
    """Whether any contract was held in that time."""
    return any(
        one.opened_at is not None and one.opened_at < until and (one.closed_at is None or one.closed_at > since)
        for one in episodes
    )


def awaited(
    episodes: Iterable[Episode], quotes: Mapping[Asset, Quote], booked: Iterable[FundingPayment], at: Millis,
) -> Mapping[Asset, Millis]:
    """Coins whose last settlement before `at` is not booked, with its instant: what it came to is not known.

    `quotes`: as last seen, at or before `at`; `booked`: at least each symbol's newest settlements.
    """
    newest: dict[str, Millis] = {}
    for payment in booked:
        newest[payment.symbol] = max(payment.at, newest.get(payment.symbol, 0))
    found: dict[Asset, Millis] = {}
    for one in episodes:
        quote = quotes.get(one.asset)
        due = None if quote is None else _last_due(quote, at)
        if (
            one.state is EpisodeState.OPEN and due is not None and one.opened_at is not None and one.opened_at < due
            and newest.get(one.symbol, 0) < due - MINUTE
        ):
            found[one.asset] = due
    return found


def _last_due(quote: Quote, at: Millis) -> Millis | None:
    """The last settlement at or before `at`, by a quote of then or before."""
    coming, interval = quote.next_funding_at, quote.funding_interval
    if coming is None or coming <= at:
        return coming
    return None if interval is None else coming - interval
