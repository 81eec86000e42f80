"""What a human is told of: from events to alerts, as one table. Nothing else in the bot knows that there are alerts.

Each rule reads one event: it raises an alert at once, or where it has lasted for a while, or at the third time; or it
says that something is mended. docs/operations.md leads from each kind to its fix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from bot.core.times import MINUTE, Millis, iso
from bot.ports import Urgency

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alert. `title` heads the message, and the section of docs/operations.md that leads to its fix."""

    name: str
    title: str
    urgency: Urgency
    meaning: str

    @property
    def fix(self) -> str:
        """Where its fix is written down."""
        anchor = self.title.lower().replace("'", "").replace(" ", "-")
        return f"docs/operations.md#{anchor}"


_KINDS = (
    Kind("safety_stop", "Safety stop", Urgency.URGENT, "the bot has stopped, and starts again only on your word"),
    Kind("bot_ended", "Bot ended", Urgency.URGENT, "the bot has ended with an error; hedges stay as they are"),
    Kind("stale_heartbeat", "Stale heartbeat", Urgency.URGENT, "no decision was reached for too long"),
    Kind("stalled", "Stalled", Urgency.URGENT, "the process runs, and gets nothing done"),
    Kind("liquidation", "Liquidation", Urgency.URGENT,
         "the venue closed a hedge by force: liquidation or auto-deleveraging"),
    Kind("margin_rung", "Margin rung", Urgency.WARNING, "the joint runway is below a rung of the margin ladder"),
    Kind("reconcile_mismatch", "Reconcile mismatch", Urgency.URGENT,
         "the venue's position is not what the journal's fills add up to"),
    Kind("quarantine", "Quarantine", Urgency.WARNING,
         "a position or an order on one of our symbols is not ours: nothing is opened there"),
    Kind("held_for_accept", "Held for accept", Urgency.WARNING,
         "coins or cash came or went: every order is held until you accept it, or it reverses"),
    Kind("account_pause", "Account pause", Urgency.WARNING,
         "the account, its key or a market is not as it must be"),
    Kind("instrument_changed", "Instrument changed", Urgency.NOTE, "the venue changed a contract's specification"),
    Kind("market_data", "Market data", Urgency.WARNING, "prices have not been believable for a while"),
    Kind("order_uncertain", "Order uncertain", Urgency.URGENT,
         "the outcome of an order has been unknown for a while: the symbol is frozen"),
    Kind("cancel_failing", "Cancel failing", Urgency.URGENT, "an order does not let itself be cancelled"),
    Kind("too_many_orders", "Too many orders", Urgency.URGENT,
         "the venue takes no more open orders from this account"),
    Kind("order_refused", "Order refused", Urgency.WARNING, "the venue refuses our orders again and again"),
    Kind("books_incomplete", "Books incomplete", Urgency.WARNING,
         "the venue does not tell of a funding settlement yet"),
    Kind("ledger_residual", "Ledger residual", Urgency.WARNING,
         "the books and the venue's own account of the wallet differ"),
    Kind("history_gap", "History gap", Urgency.WARNING,
         "the venue no longer remembers what happened while the bot was away: the books lack it for good"),
    Kind("venue_away", "Venue away", Urgency.URGENT, "the venue has not answered for a while"),
    Kind("stream_lost", "Stream lost", Urgency.NOTE, "what the venue pushes has not come for a while; polls go on"),
    Kind("dead_mans_switch", "Dead man's switch", Urgency.WARNING,
         "the venue does not take over the withdrawing of orders, should the bot fall silent"),
    Kind("topped_up", "Topped up", Urgency.NOTE, "settle coin was moved to the margin account"),
    Kind("daily_summary", "Daily summary", Urgency.NOTE, "where the account stands, once a day"),
)
KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in _KINDS}


class Sign(Enum):
    """What an event says of a kind."""

    RAISE = auto()   # tell at once
    WAIT = auto()    # tell where nothing mends it for so long
    COUNT = auto()   # tell at the third time in a row
    MEND = auto()    # it is over


