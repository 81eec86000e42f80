"""`replay`: the engine's own ticks over the rows of a panel, and what came of them (DOMAIN §9)."""

from __future__ import annotations

import decimal
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.core.episode import EpisodeState
from bot.core.lull import Lull, Off
from bot.core.margin import read_account
from bot.core.market import Asset, Snapshot, WalletKind
from bot.core.money import CONTEXT, ZERO
from bot.core.portfolio import measure
from bot.core.runway import joint_runway
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
    unrealised) / NAV, `lowest_runway`: how far all marks could go against the hedges (DOMAIN §6.2) at its least as rows
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


class _Tally:
    """What is counted from row to row; `net` and `spot` coin by coin in the order of the policy."""

    __slots__ = ("lowest", "net", "rows", "runway", "spot", "stale", "worth")

    def __init__(self, coins: int) -> None:
        self.rows = self.stale = 0
        self.worth = ZERO
        self.lowest: Decimal | None = None
        self.runway: Decimal | None = None
        self.net, self.spot = [ZERO] * coins, [ZERO] * coins

    def count(self, row: Row, nav: Decimal, liquid: Decimal, offs: Sequence[Off]) -> None:
        """Take a row into account: NAV, cash with unrealised profit, and how far each coin is off (`Off`)."""
        self.rows += 1
        if row.stale:
            self.stale += 1
        self.worth += nav
        if nav <= ZERO:
            return
        part = 1 / nav
        share = liquid * part
        if self.lowest is None or share < self.lowest:
            self.lowest = share
        spot, net, k = self.spot, self.net, 0
        for excess, gap in offs:
            away = abs(excess * part)
            spot[k] += away
            net[k] += away if gap is excess else abs(gap * part)
            k += 1  # noqa: SIM113 - `enumerate` takes longer, and this is done for every row

    def watch(self, stage: Stage, snapshot: Snapshot) -> None:
        """Take the room to liquidation into account."""
        account = read_account(snapshot, stage.terms.instruments, longs=stage.terms.longs)
        left = None if account is None else joint_runway(account)
        if left is not None and (self.runway is None or left < self.runway):
            self.runway = left


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
    run = _Run(stage, first, wishes, tick_every)
    if not run.passes(first):
        await run.look(first)
    for row in coming:
        run.see(row)
        if not run.passes(row):
            await run.look(row)
    await run.end()
    return _outcome(stage, run.tally, time.perf_counter() - began)


