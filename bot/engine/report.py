"""What is said of each action: one event with its order, its margin and what the hedge has cost so far."""

from __future__ import annotations

import asyncio

from bot.core.decision import AssetDecision, Decision, Finalising, MarginFigures
from bot.core.episode import Episode
from bot.core.margin import figures
from bot.core.market import Asset, Snapshot, spot_coin
from bot.core.orders import Fill, FundingPayment, OrderRecord
from bot.core.policy import Terms
from bot.engine.book import Book
from bot.telemetry.events import Emit


def unheard(event: str, **fields: object) -> None:
    """An `Emit` without a listener: what would be said to it is not even made."""


class Reporter:
    """Says events with all that DESIGN "Log lines" asks of an action. Unknown is None, never 0.

    No order waits for a log line: what is said between `hold` and the order's request is written once that has left.
    """

    def __init__(self, book: Book, terms: Terms, emit: Emit) -> None:
        self._book = book
        self._terms = terms
        self._write = emit
        self.unheard = emit is unheard
        self._holding = False
        self._held: list[tuple[str, dict[str, object]]] = []
        self._figured: tuple[Snapshot, Terms, MarginFigures] | None = None

    def take_terms(self, terms: Terms) -> None:
        """Go on by these."""
        self._terms = terms

    def hold(self) -> None:
        """Keep what is said from here on, in its order."""
        self._holding = True

    def release(self) -> None:
        """Write what was kept, and from here on at once."""
        self._holding = False
        held, self._held = self._held, []
        for event, fields in held:
            self._write(event, **fields)

    def release_soon(self) -> None:
        """The same, once the request that is about to be made has left, or when something comes of it."""
        self._holding = False
        if self._held:
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self.release)  # a request with a body leaves a turn of the loop later

    def _emit(self, event: str, /, **fields: object) -> None:
        if self.unheard:
            return
        if self._holding:
            self._held.append((event, fields))
            return
        self.release()
        self._write(event, **fields)

    def order(self, event: str, record: OrderRecord, snapshot: Snapshot, **more: object) -> None:
        """Something happened to an order of ours."""
        if self.unheard:
            return
        self._emit(event, **self._margin(record.intent.asset, snapshot) | self._order(record) | more)

    def filled(self, fill: Fill, record: OrderRecord, snapshot: Snapshot) -> None:
        """An execution of an order of ours was booked."""
        self.order("order.filled", record, snapshot, price=fill.price, quantity=fill.quantity, fee=fill.fee,
                   fee_currency=fill.fee_currency, maker=fill.maker, realised_pnl=fill.realised, trade_id=fill.trade_id)

    def decision(self, event: str, decided: AssetDecision, snapshot: Snapshot, text: str) -> None:
        """Something was decided on a coin."""
        if self.unheard:
            return
        self._emit(event, **self._decided(decided, snapshot), text=text)

    def hedge(self, event: str, decided: AssetDecision, snapshot: Snapshot, episode: Episode) -> None:
        """A hedge reached a goal: its account so far, by the ledger. Positive fees and funding were paid by us."""
        if self.unheard:
            return
        costs = self._book.costs(episode, snapshot)
        account = {
            "episode": episode.id, "short": episode.short, "quantity": episode.short,
            "contracts": abs(episode.short) / decided.contract, "fee": costs.fees,
            "opened_quantity": episode.entry_quantity, "entry_price": episode.entry_price,
            "exit_price": episode.exit_price, "realised_pnl": costs.realised, "funding_paid": costs.funding_paid,
            "fees": costs.fees, "basis": costs.basis, "slippage": costs.slippage, "net_cost": costs.net_cost,
            "against_holding": costs.against_holding, "bp_a_year": costs.bp_a_year, "resizes": episode.resizes,
        }
        if costs.unknown:
            account["unknown"] = "; ".join(dict.fromkeys(costs.unknown.values()))
        if event == "hedge.finalised":
            account |= {"sold": episode.sold, "proceeds": episode.proceeds}
        self._emit(event, **self._decided(decided, snapshot) | account)

    def sale(self, decided: AssetDecision, snapshot: Snapshot, sale: Finalising) -> None:
        """A hedge begins to be ended with its coins."""
        if self.unheard:
            return
        self._emit("hedge.finalising", **self._decided(decided, snapshot), cause=sale.cause, to_sell=sale.to_sell,
                   slice=sale.slice, text="; ".join(reason.text for reason in decided.reasons))

    def funding(self, payment: FundingPayment, episode: Episode | None) -> None:
        """A settlement was booked."""
        self._emit(
            "funding.booked", symbol=payment.symbol, amount=payment.amount, currency=payment.currency,
            settled_at=payment.at, episode=episode.id if episode else None,
            funding_paid=episode.funding_paid if episode else None,
        )

    def say(self, event: str, **fields: object) -> None:
        """Anything else."""
        self._emit(event, **fields)

    def _decided(self, decided: AssetDecision, snapshot: Snapshot) -> dict[str, object]:
        return {
            "asset": decided.asset, "action": str(decided.action), "reason": decided.reasons[0].code,
            "short": decided.short, "goal": decided.goal, **self._margin(decided.asset, snapshot),
        }

    def _margin(self, asset: Asset, snapshot: Snapshot) -> dict[str, object]:
        position = snapshot.position(self._terms.instruments[asset].symbol)
        quote = snapshot.quotes.get(asset)
        mark = quote.mark if quote else None
        margin = self._figures(snapshot)
        liquidation = margin.liquidation_prices.get(asset)
        episode = self._book.last_episode(asset)
        return {
            "margin": position.initial_margin if position else None,
            "effective_leverage": margin.effective_leverage,
            "liquidation_price": liquidation,
            "liquidation_distance": liquidation / mark - 1 if liquidation is not None and mark else None,
            "joint_runway": margin.joint_runway,
            "funding_paid": episode.funding_paid if episode else None,
            "funding_rate": quote.funding_rate if quote else None,
            "episode": episode.id if episode else None,
        }

    def _figures(self, snapshot: Snapshot) -> MarginFigures:
        """The margin account in one line: one look at the venue often makes several lines of the log."""
        known, terms = self._figured, self._terms
        if known is None or known[0] is not snapshot or known[1] is not terms:
            known = self._figured = snapshot, terms, figures(snapshot, terms.instruments, terms.longs)
        return known[2]

    def _order(self, record: OrderRecord) -> dict[str, object]:
        intent = record.intent
        contract = self._terms.policy.asset(intent.asset).contract_for(self._terms.instruments[intent.asset])
        return {
            "asset": intent.asset, "client_order_id": intent.client_order_id, "side": str(intent.side),
            "market": "perp" if spot_coin(intent.symbol) is None else "spot",
            "contracts": intent.quantity / contract, "quantity": intent.quantity,
            "price": record.price if record.price is not None else intent.price, "filled": record.filled,
            "reduce_only": intent.reduce_only, "time_in_force": str(intent.time_in_force), "episode": intent.episode,
            "reason": intent.reason, "goal": intent.goal,
        }


class Guards:
    """Says which guards hold or refuse something on each coin: at the start, and at each change."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._told: dict[Asset, frozenset[str]] = {}

    def tell(self, decision: Decision) -> None:
        """A decision was reached."""
        for decided in decision.assets:
            found = {refusal.guard: refusal.text for refusal in decided.refusals}
            if self._told.get(decided.asset) != frozenset(found):
                self._told[decided.asset] = frozenset(found)
                self._report.say("guards.changed", asset=decided.asset, guards=sorted(found),
                                 message="; ".join(found.values()) or "nothing holds it")


def changed_holds(before: Decision | None, after: Decision) -> tuple[Asset, ...]:
    """Assets whose refusals are not the ones of the decision before: what is worth a line."""
    if before is None:
        return tuple(d.asset for d in after.assets if d.refusals)
    known = {d.asset: {r.guard for r in d.refusals} for d in before.assets}
    return tuple(d.asset for d in after.assets if {r.guard for r in d.refusals} - known.get(d.asset, set()))
