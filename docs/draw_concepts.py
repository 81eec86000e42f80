"""Draw the pictures of docs/concepts.md from what the core computes: the rule, a hedge, the margin.

`python docs/draw_concepts.py` writes docs/pictures/{rule,hedge,margin}.svg. The prices are made up; every other number
is the answer of `decide` and its functions, hour by hour, as a bot would get it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from bot.core.collateral import shifted, traded
from bot.core.decision import Decision, RuleState, Situation, Standing
from bot.core.margin import figures
from bot.core.market import FuturesWallet, Holding, Instrument, MarginTier, Quote, Snapshot
from bot.core.money import ONE, ZERO
from bot.core.plan import decide
from bot.core.policy import AssetPolicy, Policy, Terms
from bot.core.times import HOUR, Millis

PICTURES = Path(__file__).parent / "pictures"

# the account

POINTS = ((0, 50_000), (5, 57_500), (9, 53_500), (13, 60_000), (21, 74_000), (27, 63_000), (33, 76_000), (43, 56_000),
          (47, 50_500), (53, 58_000), (58, 55_000), (60, 56_500))
"""The made-up path: day and price. In between it swings over, with small waves upon it."""

START: Millis = 1_704_067_200_000


@dataclass(frozen=True, slots=True)
class Look:
    """One hour of the path: what was decided, and the account once it was done."""

    day: float
    decision: Decision
    policy: AssetPolicy


def price_at(day: float) -> Decimal:
    """The price of the path, in whole tenths."""
    (day_0, low), (day_1, high) = next(pair for pair in pairwise(POINTS) if day <= pair[1][0])
    share = (1 - math.cos(math.pi * (day - day_0) / (day_1 - day_0))) / 2
    wave = 0.012 * math.sin(5.1 * day) + 0.007 * math.sin(13.7 * day + 1) + 0.003 * math.sin(41 * day)
    return Decimal(round((low + (high - low) * share) * (1 + wave) * 10)) / 10


def instrument(asset: str, rate: str) -> Instrument:
    """A market whose maintenance margin has one rate."""
    return Instrument(
        asset=asset, symbol=f"{asset}USDT", spot_symbol=f"{asset}USDT", amount_step=Decimal("0.001"),
        min_amount=Decimal("0.001"), min_notional=Decimal(5), price_tick=Decimal("0.1"), spot_lot=Decimal("0.00001"),
        spot_tick=Decimal("0.01"), tiers=(MarginTier(ZERO, None, Decimal(rate)),),
    )


def quote(at: Millis, price: Decimal) -> Quote:
    """Spot, perpetual and mark at one price."""
    return Quote(
        spot_bid=price, spot_ask=price, spot_at=at, perp_bid=price, perp_ask=price, perp_at=at, mark=price,
        index=price, mark_at=at, funding_rate=ZERO, next_funding_at=at + 8 * HOUR, funding_interval=8 * HOUR,
    )


def account(coins: Mapping[str, tuple[Decimal, Decimal]], cash: Decimal, futures: Decimal) -> Snapshot:
    """An account without a short; `coins` are quantities and prices."""
    return Snapshot(
        taken_at=START,
        holdings={"USDT": Holding(cash), **{coin: Holding(owned) for coin, (owned, _) in coins.items()}},
        futures=FuturesWallet(futures, ZERO, futures, ZERO, ZERO, futures),
        quotes={coin: quote(START, price) for coin, (_, price) in coins.items()},
    )


def lived() -> Iterator[Look]:
    """Sixty days, decided each hour; what is wanted is filled at the mark, without a fee."""
    policy = AssetPolicy("BTC", Decimal("0.5"), contract=Decimal("0.01"))
    terms = Terms(Policy(assets=(policy,), cash_target=Decimal("0.5")), {"BTC": instrument("BTC", "0.004")})
    snapshot = account({"BTC": (ONE, price_at(0))}, Decimal(25_000), Decimal(25_000))
    state, standing = RuleState(), Standing()
    for hour in range(int(POINTS[-1][0]) * 24 + 1):
        price, before = price_at(hour / 24), snapshot.quotes["BTC"].mark
        if before is None:
            raise ValueError("the path has a price at every hour")
        snapshot = shifted(snapshot, terms.instruments, "BTC", price / before, terms.policy.margin.leverage)
        at = START + hour * HOUR
        snapshot = replace(snapshot, taken_at=at, quotes={"BTC": quote(at, price)})
        decision = decide(Situation(snapshot, standing, state), terms)
        yield Look(hour / 24, decision, policy)
        snapshot, state, decided = traded(snapshot, terms, decision), decision.state, decision.of("BTC")
        ended = at if decided.short and not decided.goal else standing.of("BTC").closed_at
        standing = replace(standing, assets={"BTC": replace(standing.of("BTC"), short=decided.goal, closed_at=ended)})


def runways(futures: Decimal, rises: Sequence[Decimal]) -> list[Decimal | None]:
    """The joint runway once both coins have risen so far: short 0.2 BTC at 50,000 and 2 ETH at 2,500."""
    shorts = {"BTC": (Decimal("0.2"), Decimal(50_000), "0.004"), "ETH": (Decimal(2), Decimal(2_500), "0.005")}
    instruments = {coin: instrument(coin, rate) for coin, (_, _, rate) in shorts.items()}
    terms = Terms(Policy(tuple(AssetPolicy(coin, Decimal("0.4")) for coin in shorts), Decimal("0.2")), instruments)
    snapshot = account({coin: (ONE, price) for coin, (_, price, _) in shorts.items()}, ZERO, futures)
    decision = decide(Situation(snapshot, Standing(), RuleState()), terms)
    goals = tuple(replace(decided, goal=shorts[decided.asset][0]) for decided in decision.assets)
    snapshot = traded(snapshot, terms, replace(decision, assets=goals))
    found = []
    for rise in rises:
        moved = snapshot
        for coin in shorts:
            moved = shifted(moved, instruments, coin, 1 + rise, terms.policy.margin.leverage)
        found.append(figures(moved, instruments).joint_runway)
    return found


# the drawing

STYLE = """
  .ground { fill: #ffffff } .ink { fill: #24292f } .soft { fill: #57606a }
  .axis { stroke: #8c959f; stroke-width: 1 } .grid { stroke: #d8dee4; stroke-width: 1 }
  .a { stroke: #bc4c00; fill: none; stroke-width: 2 } .b { stroke: #0969da; fill: none; stroke-width: 2 }
  .level { stroke: #57606a; stroke-width: 1.2; stroke-dasharray: 6 4 }
  .at { fill: #bc4c00 } .bt { fill: #0969da }
  .wash { fill: #0969da; opacity: 0.14 } .alarm { fill: #cf222e; opacity: 0.12 }
  .dot { stroke: #ffffff; stroke-width: 1.5 }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } .ink { fill: #e6edf3 } .soft { fill: #9198a1 }
    .axis { stroke: #6e7681 } .grid { stroke: #262c36 } .level { stroke: #9198a1 }
    .a { stroke: #f0883e } .b { stroke: #58a6ff } .at { fill: #f0883e } .bt { fill: #58a6ff }
    .wash { fill: #58a6ff; opacity: 0.2 } .alarm { fill: #ff7b72; opacity: 0.2 } .dot { stroke: #0d1117 }
  }
"""
WIDTH, LEFT, RIGHT = 760, 62, 34


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle with two scales; `x` and `y` are the values at its edges."""

    top: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def px(self, value: float) -> float:
        """Where a value of the horizontal scale lies."""
        return LEFT + (value - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT - RIGHT)

    def py(self, value: float) -> float:
        """Where a value of the vertical scale lies."""
        return self.bottom - (value - self.y[0]) / (self.y[1] - self.y[0]) * (self.bottom - self.top)

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> str:
        """A line through values."""
        return f'<path class="{kind}" d="M{self._path(points)}"/>'

    def steps(self, points: Sequence[tuple[float, float]], kind: str) -> str:
        """A line that stays until the next value; only its corners are written."""
        corners = [points[0]]
        for (_, before), (day, value) in pairwise(points):
            if value != before:
                corners += [(day, before), (day, value)]
        return self.line([*corners, points[-1]], kind)

    def between(self, upper: Sequence[tuple[float, float]], lower: Sequence[tuple[float, float]], kind: str) -> str:
        """The area between two lines."""
        return f'<path class="{kind}" d="M{self._path([*upper, *reversed(lower)])}Z"/>'

    def level(self, value: float, label: str, *, above: bool = True) -> str:
        """A dashed level across the panel, named at its right end."""
        y = self.py(value)
        return (f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                + text(WIDTH - RIGHT, y - 5 if above else y + 15, label, "soft", "end"))

    def frame(self, xs: Sequence[float], ys: Sequence[float], x: Callable[[float], str] | None,
              y: Callable[[float], str]) -> str:
        """Grid, axes and their numbers; without `x` the horizontal ones are left out."""
        parts = []
        for value in ys:
            at = self.py(value)
            parts += [f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>',
                      text(LEFT - 8, at + 4, y(value), "soft", "end")]
        for value in xs if x is not None else ():
            parts.append(text(self.px(value), self.bottom + 18, x(value) if x is not None else "", "soft", "middle"))
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.bottom}" y2="{self.bottom}"/>')
        return "".join(parts)

    def dot(self, at: tuple[float, float], kind: str) -> str:
        """A point."""
        return f'<circle class="dot {kind}" cx="{self.px(at[0]):.1f}" cy="{self.py(at[1]):.1f}" r="4.5"/>'

    def note(self, at: tuple[float, float], words: str, kind: str, *, dx: float = 0, dy: float = 0,
             anchor: str = "middle") -> str:
        """Words beside a point."""
        return text(self.px(at[0]) + dx, self.py(at[1]) + dy, words, kind, anchor)

    def _path(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{self.px(x):.1f},{self.py(y):.1f}" for x, y in points)


def text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    """Words at a place."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def save(name: str, height: int, label: str, parts: Sequence[str]) -> None:
    """Write one picture; `label` says what it shows to whoever cannot see it."""
    PICTURES.mkdir(exist_ok=True)
    body = "\n".join(parts)
    (PICTURES / f"{name}.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">\n'
        f'<style>{STYLE}</style>\n<rect class="ground" width="{WIDTH}" height="{height}" rx="6"/>\n{body}\n</svg>\n',
        encoding="utf-8")


def points(looks: Sequence[Look], value: Callable[[Look], Decimal | None], every: int = 3) -> list[tuple[float, float]]:
    """Day and value of every third hour, and of the last."""
    chosen = [*looks[:-1:every], looks[-1]]
    return [(look.day, float(found)) for look in chosen if (found := value(look)) is not None]


def percent(value: float) -> str:
    """A share on an axis."""
    return f"{value * 100:.0f}%"


DAYS = range(0, POINTS[-1][0] + 1, 10)


def rule(looks: Sequence[Look]) -> None:
    """The excess against its levels, and the short that follows it in steps."""
    upper, lower = Panel(44, 252, (0, DAYS[-1]), (-0.01, 0.12)), Panel(310, 420, (0, DAYS[-1]), (0, 0.2))
    drift = points(looks, lambda look: look.decision.of("BTC").measure.drift)
    wanted = points(looks, _excess_in_coins)
    shorts = [(look.day, float(look.decision.of("BTC").goal)) for look in looks]
    policy = looks[0].policy
    opens = next(look for look in looks if look.decision.of("BTC").action == "open")
    closes = next(look for look in looks if look.decision.of("BTC").action == "close")
    open_level, close_level = (float(level.of_nav(policy.target)) for level in (policy.open, policy.close))
    ends = [(look.day, float(look.decision.of("BTC").measure.drift or 0)) for look in (opens, closes)]
    save("rule", 452, "The excess of a coin over sixty days, and the short that the rule holds against it", [
        text(LEFT, 26, "excess, in % of NAV", "at"),
        upper.frame((), (0, 0.02, 0.04, 0.06, 0.08, 0.1), None, percent),
        upper.between([(day, 0.12) for day, _ in ends], [(day, -0.01) for day, _ in ends], "wash"),
        upper.level(open_level, "open 5pp"), upper.level(close_level, "close 1pp", above=False),
        upper.line(drift, "a"), upper.dot(ends[0], "at"), upper.dot(ends[1], "at"),
        upper.note(ends[0], "opened", "ink", dx=-10, dy=-8, anchor="end"),
        upper.note(ends[1], "closed", "ink", dx=-10, dy=16, anchor="end"),
        text((upper.px(opens.day) + upper.px(closes.day)) / 2, upper.py(0.028), "a hedge is open", "bt", "middle"),
        text(LEFT, 292, "the short, in BTC", "bt"), text(LEFT + 118, 292, "and the excess it follows", "at"),
        lower.frame(DAYS, (0, 0.05, 0.1, 0.15, 0.2), lambda day: f"day {day:.0f}", lambda size: f"{size:.2f}"),
        lower.line([(day, max(0.0, size)) for day, size in wanted], "a"), lower.steps(shorts, "b"),
    ])


def hedge(looks: Sequence[Look]) -> None:
    """The weight of the coins, and what is left of it once the short is taken off."""
    panel = Panel(44, 260, (0, DAYS[-1]), (0.48, 0.62))
    coins = points(looks, lambda look: _weight(look, ZERO))
    net = points(looks, lambda look: _weight(look, look.decision.of("BTC").goal))
    top = max(coins, key=lambda point: point[1])
    save("hedge", 296, "The weight of a coin before and net of its hedge", [
        text(LEFT, 26, "BTC in % of NAV:", "ink"), text(LEFT + 120, 26, "the coins", "at"),
        text(LEFT + 192, 26, "net of the hedge", "bt"),
        panel.frame(DAYS, (0.48, 0.5, 0.52, 0.54, 0.56, 0.58, 0.6, 0.62), lambda day: f"day {day:.0f}", percent),
        panel.level(0.5, "target 50%", above=False), panel.level(0.55, "open at 55%"),
        panel.between(coins, net, "wash"), panel.line(coins, "a"), panel.line(net, "b"),
        panel.note((top[0] - 6, 0.532), "the short", "bt"),
    ])


def margin() -> None:
    """How far prices may still rise, after they have risen."""
    panel = Panel(44, 280, (0, 1.0), (0, 1.05))
    rises = [Decimal(step) / 100 for step in range(101)]
    lines = {futures: [
        (float(rise), float(left)) for rise, left in zip(rises, runways(Decimal(futures), rises), strict=True)
        if left is not None and left >= 0
    ] for futures in (10_000, 15_000)}
    alone = runways(Decimal(10_000), [ZERO])[0]
    more = runways(Decimal(15_000), [ZERO])[0]
    if alone is None or more is None:
        raise ValueError("both shorts have a mark and a table")
    ends = {10_000: float(alone), 15_000: float(more)}
    stop, warn = 0.5, 0.75
    save("margin", 344, "The joint runway against the rise of prices, and the levels of warn and stop", [
        text(LEFT, 26, "joint runway: how far both prices may still rise", "ink"),
        panel.frame((0, 0.2, 0.4, 0.6, 0.8, 1.0), (0, 0.25, 0.5, 0.75, 1.0),
                    lambda rise: "now" if not rise else f"{rise * 100:+.0f}%", percent),
        panel.between([(0, stop), (1.0, stop)], [(0, 0), (1.0, 0)], "alarm"),
        panel.level(warn, "warn 75%"), panel.level(stop, "stop 50%: no increase may end below"),
        panel.line([*lines[15_000], (ends[15_000], 0)], "b"), panel.line([*lines[10_000], (ends[10_000], 0)], "a"),
        panel.dot((0, ends[10_000]), "at"), panel.dot((0, ends[15_000]), "bt"),
        text(panel.px(0.28), panel.py(0.95), f"15,000 in the futures wallet: {ends[15_000]:.2%} now", "bt"),
        text(panel.px(0.28), panel.py(0.86), f"10,000 in the futures wallet: {ends[10_000]:.2%} now", "at"),
        panel.dot((ends[10_000], 0), "at"), panel.dot((ends[15_000], 0), "bt"),
        text(panel.px(ends[10_000]) + 6, panel.py(0) - 9, "liquidation", "at"),
        text((LEFT + WIDTH - RIGHT) / 2, 328, "both coins have risen by", "soft", "middle"),
    ])


def _excess_in_coins(look: Look) -> Decimal | None:
    measured = look.decision.of("BTC").measure
    return None if measured.excess is None or not measured.price else measured.excess / measured.price


def _weight(look: Look, short: Decimal) -> Decimal | None:
    measured, nav = look.decision.of("BTC").measure, look.decision.nav
    return None if measured.price is None or not nav else (measured.quantity - short) * measured.price / nav


def main() -> None:
    """All three."""
    looks = list(lived())
    rule(looks)
    hedge(looks)
    margin()


if __name__ == "__main__":
    main()
