"""From a portfolio file to the values that `decide` takes: what an exchange would have shown, without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from bot.core.decision import AssetStanding, AssetState, RuleState, Situation, Standing
from bot.core.market import (
    Asset,
    FuturesWallet,
    Holding,
    Instrument,
    MarginTier,
    Position,
    Quote,
    Snapshot,
    WalletKind,
)
from bot.core.money import ZERO
from bot.core.policy import Policy, Terms
from bot.core.runway import initial_margin, maintenance_margin
from bot.core.times import Millis
from bot.errors import ConfigError
from bot.settings.checks import check
from bot.settings.findings import bare_numbers, problem_of
from bot.settings.portfolio import WISHES, HedgeSettings, MarketSettings, PortfolioSettings
from bot.settings.problems import Key, Problem, config_error
from bot.settings.settings import Settings
from bot.settings.source import Source, read_yaml


@dataclass(frozen=True, slots=True)
class Described:
    """A described account: the terms and the situation that `decide` takes, and where they were written."""

    terms: Terms
    situation: Situation
    source: Source

    @property
    def at_start(self) -> Snapshot:
        """The account as the bot knew it before: coins that came or went since do not unmake what it started with."""
        snapshot, known = self.situation.snapshot, self.situation.state.assets
        before = {
            coin: replace(snapshot.holdings.get(coin, Holding(ZERO)), free=state.holding)
            for coin, state in known.items() if state.holding is not None
        }
        return replace(snapshot, holdings={**snapshot.holdings, **before})

    def error(self, where: Key, wrong: str, allowed: str = "") -> ConfigError:
        """A ConfigError about one key of the file, for what only the whole can tell."""
        return config_error([Problem(self.source.origin(where), where, wrong, allowed)])


def load_portfolio(path: Path, settings: Settings | None, now: Millis) -> Described:
    """Read a portfolio file; the wishes are its own or those of `settings`. `now` is its instant unless it says one.

    Raises ConfigError listing every problem, each with file and line, key path, what is wrong and what is allowed.
    """
    source = read_yaml(path)
    if any(not problem.key for problem in source.problems):
        raise config_error(source.problems)
    problems = [*source.problems, *bare_numbers(source, source.values, ())]
    try:
        file = PortfolioSettings.model_validate(source.values)
    except ValidationError as error:
        found = [problem_of(source, PortfolioSettings, dict(each)) for each in error.errors(include_url=False)]
        raise config_error([*source.problems, *found, *problems]) from None
    problems += _both(source, settings) if settings is not None else _missing(source, file)
    if problems:
        raise config_error(problems)
    wishes = settings if settings is not None else _wishes(source, file)
    policy = wishes.policy()
    problems += [] if settings is not None else [each.problem for each in check(wishes, source.origin)]
    problems += [Problem(source.origin(key), key, wrong, allowed) for key, wrong, allowed in _account(file, policy)]
    if problems:
        raise config_error(problems)
    return Described(*_values(file, policy, file.at if file.at is not None else now), source)


def _both(source: Source, settings: Settings) -> list[Problem]:
    """With a configuration beside it, the file describes the account alone."""
    beside = f"stands in {settings.file.name if settings.file else 'the environment'} too"
    return [
        Problem(source.origin((name,)), (name,), beside, "leave it out here, or leave out -c")
        for name in (*WISHES, "venue") if name in source.values
    ]


def _missing(source: Source, file: PortfolioSettings) -> list[Problem]:
    return [
        Problem(source.origin((name,)), (name,), "is missing", "the section here, or a configuration with -c FILE")
        for name in ("assets", "cash") if not getattr(file, name)
    ]


def _wishes(source: Source, file: PortfolioSettings) -> Settings:
    """The file's own wishes, as a configuration that places no orders."""
    own = {name: source.values[name] for name in WISHES if getattr(file, name) is not None}
    return Settings.model_validate({"venue": file.venue, "environment": "local", **own})


def _account(file: PortfolioSettings, policy: Policy) -> Iterator[tuple[Key, str, str]]:
    """What does not fit together in the account: (key, what is wrong, what is allowed)."""
    coins = tuple(one.asset for one in policy.assets)
    for coin in coins:
        if coin not in file.market:
            yield ("market",), f"lacks {coin}, which has a target", f'{coin}: {{price: "50000", step: "0.001"}}'
    named: Mapping[str, tuple[Mapping[Asset, object], tuple[str, ...]]] = {
        "market": (file.market, coins), "hedges": (file.hedges, coins), "acknowledged": (file.acknowledged, coins),
        "holdings": (file.holdings, (*coins, *policy.cash)), "borrowed": (file.borrowed, (*coins, *policy.cash)),
        "stablecoins": (file.stablecoins, policy.cash[1:]),
    }
    for name, (given, allowed) in named.items():
        for coin in given:
            if coin not in allowed:
                yield (name, coin), "has no place in this portfolio", ", ".join(allowed) or "nothing"
    yield from _wallets(file, policy)


