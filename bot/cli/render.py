"""How answers look: tables that fit 80 columns with nothing cut, and JSON with amounts as strings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from bot.cli import as_json
from bot.core.decision import Ladder, MarginFigures, Reason, Refusal
from bot.core.ledger import minus, total
from bot.core.money import plain
from bot.core.states import Mode, State
from bot.core.times import DAY, HOUR, MINUTE, SECOND, Millis, iso
from bot.core.way import Way
from bot.telemetry.redaction import escape

if TYPE_CHECKING:
    from bot.answers import HealthReport, PlanReport
    from bot.core.costing import AccountCosts
    from bot.core.decision import AssetDecision
    from bot.core.episode import Episode
    from bot.core.ledger import Costs
    from bot.core.orders import OrderRecord
    from bot.demo import ClosingAccount
    from bot.journal.views import AssetStatus, Heartbeat, StatusReport

to_json = as_json.to_json

UNKNOWN = "?"
"""Shown where a value is not known; never a zero."""


class _Plain(Console):
    """Shows what venues wrote as text, whatever they wrote: signs that move a cursor or turn the line are spelt."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text
            if segment.control or text.isprintable() or text == "\n":
                yield segment
            else:
                yield Segment("\n".join(map(escape, text.split("\n"))), segment.style)


def console() -> Console:
    """The terminal; texts are printed as they are (no markup, no emoji codes)."""
    return _Plain(markup=False, emoji=False, highlight=False)


# -- numbers -----------------------------------------------------------------------------------------------------------


def percent(fraction: Decimal | None) -> str:
    """0.5 → '50.00%'."""
    return UNKNOWN if fraction is None else f"{fraction * 100:.2f}%"


def points(fraction: Decimal | None) -> str:
    """0.031 → '+3.10pp'."""
    return UNKNOWN if fraction is None else f"{fraction * 100:+z.2f}pp"


def money(value: Decimal | None) -> str:
    """1234.5 → '1,234.50'."""
    return UNKNOWN if value is None else f"{value:,.2f}"


def number(value: Decimal | None) -> str:
    """A quantity as it is, without trailing zeros."""
    return UNKNOWN if value is None else plain(value)


def hedge(value: Decimal | None) -> str:
    """The size of a hedge; a long is named, under a heading that speaks of shorts."""
    return number(value) if value is None or value >= 0 else f"long {number(-value)}"


def span(duration: Millis) -> str:
    """150000 → '2.5m'; the largest unit that it fills."""
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if duration >= size:
            return f"{plain(Decimal(duration * 10 // size) / 10)}{unit}"
    return f"{plain(Decimal(duration * 10 // SECOND) / 10)}s"


# -- plan --------------------------------------------------------------------------------------------------------------


def plan(report: PlanReport, ahead: RenderableType = "") -> RenderableType:
    """What would be done now, and why, for every coin; then what comes `ahead`."""
    decision = report.decision
    targets = {policy.asset: policy.target for policy in report.terms.policy.assets}
    table = new_table("coin", "target", "weight", "drift", "net", "short", "wanted", "action")
    for decided in decision.assets:
        measure, target = decided.measure, targets.get(decided.asset)
        weight = None if measure.drift is None or target is None else target + measure.drift
        table.add_row(
            decided.asset, percent(target), percent(weight), points(measure.drift), percent(measure.net_weight),
            hedge(decided.short), hedge(decided.goal), _action(decided),
        )
    return Group(
        one_line(f"at {iso(decision.at)}   NAV {money(decision.nav)}   cash {money(decision.cash)} {_settle(report)}"),
        _margin(decision.margin), *_standing(decision.margin, decision.ladder, decision.state.state, ()),
        _halted(decision.halted), table,
        _because((decided.asset, decided.reasons, decided.refusals) for decided in decision.assets),
        *(one_line(f"warning: {finding}") for finding in report.findings), *([ahead] if ahead else []),
        one_line("Nothing was sent."),
    )


def _settle(report: PlanReport) -> str:
    return report.terms.policy.settle


def _action(decided: AssetDecision | AssetStatus) -> str:
    return f"{decided.action.value} (held)" if decided.held else decided.action.value


# -- status ------------------------------------------------------------------------------------------------------------


