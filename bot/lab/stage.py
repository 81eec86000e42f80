"""What a replay begins with: an account, a market of history around it, and the engine that works it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from bot.core.market import Asset, Instrument, MarginTier, WalletKind
from bot.core.money import ONE, ZERO, plain, reckoned
from bot.core.plan import check_terms
from bot.core.policy import AssetPolicy, Policy, Terms
from bot.core.portfolio import spot_price
from bot.core.times import Millis
from bot.engine.book import Book
from bot.engine.report import unheard
from bot.engine.tick import Engine
from bot.errors import ConfigError
from bot.lab.market import Fill, PanelClock, PanelFeed, PanelVenue
from bot.lab.notebook import Notebook
from bot.lab.panel import Row
from bot.paper.exchange import PaperExchange
from bot.ports import Journal
from bot.telemetry.events import Emit
from bot.testnet.specs import BYBIT, INSTRUMENTS

BARE_CONTRACTS: Mapping[Asset, Decimal] = {"BTC": Decimal("0.001"), "ETH": Decimal("0.01")}
BARE_TARGETS: Mapping[Asset, Decimal] = {"BTC": Decimal("0.5"), "ETH": Decimal("0.3")}
_BARE_FEE = Decimal("0.0002")
_USUAL_FEE = Decimal("0.001")
_ANY_PRICE = Decimal("1e-8")
_TAG = "replay"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be replayed. `nav` in the settle coin is placed at the target weights on the first row's spot prices;
    `futures_share` of the cash then lies in the futures wallet where the venue has two.

    `bare`: nothing but the rule: one purse, no margin check, no liquidation, no minimum order (DOMAIN §9).
    """

    policy: Policy
    venue: str = "binance"
    fill: Fill = Fill.TOUCH
    nav: Decimal = Decimal(100_000)
    futures_share: Decimal = Decimal("0.5")
    bare: bool = False


def bare(policy: Policy | None) -> Policy:
    """The rule alone: no confirmation, no cooldown, no guards, no ladder, nothing finalised, small contracts."""
    if policy is None:
        policy = Policy(tuple(AssetPolicy(asset, target) for asset, target in BARE_TARGETS.items()),
                        cash_target=ONE - sum(BARE_TARGETS.values()))
    return replace(
        policy, confirm=1, cooldown=0, guards=replace(policy.guards, enabled=False),
        margin=replace(policy.margin, enabled=False), finalise=replace(policy.finalise, max_age=0, max_carry=ZERO),
        assets=tuple(replace(one, contract=BARE_CONTRACTS.get(one.asset, one.contract)) for one in policy.assets),
    )


def instruments_of(wishes: Wishes) -> Mapping[Asset, Instrument]:
    """The coins' markets: the venue's own specifications, or for a bare replay ones that take any price and size."""
    settle, listed = wishes.policy.settle, BYBIT if wishes.venue == "bybit" else INSTRUMENTS
    found = {}
    for one in wishes.policy.assets:
        if wishes.bare:
            found[one.asset] = _bare_instrument(one, settle)
        elif one.asset in listed:
            found[one.asset] = listed[one.asset]
        else:
            raise ConfigError(f"{one.asset}: its contract is not known here. Allowed: {', '.join(listed)}, or --bare")
    return found


def _bare_instrument(one: AssetPolicy, settle: str) -> Instrument:
    step = one.contract if one.contract is not None else Decimal("0.001")
    return Instrument(
        asset=one.asset, symbol=f"{one.asset}/{settle}:{settle}", spot_symbol=f"{one.asset}/{settle}",
        amount_step=step, min_amount=step, min_notional=ZERO, price_tick=_ANY_PRICE, spot_lot=_ANY_PRICE,
        spot_tick=_ANY_PRICE, tiers=(MarginTier(ZERO, None, ZERO),), maker_fee=_BARE_FEE, taker_fee=_BARE_FEE,
        spot_taker_fee=_USUAL_FEE,
    )


@dataclass(frozen=True, slots=True)
class Stage:
    """A replay that is ready to begin at its first row."""

    terms: Terms
    exchange: PaperExchange
    venue: PanelVenue
    clock: PanelClock
    book: Book
    engine: Engine


async def set_stage(wishes: Wishes, first: Row, *, journal: Journal | None = None, emit: Emit = unheard) -> Stage:
    """Account, market and engine at the first row. Raises ConfigError for wishes that do not fit the account."""
    policy = wishes.policy
    terms = Terms(policy, instruments_of(wishes))
    feed, clock, kept = PanelFeed(first), PanelClock(), Notebook() if journal is None else journal
    unified = wishes.bare or wishes.venue == "bybit"
    spot, futures = _balances(wishes, first, ZERO if unified else wishes.futures_share)
    exchange = PaperExchange(
        feed, terms.instruments, balances_spot=spot, balances_futures=futures, settle=policy.settle,
        wallet=WalletKind.UNIFIED if unified else WalletKind.SEPARATE, leverage=policy.margin.leverage, now=first.at,
        margined=not wishes.bare,
    )
    venue = PanelVenue(exchange, feed, clock, fill=wishes.fill)
    venue.see(first)
    errors, _ = check_terms(terms, wishes.nav, {asset: quote.spot_mid for asset, quote in first.quotes.items()})
    if errors:
        raise ConfigError("; ".join(error.text for error in errors))
    book = Book(kept, clock, account_tag=_TAG, settle=policy.settle, instruments=terms.instruments,
                memory=await kept.recall(policy.settle))
    engine = Engine(venue=venue, book=book, clock=clock, terms=terms, emit=emit, inspect_every=0,
                    dead_mans_switch=False)
    return Stage(terms, exchange, venue, clock, book, engine)


@reckoned
def _balances(
    wishes: Wishes, first: Row, futures_share: Decimal,
) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Spot and futures wallet at the target weights on the first row's spot prices; the rest is cash."""
    prices = {asset: spot_price(quote) or ZERO for asset, quote in first.quotes.items()}  # a row has all of them
    coins = {one.asset: one.target * wishes.nav / prices[one.asset] for one in wishes.policy.assets}
    cash = wishes.nav - sum((coins[asset] * prices[asset] for asset in coins), ZERO)
    if cash < 0:
        raise ConfigError(f"the targets leave cash of {plain(cash)}. Allowed: targets of 100% at most")
    margin = cash * futures_share
    return coins | {wishes.policy.settle: cash - margin}, {wishes.policy.settle: margin}


@asynccontextmanager
async def journal_of(file: Path | None, wishes: Wishes) -> AsyncIterator[Journal | None]:
    """A new journal in this file for one replay; None without one. Raises ConfigError where something is there."""
    if file is None:
        yield None
        return
    if await asyncio.to_thread(file.exists):
        raise ConfigError(f"{file} is there already. Allowed: a new file for each replay")
    from bot.journal.store import SqlJournal  # noqa: PLC0415 - 30 MB that a replay without a journal does not need

    journal = await SqlJournal.open(file, environment=_TAG, venue=wishes.venue, account=_TAG, wall=_now)
    try:
        yield journal
    finally:
        await journal.close()


def _now() -> Millis:
    return time.time_ns() // 1_000_000