@dataclass(frozen=True, slots=True)
class Reading:
    """What one event says. `subject`: of what; two subjects of a kind are told apart. '*' with MEND: of them all."""

    sign: Sign
    kind: str
    subject: str
    after: Millis = 0
    urgency: Urgency | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. `subject`: the fields that tell what it is about. `when`: which of these events count."""

    event: str
    sign: Sign
    kind: str
    subject: tuple[str, ...] = ()
    after: Millis = 0
    when: Callable[[Fields], bool] = lambda _: True
    urgency: Callable[[Fields], Urgency | None] = lambda _: None
    all: bool = False


def _cancels(fields: Fields) -> bool:
    return str(fields.get("change", fields.get("message", ""))).startswith("cancel")


def _lives_on(fields: Fields) -> bool:
    return _cancels(fields) and fields.get("state") in ("open", "partial")


def _rung(fields: Fields) -> Urgency | None:
    return Urgency.URGENT if fields.get("rung") in ("cash_floor", "reduce", "full") else None


GUARDED: Final[Mapping[str, tuple[Millis, frozenset[str]]]] = {
    "quarantine": (MINUTE, frozenset({
        "position_mismatch", "unknown_order", "long_position", "unlisted_position"})),
    "held_for_accept": (0, frozenset({"holdings_changed", "cash_changed"})),
    "market_data": (10 * MINUTE, frozenset({
        "price_unknown", "price_crossed", "price_stale", "divergence", "jump", "stablecoin_unknown",
        "stablecoin_deviation"})),
    "account_pause": (0, frozenset({"not_tradable"})),
}
"""Kinds that guards of the decision stand for: after how long, and which."""

RULES: Final = (
    Rule("safety.stopped", Sign.RAISE, "safety_stop"),
    Rule("daemon.failed", Sign.RAISE, "bot_ended"),
    Rule("heartbeat.stale", Sign.RAISE, "stale_heartbeat"),
    Rule("heartbeat.back", Sign.MEND, "stale_heartbeat"),
    Rule("daemon.stalled", Sign.RAISE, "stalled"),
    Rule("daemon.turning", Sign.MEND, "stalled"),
    Rule("hedge.forced", Sign.RAISE, "liquidation", ("asset",)),
    Rule("margin.warned", Sign.RAISE, "margin_rung", ("rung", "reason"), urgency=_rung),
    Rule("margin.eased", Sign.MEND, "margin_rung", all=True),
    Rule("margin.topped_up", Sign.RAISE, "topped_up"),
    Rule("reconcile.mismatch", Sign.WAIT, "reconcile_mismatch", after=MINUTE),
    Rule("reconcile.ok", Sign.MEND, "reconcile_mismatch"),
    Rule("ledger.residual", Sign.RAISE, "ledger_residual", ("symbol",)),
    Rule("account.warned", Sign.RAISE, "account_pause", ("reason", "asset")),
    Rule("account.mended", Sign.MEND, "account_pause", ("reason", "asset")),
    Rule("account.inspected", Sign.MEND, "account_pause", all=True),
    Rule("instrument.changed", Sign.RAISE, "instrument_changed", ("asset",)),
    Rule("order.uncertain", Sign.WAIT, "order_uncertain", ("client_order_id",), after=5 * MINUTE),
    Rule("order.quarantined", Sign.RAISE, "order_uncertain", ("client_order_id",)),
    Rule("order.resolved", Sign.MEND, "order_uncertain", ("client_order_id",)),
    Rule("order.stuck", Sign.RAISE, "cancel_failing", ("client_order_id",)),
    Rule("order.resolved", Sign.MEND, "cancel_failing", ("client_order_id",),
         when=lambda fields: fields.get("state") not in ("open", "partial")),
    Rule("order.changed", Sign.COUNT, "cancel_failing", ("client_order_id",), when=_lives_on),
    Rule("order.gone", Sign.MEND, "cancel_failing", ("client_order_id",)),
    Rule("order.refused", Sign.COUNT, "cancel_failing", ("client_order_id",), when=_cancels),
    Rule("order.refused", Sign.COUNT, "order_refused", ("asset",), when=lambda fields: not _cancels(fields)),
    Rule("order.sent", Sign.MEND, "order_refused", ("asset",)),
    Rule("venue.full", Sign.RAISE, "too_many_orders", ("asset",)),
    Rule("order.sent", Sign.MEND, "too_many_orders", ("asset",)),
    Rule("venue.unavailable", Sign.WAIT, "venue_away", after=10 * MINUTE),
    Rule("venue.back", Sign.MEND, "venue_away"),
    Rule("stream.lost", Sign.WAIT, "stream_lost", ("stream",), after=10 * MINUTE),
    Rule("stream.back", Sign.MEND, "stream_lost", ("stream",)),
    Rule("switch.failed", Sign.WAIT, "dead_mans_switch", ("symbol",), after=2 * MINUTE),
    Rule("switch.set", Sign.MEND, "dead_mans_switch", ("symbol",)),
    Rule("switch.idle", Sign.MEND, "dead_mans_switch", ("symbol",)),
    Rule("funding.awaited", Sign.RAISE, "books_incomplete", ("settled_at",)),
    Rule("funding.booked", Sign.MEND, "books_incomplete", ("settled_at",)),
    Rule("history.gap", Sign.RAISE, "history_gap", ("reason", "symbol")),
    *(Rule("daemon.healthy", Sign.MEND, kind)
      for kind in ("safety_stop", "bot_ended", "stale_heartbeat", "venue_away")),
    Rule("daily.summed", Sign.RAISE, "daily_summary"),
)

NOT_ALERTED: Final[Mapping[str, str]] = {
    "config.warned": "said at the start, where somebody looks",
    "decision.held": "guards.changed tells which guards hold, and when they let go",
    "order.refused": "at the third time in a row",
    "process.paused": "it is over when it is seen; what it led to is told by itself",
    "alert.failed": "an alert that alerts do not leave would not leave",
}
"""Grave events that are no alert by themselves, and why."""

_BY_EVENT: Final[Mapping[str, tuple[Rule, ...]]] = {
    name: tuple(rule for rule in RULES if rule.event == name) for name in dict.fromkeys(rule.event for rule in RULES)
}


def read(event: str, fields: Fields) -> Iterator[Reading]:
    """What an event says of kinds of alerts; nothing, mostly."""
    for rule in _BY_EVENT.get(event, ()):
        if rule.when(fields):
            subject = "*" if rule.all else " ".join(
                _written(fields[name]) for name in rule.subject if fields.get(name) is not None)
            yield Reading(rule.sign, rule.kind, subject, rule.after, rule.urgency(fields))
    if event == "guards.changed":
        yield from _guards(fields)


def _written(value: object) -> str:
    """What tells subjects apart. An instant to the minute: venues book a settlement some milliseconds after it."""
    return iso(value)[:16].replace("T", " ") if isinstance(value, int) else str(value)


def _guards(fields: Fields) -> Iterator[Reading]:
    """The guards of a coin as they are now: what is not among them any more is over."""
    found, asset = fields.get("guards"), str(fields.get("asset"))
    present = frozenset(str(one) for one in found) if isinstance(found, (list, tuple)) else frozenset()
    for kind, (after, guards) in GUARDED.items():
        for guard in sorted(guards):
            subject = f"{asset} {guard}"
            yield Reading(Sign.WAIT if guard in present else Sign.MEND, kind, subject, after)