def status(report: StatusReport, now: Millis) -> RenderableType:
    """Where the bot stood at its last decision."""
    binding = report.binding
    parts: list[RenderableType] = [
        one_line(f"{binding.venue} {binding.environment}, account {binding.account}"),
        one_line(_beat(report.heartbeat, now)),
    ]
    if report.decided_at is not None:
        parts += [
            one_line(f"at {iso(report.decided_at)}   NAV {money(report.nav)}   cash {money(report.cash)}"
                  + ("" if report.seq is None else f"   decision {report.seq}")),
            _halted(report.halted), _coins(report.assets),
            _because((each.asset, each.reasons, each.refusals) for each in report.assets),
        ]
    if report.margin is not None:
        parts.append(_margin(report.margin))
        parts += _standing(report.margin, report.ladder, report.state, report.assets)
    if report.open_episodes:
        parts += _episodes("open hedges", report.open_episodes, report.costs)
    if report.ended_episodes:
        parts += _episodes("last ended hedges", report.ended_episodes, report.costs)
    if report.account is not None and report.costs:
        parts.append(one_line(_all_hedges(report.account)))
    parts += [one_line(f"{asset}: funding settled at {iso(at)} is not booked yet: unknown until it is")
              for asset, at in report.funding_awaited.items()]
    parts += [one_line(f"the venue had forgotten the {gap.kind} of {iso(gap.since)} to {iso(gap.until)}"
                       f"{f' on {gap.symbol}' if gap.symbol else ''}: unknown, and in no hedge's account")
              for gap in report.gaps]
    if report.orders:
        parts.append(_orders(report.orders))
    if report.dead_mans_switch is not None:
        parts.append(one_line(f"dead man's switch: {report.dead_mans_switch}"))
    parts += [
        one_line(f"waiting: {command.kind} {command.asset or ''}, since {span(max(0, now - command.issued_at))}")
        for command in report.commands
    ]
    return Group(*parts)


def _standing(
    margin: MarginFigures, ladder: Ladder | None, state: State, assets: Iterable[AssetStatus],
) -> Iterable[RenderableType]:
    """The margin ladder in words where there is a short, and every state that is not active."""
    if ladder is not None and margin.notional:
        yield one_line(f"margin ladder: {ladder.rung.value}: {ladder.text}")
    if state.mode is not Mode.ACTIVE:
        yield one_line(f"the account is {state.text}")
    for each in assets:
        if each.state.mode is not Mode.ACTIVE:
            yield one_line(f"{each.asset} is {each.state.text_of(each.asset)}")


def _beat(heartbeat: Heartbeat | None, now: Millis) -> str:
    return "no decision yet" if heartbeat is None else f"last decision {span(heartbeat.age(now))} ago"


def _coins(assets: Iterable[AssetStatus]) -> Table:
    table = new_table("coin", "target", "weight", "drift", "net", "short", "wanted", "action")
    for each in assets:
        table.add_row(
            each.asset, percent(each.target), percent(each.weight), points(each.drift), percent(each.net_weight),
            hedge(each.short), hedge(each.goal),
            f"{_action(each)}, disarmed: {each.disarmed}" if each.disarmed else _action(each),
        )
    return table


_FIGURES = ("PnL", "funding", "fees", "net\ncost", "against\nholding")
"""What is told of a hedge's money, everywhere alike."""


def _episodes(title: str, episodes: Iterable[Episode], costs: Mapping[str, Costs]) -> Iterable[RenderableType]:
    table = new_table("hedge", "short", "entry", "exit", *_FIGURES, title=title)
    why: list[RenderableType] = []
    for episode in episodes:
        table.add_row(
            episode.id, hedge(episode.short), _price(episode.entry_price), _price(episode.exit_price),
            *_figures(costs.get(episode.id)),
        )
        why += _unknown(episode, costs)
    return (table, *why)


def _figures(costs: Costs | None) -> tuple[str, ...]:
    """A hedge's futures PnL, funding received, fees, net cost, and what it made against holding."""
    if costs is None:
        return ("-",) * len(_FIGURES)
    return (money(costs.futures_pnl), money(minus(costs.funding_paid)), money(costs.fees), money(costs.net_cost),
            money(costs.against_holding))


def _all_hedges(account: AccountCosts) -> str:
    """The account's hedges together."""
    return (f"all hedges so far: PnL {money(account.futures_pnl)}, funding {money(minus(account.funding_paid))}, fees "
            f"{money(account.fees)}, net cost {money(account.net_cost)}, against holding "
            f"{money(account.against_holding)}")


def _unknown(episode: Episode, costs: Mapping[str, Costs]) -> Iterable[RenderableType]:
    known = costs.get(episode.id)
    why = known.why_unknown() if known is not None else ""
    return (one_line(f"{episode.id}: its net cost is not known: {why}"),) if why else ()


def _price(price: Decimal | None) -> str:
    return "-" if price is None else money(price)


def _orders(orders: Iterable[OrderRecord]) -> Table:
    table = new_table("order", "side", "quantity", "filled", "price", "state", title="orders")
    for order in orders:
        intent = order.intent
        table.add_row(
            intent.client_order_id, f"{intent.side.value} {intent.asset}", number(intent.quantity),
            number(order.filled), number(order.price if order.price is not None else intent.price), order.state.value,
        )
    return table


# -- demo --------------------------------------------------------------------------------------------------------------


