"""`replay`: the engine's own ticks over the rows of a panel, and what came of them (DOMAIN §9)."""

from __future__ import annotations

import decimal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.core.episode import EpisodeState
from bot.core.margin import read_account
from bot.core.market import Asset, Snapshot, WalletKind
from bot.core.money import CONTEXT, ZERO
from bot.core.portfolio import measure
from bot.core.runway import runway
from bot.core.times import Millis
from bot.engine.report import unheard
from bot.errors import ConfigError
from bot.lab.panel import Row
from bot.lab.stage import Stage, Wishes, set_stage
from bot.ports import Journal
from bot.telemetry.events import Emit

_PP = Decimal(100)
_NEVER: Millis = 2**62
_SHOWN = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay came to. Money in the settle coin, quantities in coins, mappings by coin.

    `funding` and `realised_pnl` are positive when we received. `lowest_cash_share`: the lowest of (cash +
    unrealised) / NAV, `lowest_runway`: how far all shorted marks could rise together (DOMAIN §6.2) at its least as rows
    left it; None: nothing was ever short, or margins are not reckoned. `mean_nav`: over all rows. `mean_net_off_pp` and
    `mean_spot_off_pp`: how far the net weight, and the coins' alone, was from the target on average, in percentage
    points of NAV, as each row left it. `finalisations`: hedges with coins that were sold. `net_cost` and
    `against_holding`: all hedges' by the ledger (DOMAIN §4). `seconds`: real time.
    """

    rows: int
    stale_rows: int
    trades: int
    spot_trades: int
    nav: Decimal
    cash: Decimal
    unrealised_pnl: Decimal
    mean_nav: Decimal
    lowest_cash_share: Decimal | None
    lowest_runway: Decimal | None
    liquidations: int
    episodes: Mapping[Asset, int]
    finalisations: Mapping[Asset, int]
    funding: Mapping[Asset, Decimal]
    fees: Mapping[Asset, Decimal]
    realised_pnl: Mapping[Asset, Decimal]
    spot_fees: Mapping[Asset, Decimal]
    holdings: Mapping[Asset, Decimal]
    short_base: Mapping[Asset, Decimal]
    net_cost: Mapping[Asset, Decimal]
    against_holding: Mapping[Asset, Decimal]
    mean_net_off_pp: Mapping[Asset, Decimal]
    mean_spot_off_pp: Mapping[Asset, Decimal]
    seconds: float


@dataclass(slots=True)
class _Tally:
    """What is counted from row to row."""

    rows: int = 0
    stale: int = 0
    worth: Decimal = ZERO
    lowest: Decimal | None = None
    runway: Decimal | None = None
    net: dict[Asset, Decimal] = field(default_factory=dict)
    spot: dict[Asset, Decimal] = field(default_factory=dict)


async def replay(
    wishes: Wishes, rows: Iterable[Row], *, journal: Journal | None = None, tick_every: Millis | None = None,
    emit: Emit = unheard,
) -> Outcome:
    """Tick at every row; look instead where nothing can come of a tick, for `tick_every` at most (0: never look).

    Raises ConfigError for wishes that do not fit the account, or where there is no row.
    """
    with decimal.localcontext(CONTEXT):  # once, and not at every decision
        return await _replay(wishes, rows, journal, _NEVER if tick_every is None else tick_every, emit)


async def _replay(
    wishes: Wishes, rows: Iterable[Row], journal: Journal | None, tick_every: Millis, emit: Emit,
) -> Outcome:
    coming = iter(rows)
    first = next(coming, None)
    if first is None:
        raise ConfigError("no row lies in that span. Allowed: a span that the panel holds, --to exclusive")
    began = time.perf_counter()
    stage = await set_stage(wishes, first, journal=journal, emit=emit)
    tally = _Tally(net=dict.fromkeys(stage.terms.instruments, ZERO), spot=dict.fromkeys(stage.terms.instruments, ZERO))
    last, moved, see, look, reading = first, True, stage.venue.see, stage.engine.look, stage.venue.reading
    margined = stage.exchange.margined
    due, believing = first.at, wishes.bare  # what happened to the account is no news to who doubts nothing
    while True:
        decision = None
        if not (last.stale and wishes.bare):  # elsewhere the guards hold what rests on a stale price
            snapshot = reading(brief=True)
            decision = look(snapshot) if last.at < due and (believing or not moved) else None
            if decision is None:
                await stage.engine.tick()
                due = last.at + tick_every
        if decision is None or decision.nav is None or decision.cash is None:
            _count(tally, stage, last, *_worth(stage))
            left = reading()
        else:
            _count(tally, stage, last, decision.nav, decision.cash + snapshot.futures.unrealised)
            left = snapshot
        if margined and left.positions:
            _watch(tally, stage, left)
        following = next(coming, None)
        if following is None:
            break
        last = following
        moved = see(last)
    if decision is not None:
        await stage.engine.tick()  # what funding came in meanwhile goes into the books
    return _outcome(stage, tally, time.perf_counter() - began)


def _worth(stage: Stage) -> tuple[Decimal, Decimal]:
    """NAV, and cash with unrealised profit, at the end of a row."""
    book = measure(stage.venue.reading(), stage.terms.policy, stage.terms.instruments)
    liquid = _cash(stage) + _unrealised(stage)
    return (ZERO if book.nav is None else book.nav), liquid


def _count(tally: _Tally, stage: Stage, row: Row, nav: Decimal, liquid: Decimal) -> None:
    """Take a row into account."""
    tally.rows += 1
    tally.stale += row.stale
    tally.worth += nav
    if nav <= 0:
        return
    part = 1 / nav
    share = liquid * part
    if tally.lowest is None or share < tally.lowest:
        tally.lowest = share
    spot, positions = stage.exchange.wallets.spot, stage.exchange.account.positions
    for rule in stage.terms.rules:
        asset = rule.asset
        price, short = row.quotes[asset].spot_bid, positions[asset].quantity
        if price is None:
            continue
        off = spot[asset] * price - rule.target * nav
        away = abs(off * part)
        tally.spot[asset] += away
        tally.net[asset] += abs((off + short * price) * part) if short else away


def _watch(tally: _Tally, stage: Stage, snapshot: Snapshot) -> None:
    """Take the room to liquidation into account."""
    account = read_account(snapshot, stage.terms.instruments)
    left = None if account is None or not account.shorts else runway(account, account.shorts)
    if left is not None and (tally.runway is None or left < tally.runway):
        tally.runway = left


def _unrealised(stage: Stage) -> Decimal:
    exchange = stage.exchange
    return sum((position.unrealised(exchange.mark(asset)) for asset, position in exchange.account.positions.items()),
               ZERO)


def _cash(stage: Stage) -> Decimal:
    """Stablecoins of both wallets, without unrealised profit."""
    wallets, settle = stage.exchange.wallets, stage.terms.policy.settle
    cash = wallets.spot.get(settle, ZERO)
    return cash if wallets.kind is WalletKind.UNIFIED else cash + wallets.futures.get(settle, ZERO)


def _outcome(stage: Stage, tally: _Tally, seconds: float) -> Outcome:
    account, assets = stage.exchange.account, tuple(stage.terms.instruments)
    cash = _cash(stage)
    nav, _ = _worth(stage)
    held = {asset: account.wallets.spot.get(asset, ZERO) for asset in assets}
    perp = [fill for fill in account.fills if fill.market == "perp"]
    hedges = [one for one in stage.book.episodes if one.state is not EpisodeState.VOID]

    snapshot = stage.venue.reading()
    costs = {one.id: stage.book.costs(one, snapshot) for one in hedges}

    def each(amounts: Iterable[tuple[Asset, Decimal]]) -> dict[Asset, Decimal]:
        found = dict.fromkeys(assets, ZERO)
        for asset, amount in amounts:
            found[asset] += amount
        return found

    return Outcome(
        rows=tally.rows, stale_rows=tally.stale, trades=len(perp), spot_trades=len(account.fills) - len(perp),
        cash=cash, unrealised_pnl=_unrealised(stage),
        nav=nav,         lowest_cash_share=None if tally.lowest is None else tally.lowest.quantize(_SHOWN),
        lowest_runway=None if tally.runway is None else tally.runway.quantize(_SHOWN),
        mean_nav=(tally.worth / tally.rows).quantize(_SHOWN),
        liquidations=len(account.liquidations),
        episodes={asset: sum(1 for one in hedges if one.asset == asset) for asset in assets},
        finalisations={asset: sum(1 for one in hedges if one.asset == asset and one.sold > 0) for asset in assets},
        funding=each((row.asset, row.amount) for row in account.funding_rows),
        fees=each((fill.asset, fill.fee) for fill in perp),
        realised_pnl=each((fill.asset, fill.realised) for fill in perp),
        spot_fees=each((fill.asset, fill.fee if fill.fee_currency == stage.terms.policy.settle
                        else fill.fee * fill.price) for fill in account.fills if fill.market == "spot"),
        net_cost=each((one.asset, costs[one.id].net_cost or ZERO) for one in hedges),
        against_holding=each((one.asset, costs[one.id].against_holding or ZERO) for one in hedges),
        holdings=held, short_base={asset: -account.positions[asset].quantity for asset in assets},
        mean_net_off_pp=_mean(tally.net, tally.rows), mean_spot_off_pp=_mean(tally.spot, tally.rows), seconds=seconds,
    )


def _mean(totals: Mapping[Asset, Decimal], rows: int) -> dict[Asset, Decimal]:
    return {asset: (total / rows * _PP).quantize(_SHOWN) for asset, total in totals.items()}