class _Run:
    """A replay that has begun."""

    def __init__(self, stage: Stage, first: Row, wishes: Wishes, tick_every: Millis) -> None:
        self.tally = _Tally(len(stage.terms.rules))
        self._stage, self._venue, self._engine = stage, stage.venue, stage.engine
        self._bare, self._margined = wishes.bare, stage.exchange.margined
        self._tick_every = tick_every
        self._due: Millis = 0
        self._moved, self._passed = True, False
        self._lull: Lull | None = None
        order = [rule.asset for rule in stage.terms.rules]
        # Where rows have the coins in another order than the policy.
        self._places = None if order == list(first.assets) else [first.assets.index(asset) for asset in order]

    def see(self, row: Row) -> None:
        """Go on to a row."""
        self._moved = self._venue.see(row)
        if self._moved and self._lull is not None:
            self._lull.cash = _cash(self._stage)  # who doubts nothing takes funding as it comes

    def passes(self, row: Row) -> bool:
        """Whether its prices alone show that nothing comes of it: then it is counted, and done with."""
        lull = self._lull
        if lull is None or row.stale or row.at >= self._due:
            return False
        gain = self._venue.unrealised()
        seen = lull.at(row.spots if self._places is None else [row.spots[place] for place in self._places], gain)
        if seen is None:
            return False
        self.tally.count(row, seen[0], lull.cash + gain, seen[1])
        self._passed = True
        return True

    async def look(self, row: Row) -> None:
        """The engine's look at a row where prices alone do not tell, its tick where something may come of it."""
        stage, venue, self._passed = self._stage, self._venue, False
        if row.stale and self._bare:  # elsewhere the guards hold what rests on a stale price
            self.tally.count(row, *self._worth(row))
            return
        decision, snapshot = None, None
        # Who doubts nothing takes what happened to the account as it comes, and has asked the prices already.
        if row.at < self._due and self._engine.calm and not (self._moved or self._bare):
            snapshot = venue.reading(brief=True)
            decision = self._engine.look(snapshot)
        if decision is None:
            await self._tick()
            self._due = row.at + self._tick_every
            snapshot = None
        self._passed = decision is not None
        self.tally.count(row, *self._worth(row))
        if self._bare:
            self._lull = self._engine.lull(venue.reading()) if self._engine.calm else None
        elif self._margined and stage.exchange.account.held:
            self.tally.watch(stage, venue.reading(brief=True) if snapshot is None else snapshot)

    def _worth(self, row: Row) -> tuple[Decimal, Decimal, list[Off]]:
        """What a row has left: NAV, cash with unrealised profit, and how far each coin is off (`bot.core.lull.Off`)."""
        stage = self._stage
        liquid = _cash(stage) + self._venue.unrealised()
        spot, positions, nav, priced = stage.exchange.wallets.spot, stage.exchange.account.positions, liquid, []
        for rule in stage.terms.rules:
            price = row.spots[row.assets.index(rule.asset)]
            value = spot[rule.asset] * price
            nav += value
            priced.append((rule, price, value))
        offs = []
        for rule, price, value in priced:
            excess, position = value - rule.target * nav, positions[rule.asset].quantity
            offs.append((excess, excess + position * price if position else excess))
        return nav, liquid, offs

    async def _tick(self) -> None:
        """The engine's tick; and the next where coins are being sold and a leg has filled at once, as within seconds.

        Else each leg would wait for a row of its own, and the margin ladder for hours. The rule alone acts once a row.
        """
        exchange, known = self._stage.exchange, -1
        while len(exchange.fills) != known:
            known = len(exchange.fills)
            done = await self._engine.tick()
            if self._bare or all(one.finalising is None for one in done.decision.state.assets.values()):
                return

    async def end(self) -> None:
        """After the last row: what funding came in meanwhile goes into the books."""
        if self._passed:
            await self._engine.tick()


def _cash(stage: Stage) -> Decimal:
    """Stablecoins of both wallets, without unrealised profit."""
    wallets, settle = stage.exchange.wallets, stage.terms.policy.settle
    cash = wallets.spot.get(settle, ZERO)
    return cash if wallets.kind is WalletKind.UNIFIED else cash + wallets.futures.get(settle, ZERO)


def _outcome(stage: Stage, tally: _Tally, seconds: float) -> Outcome:
    account, assets = stage.exchange.account, tuple(stage.terms.instruments)
    cash = _cash(stage)
    snapshot = stage.venue.reading()
    nav = measure(snapshot, stage.terms.policy, stage.terms.instruments).nav or ZERO
    held = {asset: account.wallets.spot.get(asset, ZERO) for asset in assets}
    perp = [fill for fill in account.fills if fill.market == "perp"]
    hedges = [one for one in stage.book.episodes if one.state is not EpisodeState.VOID]
    costs = {one.id: stage.book.costs(one, snapshot) for one in hedges}

    def each(amounts: Iterable[tuple[Asset, Decimal]]) -> dict[Asset, Decimal]:
        found = dict.fromkeys(assets, ZERO)
        for asset, amount in amounts:
            found[asset] += amount
        return found

    return Outcome(
        rows=tally.rows, stale_rows=tally.stale, trades=len(perp), spot_trades=len(account.fills) - len(perp),
        cash=cash, unrealised_pnl=stage.venue.unrealised(),
        nav=nav, lowest_cash_share=None if tally.lowest is None else tally.lowest.quantize(_SHOWN),
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
        mean_net_off_pp=_mean(stage, tally.net, tally.rows), mean_spot_off_pp=_mean(stage, tally.spot, tally.rows),
        seconds=seconds,
    )


def _mean(stage: Stage, totals: Sequence[Decimal], rows: int) -> dict[Asset, Decimal]:
    return {rule.asset: (total / rows * _PP).quantize(_SHOWN)
            for rule, total in zip(stage.terms.rules, totals, strict=True)}