def closing(account: ClosingAccount, contracts: Mapping[str, Decimal | None], settle: str) -> RenderableType:
    """The closing account of a story: every hedge, the coins, and whether both books agree. No path, no duration."""
    table = new_table("hedge", "contracts", "entry", "exit", *_FIGURES)
    why: list[RenderableType] = []
    for episode in account.episodes:
        table.add_row(
            episode.id, _sized(abs(episode.peak_short), contracts.get(episode.asset)), _price(episode.entry_price),
            "open" if episode.short else _price(episode.exit_price), *_figures(account.costs.get(episode.id)),
        )
        why += _unknown(episode, account.costs)
    table.add_section()
    every = [account.costs[episode.id] for episode in account.episodes if episode.id in account.costs]
    table.add_row("sum", "", "", "", *(money(total(*values)) for values in (
        [each.futures_pnl for each in every], [minus(each.funding_paid) for each in every],
        [each.fees for each in every], [each.net_cost for each in every], [each.against_holding for each in every])))
    resizes = sum(episode.resizes for episode in account.episodes)
    still = sum(1 for episode in account.episodes if episode.short)
    story = f"{iso(account.start)[:10]} to {iso(account.end)[:10]}, {_count(account.days, 'day')}"
    return Group(
        *([one_line(f"The bot stopped: {account.stopped}")] if account.stopped else ()),
        one_line(f"Closing account, {settle}: {story}"), table,
        *why,
        one_line("Net cost: against having sold and bought the coins themselves, at mid prices and for no fee; "
                 "negative: it earned. Against holding: what the account has more than without the hedges."),
        one_line(f"{_count(len(account.episodes), 'hedge')}, {_count(account.fills, 'fill')}, resized "
              f"{_count(resizes, 'time')}, {still} still open (unrealised {money(account.unrealised)})."),
        *(one_line(_kept(coin, *amounts)) for coin, amounts in account.coins.items()),
        *([one_line(f"DIFFERENCE {each}") for each in account.differences]
          or [one_line("Journal and exchange agree to the last digit: every fill, fee and funding payment.")]),
    )


def _sized(quantity: Decimal, contract: Decimal | None) -> str:
    """A size in micro-contracts: '233×0.001'; in coins where the venue's smallest step is the contract."""
    return number(quantity) if contract is None else f"{number(quantity / contract)}×{number(contract)}"


def _kept(coin: str, before: Decimal, after: Decimal) -> str:
    kept = "unchanged" if before == after else f"was {number(before)}"
    return f"{coin} {number(after)}, {kept}"


def _count(amount: int, word: str) -> str:
    return f"{amount} {word}" if amount == 1 else f"{amount} {word}s"


# -- shared ------------------------------------------------------------------------------------------------------------


def new_table(*columns: str, title: str | None = None) -> Table:
    """A table whose cells wrap instead of being cut."""
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, title=title, title_justify="left", title_style="bold", pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for index, column in enumerate(columns):
        words = index == 0 or column in ("action", "state", "side", "promise")
        table.add_column(column, justify="left" if words else "right", overflow="fold")
    return table


def one_line(text: str) -> Text:
    """A line of text that wraps instead of being cut."""
    return Text(text, overflow="fold")


def _halted(cause: str | None) -> RenderableType:
    return one_line(f"HALTED: {cause}") if cause else Group()


def _margin(margin: MarginFigures) -> Text:
    """The margin account in words; the runway is how far all prices may move together against the hedges."""
    if not margin.notional:
        return one_line(f"futures wallet {money(margin.equity)}, no short")
    short = margin.way is Way.SHORT
    lever = UNKNOWN if margin.effective_leverage is None else f"{margin.effective_leverage:.2f}"
    move, kind = ("rise", "short") if short else ("fall", "hedges")
    runway = "" if margin.joint_runway is None else f", liquidation after a {move} of {percent(margin.joint_runway)}"
    if margin.joint_runway is None and margin.effective_leverage is not None:
        runway = ", no rise liquidates while the coins stay collateral" if short else ", no fall liquidates"
    return one_line(f"futures wallet {money(margin.equity)}, {kind} {money(margin.notional)}, leverage {lever}{runway}")


def _because(rows: Iterable[tuple[str, tuple[Reason, ...], tuple[Refusal, ...]]]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for asset, reasons, refusals in rows:
        for index, text in enumerate([*(r.text for r in reasons), *(f"not: {r.text}" for r in refusals)]):
            table.add_row("" if index else asset, text)
    return table


# -- health and commands -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the bot is deciding. Ages and limits in ms."""

    alive: bool
    text: str
    limit: Millis
    age: Millis | None = None
    decided_at: Millis | None = None


def health(report: HealthReport, limit: Millis) -> Health:
    """Judge the last decision's age."""
    if report.heartbeat is None or report.age is None:
        return Health(alive=False, text="not running: no decision yet", limit=limit)
    alive = report.age <= limit
    text = f"{'alive' if alive else 'not running'}: last decision {span(report.age)} ago (limit {span(limit)})"
    return Health(alive, text, limit, report.age, report.heartbeat.decided_at)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a wish; `asset` None: about the account; `result` None: not answered yet."""

    kind: str
    asset: str | None
    result: str | None

    @property
    def text(self) -> str:
        """One line."""
        what = self.kind if self.asset is None else f"{self.kind} {self.asset}"
        return f"{what}: {self.result if self.result is not None else 'left in the journal'}"
