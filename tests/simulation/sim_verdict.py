"""Whether a run kept its promises: safety always, and liveness where the trouble stopped in time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from invariants import Account, VenueFill, broken_promises
from sim_run import Outcome
from sim_user import WORDS

from bot.core.decision import AssetState
from bot.core.market import Asset
from bot.core.orders import PREFIX, OrderState
from bot.core.states import Mode
from bot.core.times import MINUTE, Millis
from bot.journal.check import check
from bot.journal.reader import read_decisions
from bot.journal.views import RecordedDecision

TIME_TO_WORK: Millis = 10 * MINUTE
"""A goal that is younger than this need not be reached yet; nor one that slices of coins lead to, while they come."""
TIME_TO_ANSWER: Millis = 30 * MINUTE
"""What holds for less than this, the user may not have seen yet, or the bot not have heard."""
SECRET = "local-secret"
WHOLLY_CHECKED = 8
"""Of so many runs one has its whole journal checked, every decision decided again; the others their last ones."""
LAST_DECISIONS = 2
STUCK = frozenset({*WORDS, "not_active", "engine_halted", "account_fault", "asset_fault", "unresolved_order",
                   "not_tradable"})
"""Guards that the quiet, or the user's word in it, must have released."""


def is_whole(seed: int) -> bool:
    """Whether every decision of the run is decided again; of either venue as many."""
    return seed // 2 % WHOLLY_CHECKED == 0


def verdict(outcome: Outcome) -> list[str]:
    """What did not hold, in words; empty for a run that is as it should be."""
    exchange, name = outcome.testnet.exchange, outcome.testnet.dialect.execution_id
    account = Account(
        [order.client_order_id for order in exchange.orders.values()],
        [VenueFill(fill.symbol, name(fill.trade_id), fill.client_order_id, str(fill.side), fill.quantity, fill.at)
         for fill in exchange.fills],
    )
    found = broken_promises(outcome.journal, account, settled=outcome.plan.live, secrets=[SECRET])
    decisions = None if is_whole(outcome.plan.seed) else LAST_DECISIONS
    for looked in check(outcome.journal, decisions=decisions).checks:
        found += [f"the journal's {looked.name}: {problem}" for problem in looked.problems]
    if not outcome.enough:
        found.append(f"it is no whole run: {outcome.ticks} ticks, {'a' if outcome.hedged else 'no'} hedge was opened")
    if outcome.plan.live:
        found += _not_alive(outcome)
    return found


def _not_alive(outcome: Outcome) -> Iterator[str]:
    """The faults have stopped: every hedge is where it should be, or an order for it rests; nothing waits for a word
    that the user could have given, and nothing is frozen, halted or disarmed.
    """
    if outcome.stopped is not None:
        yield f"it gave up: {outcome.stopped}"
        return
    yield from (f"{name} is still {state}" for name, state in _unresolved(outcome.journal))
    recent = sorted(read_decisions(outcome.journal, since=_recent(outcome.journal)), key=lambda recorded: recorded.seq)
    if not recent:
        yield "nothing was ever decided"
        return
    last = recent[-1]
    state = last.decision.state
    if state.state.mode is not Mode.ACTIVE:
        yield f"it is still {state.state.text}"
    exchange = outcome.testnet.exchange
    resting = {order.asset for order in (*exchange.open_orders("perp"), *exchange.open_orders("spot"))}
    for decided in last.decision.assets:
        yield from (f"{decided.asset} still waits: {refusal.text}" for refusal in decided.refusals
                    if refusal.guard in STUCK and not decided.held and _stands(recent, decided.asset, refusal.guard))
        if decided.held:
            if not decided.refusals or any(_stands(recent, decided.asset, one.guard) for one in decided.refusals):
                yield f"{decided.asset} is held: {'; '.join(refusal.text for refusal in decided.refusals)}"
            continue
        young = exchange.now - _last_step(outcome, last.decision.state.of(decided.asset), decided.asset) < TIME_TO_WORK
        if decided.goal != decided.short and decided.asset not in resting and not young:
            yield f"{decided.asset} is short {decided.short}, should be {decided.goal}, and no order works on it"


def _last_step(outcome: Outcome, state: AssetState, asset: Asset) -> Millis:
    """When the goal was set; while coins are bought or sold with it, the last execution: slices come one by one."""
    steps = [state.goal_at or 0]
    if state.finalising is not None:
        steps += (fill.at for fill in outcome.testnet.exchange.fills
                  if fill.symbol.startswith(asset) and fill.client_order_id.startswith(PREFIX))
    return max(steps)


def _recent(journal: Path) -> Millis:
    """Since when decisions count as the last ones."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        last: Millis | None = connection.execute("SELECT max(at) FROM decisions").fetchone()[0]
    return (last or 0) - TIME_TO_ANSWER


def _stands(recent: Sequence[RecordedDecision], asset: Asset, guard: str) -> bool:
    """Whether it was refused all the while: the user looked in meanwhile."""
    return all(any(refusal.guard == guard for decided in one.decision.assets if decided.asset == asset
                   for refusal in decided.refusals) for one in recent)


def _unresolved(journal: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT i.client_order_id, coalesce((SELECT state FROM order_events e WHERE e.client_order_id = "
            "i.client_order_id AND e.kind != 'miss' ORDER BY e.seq DESC LIMIT 1), 'intended') FROM intents i",
        ).fetchall()
    return [(name, state) for name, state in rows if OrderState(state).unresolved]
