"""The table of events: stable names, their fields, what they mean. The documentation is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol


class Level(StrEnum):
    """How grave an event is; the names are structlog's."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of line. `required` fields are always there (None is "unknown"); `optional` may be.

    `says`: the console's sentence, a format string over the fields (`bot.telemetry.console`); None keeps the event out
    of the console: it is a step within an action, or a heartbeat.
    """

    name: str
    meaning: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    level: Level = Level.INFO
    says: str | None = None


FIELDS: Final[Mapping[str, str]] = {
    "action": "what is done: open, increase, reduce, close, hold",
    "against_holding": "what the account has more than if nothing had been done, settle coin",
    "amount": "money moved, in `currency`; positive when received",
    "asset": "the coin",
    "assets": "the configured coins",
    "basis": "what the perpetual's distance from spot has cost so far, settle coin; negative: it earned",
    "bp_a_year": "net cost in basis points of the hedged value a year",
    "cash_share": "(cash + unrealised profit) / NAV; 0.05 is 5%",
    "cause": "what began it: finalise_requested, finalise_age, finalise_carry, or a rung of the margin ladder",
    "change": "what was changed of a resting order: amend or cancel",
    "client_order_id": "our name for the order",
    "code": "the venue's own error code",
    "contracts": "the order's size in micro-contracts",
    "currency": "the coin in which an amount is",
    "day_fees": "fees of the last day, settle coin; null: one was charged in a coin whose price was not known",
    "day_funding": "funding of the last day, settle coin; positive when we paid",
    "drifts": "by coin: excess over target / NAV; 0.012 is +1.2pp",
    "effective_leverage": "Σ notional of the hedges / futures equity",
    "entry_price": "volume-weighted price of the contracts sold",
    "environment": "local, demo or live",
    "episode": "the hedge to which it belongs",
    "exit_price": "volume-weighted price of the contracts bought back",
    "failures": "attempts in a row that failed",
    "fee": "the fee charged, in `fee_currency`; negative is a rebate",
    "fee_currency": "the coin in which the fee was charged",
    "fees": "fees of the hedge so far, settle coin",
    "filled": "what the order has filled, coins",
    "fraction": "the part of every hedge that is bought back; 0.372 is 37.2%",
    "funding_paid": "funding of the hedge so far, settle coin; positive when we paid",
    "funding_rate": "the present funding rate; positive: longs pay shorts",
    "funding_rates": "by coin: the present funding rate",
    "goal": "the hedge to have, coins; negative: a long",
    "guards": "the guards that hold or refuse something on the coin; none: it may trade",
    "joint_runway": "how far all marks may rise together before liquidation; 0.6595 is +65.95%",
    "liquidation_distance": "how far the mark may rise before this position is liquidated",
    "liquidation_price": "the mark at which this position is liquidated, the other marks unchanged",
    "maker": "whether the fill was a maker's",
    "market": "which of the coin's markets: perp or spot",
    "margin": "initial margin that the position uses, settle coin",
    "message": "a sentence",
    "nav": "net asset value in the settle coin",
    "needed": "settle coin that the margin account lacks to reach the runway of a top-up",
    "net_cost": "what the hedge, in a daily summary all of them, cost against real sales at the mid, settle coin",
    "new_price": "the price of the order after the change",
    "next_funding_at": "when funding is settled next, ms",
    "opened_quantity": "all contracts ever sold by the hedge, coins",
    "order_id": "the venue's name for the order",
    "ours": "what the books have of it; unknown: nothing",
    "positions": "by coin: the hedge by the journal and by the venue; negative: a long",
    "price": "limit price of an order, or price of a fill",
    "proceeds": "what they brought before fees, settle coin",
    "quantity": "base quantity, coins",
    "realised_pnl": "realised profit by the venue's figure",
    "reason": "why: a stable code",
    "reduce_only": "whether the order can only reduce the position",
    "residuals": "how many rows differ",
    "resizes": "how often the hedge was resized",
    "rows": "how many rows agree to the last digit",
    "rung": "of the margin ladder: clear, warn, stop, cash_floor, reduce or full",
    "settled_at": "when the venue settled it, ms",
    "short": "the hedge, coins; negative: a long",
    "shorts": "by coin: the hedge, coins; negative: a long",
    "side": "buy or sell",
    "slice": "coins that are sold before as many are closed",
    "slippage": "what the fills' distance from the perpetual's mid has cost so far, settle coin",
    "sold": "coins that the hedge sold on spot, less those it bought",
    "state": "where the order stands",
    "stream": "which of what the venue pushes: prices of spot or perpetual, or an account",
    "symbol": "the venue's name of the perpetual",
    "text": "why, in words",
    "theirs": "what the venue tells of it; unknown: nothing",
    "time_in_force": "GTX (post-only), IOC or GTC",
    "to_sell": "coins to be sold on spot in all",
    "top_up": "settle coin that the spot wallet has free for it",
    "trade_id": "the venue's name of the fill",
    "unknown": "why a figure is not known",
    "venue": "the exchange",
    "where": "which lines of the program were at work, the innermost last",
    "withdrawn": "how many resting orders were cancelled",
}
"""What each field means. Money, prices, rates and quantities are strings."""

MARGIN: Final = ("margin", "effective_leverage", "liquidation_distance", "joint_runway", "funding_paid", "funding_rate")
_ACTION: Final = ("asset", "action", "reason", "short", "goal", *MARGIN, "episode")
_ORDER: Final = ("asset", "client_order_id", "side", "contracts", "quantity", "price", "reduce_only", "time_in_force",
                 "episode", "reason")
_LADDER: Final = ("rung", "joint_runway", "cash_share", "fraction", "needed", "top_up")
_ACCOUNT: Final = ("entry_price", "exit_price", "realised_pnl", "fees", "basis", "slippage", "net_cost",
                   "against_holding", "bp_a_year", "resizes")
_HEDGE: Final = ("liquidation_price", "opened_quantity", "contracts", "quantity", "price", "fee", "unknown")
_MORE: Final = ("market", "action", "short", "goal", *MARGIN, "liquidation_price", "filled", "state", "order_id",
                "message", "code", "fee")
_SIDE = "{asset}: {side} {quantity} at {price:price}"
_MARGIN = "leverage {effective_leverage:2}, runway {joint_runway:runway}"

_TABLE = (
    Event("daemon.started", "The bot is up.", ("venue", "environment", "assets"),
          says="on {venue} ({environment}) for {assets}"),
    Event("daemon.stopped", "The bot ends in good order; hedges stay.", ("withdrawn", "message"),
          says="{withdrawn} resting orders withdrawn; {message}"),
    Event("daemon.healthy", "All is well, and here is where it stands: at most one line per `log.healthy`, none while "
          "a guard holds or the books disagree.",
          ("nav", "drifts", "shorts", "effective_leverage", "joint_runway", "next_funding_at", "funding_rates"),
          says="NAV {nav:money}, drift {drifts:points}, short {shorts:size}, runway {joint_runway:runway}, next "
               "funding {next_funding_at:clock}"),
    Event("daemon.failed", "The bot ends because of an error; hedges stay.", ("message",), level=Level.ERROR,
          says="{message}"),
    Event("daemon.stalled", "The event loop does not turn: nothing is looked at, and nothing ordered.",
          ("message", "where"), level=Level.ERROR, says="{message}"),
    Event("daemon.turning", "It turns again.", ("message",), says="{message}"),
    Event("heartbeat.stale", "No decision was reached for too long.", ("message",), level=Level.ERROR,
          says="{message}"),
    Event("heartbeat.back", "Decisions are reached again.", ("message",), says="{message}"),
    Event("process.paused", "The whole process stood still: a suspended machine, a stopped container.", ("message",),
          level=Level.WARNING, says="{message}"),
    Event("daily.summed", "Where the account stands, and what the last day cost; sent as an alert.",
          ("nav", "drifts", "shorts", "joint_runway", "day_fees", "day_funding", "net_cost",
           "against_holding"),
          says="NAV {nav:money}, drift {drifts:points}, hedged {shorts:size}, runway {joint_runway:runway}; the last "
               "day: {day_funding:funding}, fees {day_fees:money}; all hedges so far: net cost {net_cost:money}, "
               "against holding {against_holding:money}"),
    Event("alert.failed", "A message to you could not be delivered. Trading goes on; it is tried again.",
          ("message",), level=Level.WARNING, says="{message}"),
    Event("alert.back", "Messages are delivered again.", ("failures",), says="after {failures} failed attempts"),
    Event("config.warned", "The configuration is allowed, but look at it.", ("message",), level=Level.WARNING,
          says="{message}"),
    Event("venue.prepared", "A setting of the account was changed.", ("message",), says="{message}"),
    Event("venue.unavailable", "The venue does not answer; the bot tries again.", ("message",), level=Level.WARNING,
          says="{message}"),
    Event("venue.back", "The venue answers again.", ("failures",), says="after {failures} failed attempts"),
    Event("account.warned", "The account, its key, or a market is not as it must be; said once, and again when it "
          "changes.", ("reason", "message"), ("asset",), level=Level.WARNING, says="{message}"),
    Event("account.mended", "What was warned of is in order again.", ("reason", "message"), ("asset",),
          says="{message}"),
    Event("account.inspected", "At the first look account, key and markets were as they must be.", ("message",)),
    Event("instrument.changed", "The venue changed a coin's specification; the bot goes on by the new one.",
          ("asset", "symbol", "message"), level=Level.WARNING, says="{asset}: {message}"),
    Event("stream.lost", "What the venue pushed there comes no more; polls go on, and the bot reconnects by itself.",
          ("stream", "message"), level=Level.WARNING, says="{stream}: {message}; polling"),
    Event("stream.back", "It comes again.", ("stream",), says="{stream}"),
    Event("decision.made", "A new goal for one coin's hedge.", (*_ACTION, "text"), ("liquidation_price",),
          says="{asset}: {action}, {short:hedge} → {goal:size}: {text}"),
    Event("decision.held", "A guard holds what the rule would do.", (*_ACTION, "text"), ("liquidation_price",),
          level=Level.WARNING, says="{asset}: {text}"),
    Event("guards.changed", "Which guards hold or refuse something on a coin; said at the start, and at each change.",
          ("asset", "guards", "message")),
    Event("order.intended", "An order is in the journal, its request has not left.", _ORDER, _MORE),
    Event("order.sent", "The venue has the order.", (*_ORDER, "state"), _MORE,
          says=f"{_SIDE} ({{time_in_force}}), {{contracts}} contracts"),
    Event("order.changed", "A resting order was amended or cancelled.", (*_ORDER, "change", "state"),
          (*_MORE, "new_price")),
    Event("order.waiting", "Patience has ended, `on_timeout: wait`: the order rests on.", _ORDER, _MORE,
          says=f"{_SIDE}: not filled within patience, waiting on"),
    Event("order.uncertain", "A request left and its outcome is unknown: the symbol is frozen until looked up.",
          (*_ORDER, "message"), _MORE, level=Level.WARNING,
          says=f"{_SIDE}: outcome unknown, looking it up: {{message}}"),
    Event("order.resolved", "A look-up told what became of an order.", (*_ORDER, "state"), _MORE,
          says=f"{_SIDE} turned out {{state}}"),
    Event("order.quarantined", "The outcome of an order has long been unknown, a human is needed; the message says "
          "what to do.", (*_ORDER, "state", "message"), _MORE, level=Level.ERROR, says="{asset}: {message}"),
    Event("order.stuck", "An order was cancelled again and again, and is still open.", (*_ORDER, "message"), _MORE,
          level=Level.ERROR, says=f"{_SIDE}: {{message}}"),
    Event("order.gone", "An order that was cancelled again and again is open no more.", (*_ORDER, "state", "message"),
          _MORE, says=f"{_SIDE}: {{message}}"),
    Event("venue.full", "The venue takes no more open orders from this account: nothing is opened for a while.",
          ("asset", "message"), ("code",), level=Level.ERROR, says="{message}"),
    Event("order.refused", "An order does not exist at the venue: it said no, or the request never left.",
          (*_ORDER, "message"), _MORE, level=Level.WARNING, says=f"{_SIDE}: {{message}}"),
    Event("switch.set", "The venue withdraws every order on the symbol, should the bot fall silent.",
          ("symbol", "message")),
    Event("switch.failed", "It could not be set: orders that rest would stay, should the bot fall silent.",
          ("symbol", "message"), level=Level.WARNING, says="{message}"),
    Event("switch.idle", "It could not be set, and nothing rests on the symbol any more: it is not needed.",
          ("symbol", "message")),
    Event("order.filled", "One execution, booked.",
          (*_ORDER, "fee", "fee_currency", "maker", "realised_pnl", "trade_id"), _MORE,
          says=f"{_SIDE}, fee {{fee}} {{fee_currency}}"),
    Event("hedge.opened", "The venue's position confirms a new hedge.", (*_ACTION, *_ACCOUNT),
          _HEDGE,
          says=f"{{asset}}: {{short:hedge}} from {{entry_price:price}}, {_MARGIN}, fees {{fees:money}}"),
    Event("hedge.resized", "The venue's position confirms the hedge's new size.", (*_ACTION, *_ACCOUNT),
          _HEDGE,
          says=f"{{asset}}: {{short:hedge}}, {_MARGIN}, {{funding_paid:funding}}, fees {{fees:money}}"),
    Event("hedge.closed", "The venue's position confirms that nothing is left of the hedge.", (*_ACTION, *_ACCOUNT),
          _HEDGE,
          says="{asset}: from {entry_price:price} to {exit_price:price}, realised {realised_pnl:money}, "
               "{funding_paid:funding}, fees {fees:money}, "
               "net cost {net_cost:money}, against holding {against_holding:money}"),
    Event("hedge.finalising", "A hedge begins to be ended with its coins: sold on spot, and closed, slice by slice.",
          (*_ACTION, "cause", "to_sell", "slice", "text"), ("liquidation_price",),
          says="{asset}: {to_sell} to be sold in slices of {slice}: {text}"),
    Event("hedge.finalised", "Its coins are sold, and the venue's position confirms that nothing is left of the hedge.",
          (*_ACTION, *_ACCOUNT, "sold", "proceeds"),
          _HEDGE,
          says="{asset}: {sold} sold for {proceeds:money}, from {entry_price:price} to {exit_price:price}, realised "
               "{realised_pnl:money}, {funding_paid:funding}, fees {fees:money}, "
               "net cost {net_cost:money}, against holding {against_holding:money}"),
    Event("hedge.forced", "The venue closed a hedge by force: liquidation or auto-deleveraging. The coin is disarmed.",
          ("asset", "reason", "quantity", "price", "message"), level=Level.ERROR,
          says="{asset}: {reason} of {quantity} at {price:price}; {message}"),
    Event("position.adopted", "A trade that was not ours is in the books now.",
          ("asset", "quantity", "price", "message"), says="{asset}: {quantity} at {price:price}, {message}"),
    Event("funding.awaited", "A settlement has passed that the venue does not tell of yet: what it came to is unknown.",
          ("settled_at", "message"), level=Level.WARNING, says="{message}"),
    Event("history.gap", "After a long stop the venue no longer remembers what the books lack: marked in the journal.",
          ("reason", "message"), ("symbol",), level=Level.ERROR, says="{message}"),
    Event("funding.booked", "A funding settlement is in the books.", ("symbol", "amount", "currency", "settled_at"),
          ("asset", "episode", "funding_paid", "funding_rate")),
    Event("ledger.reconciled", "Books and the venue's own income were compared: daily, and when a hedge has ended.",
          ("rows", "residuals", "message")),
    Event("ledger.residual", "A row on which the books and the venue's own income differ; said once.",
          ("reason", "symbol", "currency", "settled_at", "ours", "theirs", "message"), level=Level.WARNING,
          says="{message}"),
    Event("margin.warned", "A worse rung of the margin ladder was reached, or a top-up was not made.",
          ("message", *_LADDER), ("asset", "reason", *MARGIN), level=Level.WARNING, says="{message}"),
    Event("margin.eased", "The account has been off the margin ladder for an hour.", ("message", *_LADDER),
          says="{message}"),
    Event("margin.topped_up", "Settle coin was moved from the spot wallet to the margin account.",
          ("amount", "currency", "message", *_LADDER), says="{amount:money} {currency}: {message}"),
    Event("reconcile.ok", "Journal and venue agree.", ("positions",)),
    Event("reconcile.mismatch", "Journal and venue disagree.", ("positions",), ("message",), level=Level.WARNING,
          says="{positions}"),
    Event("safety.stopped", "No trading until a human has looked.", ("message",), ("asset", "code"), level=Level.ERROR,
          says="{message}"),
)

EVENTS: Final[Mapping[str, Event]] = {event.name: event for event in _TABLE}


class UnknownEvent(ValueError):
    """An event that is not in the table, or lacks a field that it must have."""


def check(event: str, fields: Mapping[str, object]) -> Event:
    """The event of this name. Raises UnknownEvent when there is none, or a field is missing or not in the table."""
    known = EVENTS.get(event)
    if known is None:
        raise UnknownEvent(f"{event!r} is no event; there are {', '.join(EVENTS)}")
    if missing := [name for name in known.required if name not in fields]:
        raise UnknownEvent(f"{event} lacks {', '.join(missing)}")
    if strange := [name for name in fields if name not in FIELDS]:
        raise UnknownEvent(f"{event} has {', '.join(strange)}, which no field is called")
    return known


class Emit(Protocol):
    """Where events go."""

    def __call__(self, event: str, **fields: object) -> None:
        """Say one event by its stable name."""


def emit(event: str, **fields: object) -> None:
    """Say one event. A name or field that the table lacks is said all the same: a running bot does not stop for it."""
    import structlog  # noqa: PLC0415 - who says nothing (a replay) need not load it

    known = EVENTS.get(event)
    structlog.get_logger("hedgerow").log(_NUMBERS[known.level if known else Level.WARNING], event, **fields)


def emit_strictly(event: str, **fields: object) -> None:
    """Say one event. Raises UnknownEvent for what the table lacks (tests, and `strict` logs)."""
    check(event, fields)
    emit(event, **fields)


_NUMBERS: Final = {Level.INFO: 20, Level.WARNING: 30, Level.ERROR: 40}
