"""What is said of each action: one event with its order, its margin and what the hedge has cost so far."""

from __future__ import annotations

from bot.core.decision import AssetDecision, Decision
from bot.core.episode import Episode
from bot.core.market import Asset, Snapshot
from bot.core.orders import OrderRecord
from bot.core.policy import Terms


def facts(decided: AssetDecision, decision: Decision, snapshot: Snapshot, terms: Terms,
          episode: Episode | None) -> dict[str, object]:
    """The fields that every action of one asset carries (DESIGN "Log lines"). Unknown is None."""
    asset = decided.asset
    position = snapshot.position(terms.instruments[asset].symbol)
    quote = snapshot.quotes.get(asset)
    mark = quote.mark if quote else None
    liquidation = decision.margin.liquidation_prices.get(asset)
    return {
        "asset": asset,
        "action": str(decided.action),
        "reason": decided.reasons[0].code,
        "short": decided.short,
        "goal": decided.goal,
        "margin": position.initial_margin if position else None,
        "effective_leverage": decision.margin.effective_leverage,
        "liquidation_price": liquidation,
        "liquidation_distance": liquidation / mark - 1 if liquidation is not None and mark else None,
        "joint_runway": decision.margin.joint_runway,
        "funding_paid": episode.funding_paid if episode else None,
        "funding_rate": quote.funding_rate if quote else None,
        "episode": episode.id if episode else None,
    }


def order_facts(record: OrderRecord, terms: Terms) -> dict[str, object]:
    """The fields that say which order an event is about."""
    intent = record.intent
    contract = terms.policy.asset(intent.asset).contract_for(terms.instruments[intent.asset])
    return {
        "asset": intent.asset,
        "client_order_id": intent.client_order_id,
        "side": str(intent.side),
        "contracts": intent.quantity / contract,
        "quantity": intent.quantity,
        "price": record.price if record.price is not None else intent.price,
        "filled": record.filled,
        "reduce_only": intent.reduce_only,
        "time_in_force": str(intent.time_in_force),
        "episode": intent.episode,
        "reason": intent.reason,
    }


def account(episode: Episode) -> dict[str, object]:
    """A hedge's account: positive fees and funding were paid by us."""
    return {
        "asset": episode.asset,
        "episode": episode.id,
        "short": episode.short,
        "opened_quantity": episode.entry_quantity,
        "entry_price": episode.entry_price,
        "exit_price": episode.exit_price,
        "realised_pnl": episode.realised,
        "funding_paid": episode.funding_paid,
        "fees": episode.fees,
        "net": episode.net,
        "resizes": episode.resizes,
    }


def changed_holds(before: Decision | None, after: Decision) -> tuple[Asset, ...]:
    """Assets whose refusals are not the ones of the decision before: what is worth a line."""
    if before is None:
        return tuple(d.asset for d in after.assets if d.refusals)
    known = {d.asset: {r.guard for r in d.refusals} for d in before.assets}
    return tuple(d.asset for d in after.assets if {r.guard for r in d.refusals} - known.get(d.asset, set()))