def _wallets(file: PortfolioSettings, policy: Policy) -> Iterator[tuple[Key, str, str]]:
    for coin, hedge in file.hedges.items():
        if (hedge.short is None) is (hedge.long is None):
            yield ("hedges", coin), "is a short or a long", 'short: "0.2"'
    for coin in policy.cash[1:]:
        if file.holdings.get(coin) and coin not in file.stablecoins:
            yield ("holdings", coin), "has no price", f'stablecoins: {{{coin}: "1"}}'
    for coin, market in file.market.items():
        if ZERO not in market.tiers:
            yield ("market", coin, "tiers"), "say nothing of the smallest position", 'a first tier "0"'
    if file.wallet is WalletKind.UNIFIED and file.futures.wallet:
        yield ("futures", "wallet"), "does not exist in a unified account", "all balances in holdings"


# -- values ------------------------------------------------------------------------------------------------------------


def _values(file: PortfolioSettings, policy: Policy, at: Millis) -> tuple[Terms, Situation]:
    settle = policy.settle
    instruments = {one.asset: _instrument(one.asset, settle, file.market[one.asset]) for one in policy.assets}
    quotes = {coin: _quote(file.market[coin], at) for coin in instruments}
    positions = tuple(
        _position(_signed(hedge), hedge.entry, instruments[coin], quotes[coin].mark, policy.margin.leverage)
        for coin, hedge in file.hedges.items()
    )
    holdings = {
        coin: Holding(quantity, borrowed=file.borrowed.get(coin, ZERO)) for coin, quantity in file.holdings.items()
    } | {coin: Holding(ZERO, borrowed=debt) for coin, debt in file.borrowed.items() if coin not in file.holdings}
    snapshot = Snapshot(
        taken_at=at, holdings=holdings, futures=_futures(file, policy, holdings, quotes, positions), quotes=quotes,
        positions=positions, open_orders=(), wallet=file.wallet, stable_prices=dict(file.stablecoins),
    )
    standing = Standing(assets={coin: AssetStanding(short=_signed(hedge)) for coin, hedge in file.hedges.items()})
    state = RuleState({coin: AssetState(holding=quantity) for coin, quantity in file.acknowledged.items()})
    return Terms(policy, instruments), Situation(snapshot, standing, state)


def _signed(hedge: HedgeSettings) -> Decimal:
    """The hedge as one number: short, or negative."""
    return hedge.short if hedge.short is not None else -(hedge.long or ZERO)


def _instrument(coin: Asset, settle: str, market: MarketSettings) -> Instrument:
    return Instrument(
        asset=coin, symbol=f"{coin}{settle}", spot_symbol=f"{coin}{settle}", amount_step=market.step,
        min_amount=market.min_amount if market.min_amount is not None else market.step,
        min_notional=market.min_notional, price_tick=market.tick, spot_lot=market.step, spot_tick=market.tick,
        tiers=margin_tiers(market.tiers), collateral_ratio=market.collateral_ratio, maker_fee=market.maker_fee,
        spot_taker_fee=market.spot_fee,
    )


def margin_tiers(rates: Mapping[Decimal, Decimal]) -> tuple[MarginTier, ...]:
    """The table in which each rate holds for the part of the notional from its floor on, as the venues build theirs."""
    floors = sorted(rates)
    tiers: list[MarginTier] = []
    deduction, before = ZERO, ZERO
    for floor, cap in zip(floors, [*floors[1:], None], strict=True):
        deduction += floor * (rates[floor] - before)
        before = rates[floor]
        tiers.append(MarginTier(floor, cap, before, deduction))
    return tuple(tiers)


def _quote(market: MarketSettings, at: Millis) -> Quote:
    perp = market.perp if market.perp is not None else market.price
    return Quote(
        spot_bid=market.price, spot_ask=market.price, spot_at=at, perp_bid=perp, perp_ask=perp, perp_at=at,
        mark=market.mark if market.mark is not None else perp,
        index=market.index if market.index is not None else market.price, mark_at=at,
        funding_rate=market.funding_rate, next_funding_at=None, funding_interval=market.funding_interval,
    )


def _position(
    short: Decimal, entry: Decimal | None, instrument: Instrument, mark: Decimal | None, leverage: Decimal,
) -> Position:
    marked = mark if mark is not None else ZERO
    paid = entry if entry is not None else marked
    return Position(
        symbol=instrument.symbol, quantity=-short, entry_price=paid, mark=marked, unrealised=short * (paid - marked),
        maintenance_margin=maintenance_margin(abs(short) * marked, instrument.tiers),
        initial_margin=initial_margin(abs(short) * marked, leverage), leverage=leverage,
    )


def _futures(
    file: PortfolioSettings, policy: Policy, holdings: Mapping[str, Holding], quotes: Mapping[Asset, Quote],
    positions: tuple[Position, ...],
) -> FuturesWallet:
    unrealised = sum((held.unrealised for held in positions), ZERO)
    used = sum((held.initial_margin or ZERO for held in positions), ZERO)
    equity = file.futures.wallet + unrealised
    if file.wallet is WalletKind.UNIFIED:
        for coin, holding in holdings.items():
            if coin in quotes:
                ratio = file.market[coin].collateral_ratio if holding.total > 0 else Decimal(1)
                equity += holding.total * (quotes[coin].mark or ZERO) * ratio
            else:
                equity += holding.total * (Decimal(1) if coin == policy.settle else file.stablecoins[coin])
    return FuturesWallet(
        balance=file.futures.wallet, unrealised=unrealised, equity=equity, initial_margin=used,
        maintenance_margin=sum((held.maintenance_margin or ZERO for held in positions), ZERO),
        available=max(ZERO, equity - used),
    )
