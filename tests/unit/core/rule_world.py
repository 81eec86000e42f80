"""A small world in which the rule can be asked: one account, exact prices, a journal that agrees unless told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from bot.core.decision import AssetDecision, AssetStanding, AssetState, Decision, RuleState, Situation, Standing
from bot.core.market import (
    FuturesWallet,
    Holding,
    Instrument,
    MarginTier,
    OpenOrder,
    Position,
    Quote,
    Snapshot,
    WalletKind,
)
from bot.core.money import ZERO
from bot.core.plan import decide
from bot.core.policy import AssetPolicy, MarginPolicy, Policy, Terms, Threshold
from bot.core.times import HOUR, SECOND, Millis

D = Decimal
START: Millis = 1_600_000_000_000
SPACING: Millis = 30 * SECOND


def pp(points: str) -> Threshold:
    return Threshold(D(points) / 100)


def instrument(asset: str = "BTC", step: str = "0.001", **changes: Any) -> Instrument:
    return replace(
        Instrument(
            asset=asset, symbol=f"{asset}USDT", spot_symbol=f"{asset}USDT", amount_step=D(step), min_amount=D(step),
            min_notional=D(5), price_tick=D("0.1"), spot_lot=D("0.00001"), spot_tick=D("0.01"),
            tiers=(MarginTier(D(0), None, D("0.004")),),
        ), **changes,
    )


def quote(at: Millis, price: Decimal, **changes: Any) -> Quote:
    return replace(
        Quote(
            spot_bid=price, spot_ask=price, spot_at=at, perp_bid=price, perp_ask=price, perp_at=at, mark=price,
            index=price, mark_at=at, funding_rate=D("0.0001"), next_funding_at=at + 8 * HOUR,
            funding_interval=8 * HOUR,
        ), **changes,
    )


def asset_policy(asset: str = "BTC", target: str = "0.5", **changes: Any) -> AssetPolicy:
    return replace(AssetPolicy(asset, D(target)), **changes)


def terms(*assets: AssetPolicy, instruments: Mapping[str, Instrument] | None = None, **changes: Any) -> Terms:
    chosen = assets or (asset_policy(),)
    rest = 1 - sum((one.target for one in chosen), D(0))
    policy = replace(Policy(assets=chosen, cash_target=rest), **changes)
    return Terms(policy, instruments or {one.asset: instrument(one.asset) for one in chosen})


NO_LADDER = MarginPolicy(
    warn_runway=D("-100"), stop_runway=D("-100"), reduce_runway=D("-100"), full_runway=D("-100"), cash_floor=D(-10**9))
NO_MARGIN_LIMITS = replace(NO_LADDER, leverage=D(1000), max_leverage=D(900))


@dataclass
class World:
    """An account that stands still unless changed. `shorts` are the venue's; the journal agrees by itself."""

    terms: Terms
    holdings: dict[str, Decimal]
    prices: dict[str, Decimal]
    cash: Decimal = ZERO
    futures: Decimal = ZERO
    shorts: dict[str, Decimal] = field(default_factory=dict)
    at: Millis = START
    state: RuleState = field(default_factory=RuleState)
    standings: dict[str, dict[str, Any]] = field(default_factory=dict)
    standing: dict[str, Any] = field(default_factory=dict)
    quotes: dict[str, dict[str, Any]] = field(default_factory=dict)
    positions: tuple[Position, ...] = ()
    open_orders: tuple[OpenOrder, ...] | None = None
    stable_prices: dict[str, Decimal | None] = field(default_factory=dict)
    available: Decimal | None = None
    free: dict[str, Decimal] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        positions = tuple(
            Position(f"{asset}USDT", -short, self.prices[asset], self.prices[asset], D(0))
            for asset, short in self.shorts.items() if short
        )
        return Snapshot(
            taken_at=self.at,
            holdings={"USDT": Holding(self.cash), **{
                coin: Holding(free := min(q, self.free.get(coin, q)), q - free)
                for coin, q in self.holdings.items()}},
            futures=FuturesWallet(
                self.futures, D(0), self.futures, D(0), D(0),
                self.futures if self.available is None else self.available),
            quotes={
                asset: quote(self.at, price, **self.quotes.get(asset, {})) for asset, price in self.prices.items()
            },
            positions=(*positions, *self.positions), open_orders=self.open_orders, wallet=WalletKind.SEPARATE,
            stable_prices=self.stable_prices,
        )

    def situation(self) -> Situation:
        assets = {
            one.asset: AssetStanding(**{
                "short": self.shorts.get(one.asset, D(0)), **self.standings.get(one.asset, {}),
            }) for one in self.terms.policy.assets
        }
        return Situation(self.snapshot(), Standing(assets=assets, **self.standing), self.state)

    def look(self) -> Decision:
        """Decide, and remember."""
        decision = decide(self.situation(), self.terms)
        self.state = decision.state
        return decision

    def later(self, ms: Millis = SPACING) -> Decision:
        """Let time pass, then look."""
        self.at += ms
        return self.look()

    def settle(self, looks: int = 2) -> Decision:
        """Look as often as confirmation takes."""
        decision = self.look()
        for _ in range(looks - 1):
            decision = self.later()
        return decision

    def asset_state(self, asset: str, **changes: Any) -> None:
        """Change what the rule remembers of one asset."""
        state = replace(self.state.of(asset), **changes)
        self.state = replace(self.state, assets={**self.state.assets, asset: state})


def world(
    nav: str = "100000", btc: str = "1.2", price: str = "50000", *, short: str = "0", policy: AssetPolicy | None = None,
    futures_share: str = "0.5", **changes: Any,
) -> World:
    """One coin and cash that add up to `nav`; a share of the cash is the futures wallet."""
    cash = D(nav) - D(btc) * D(price)
    made = World(
        terms=terms(policy or asset_policy(), **changes), holdings={"BTC": D(btc)}, prices={"BTC": D(price)},
        cash=cash * (1 - D(futures_share)), futures=cash * D(futures_share),
        shorts={"BTC": D(short)} if D(short) else {},
    )
    if D(short):
        # A hedge that is there was decided on these holdings: nothing is news.
        made.state = RuleState({"BTC": AssetState(holding=D(btc))}, cash)
    return made


def codes(decided: AssetDecision) -> list[str]:
    return [reason.code for reason in decided.reasons]


def guards_of(decided: AssetDecision) -> list[str]:
    return [refusal.guard for refusal in decided.refusals]
