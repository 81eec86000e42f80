"""The journal's statements. Built once, so that their compiled text and SQLite's prepared form are found again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Table, bindparam, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.core.orders import OrderState
from bot.journal import fold, schema
from bot.journal.straight import Text

_commands = schema.commands.c
_decisions = schema.decisions.c
_fills = schema.fills.c
_funding = schema.funding.c
_intents = schema.intents.c


def _all_but_seq(table: Table) -> tuple[str, ...]:
    """What the database does not count up by itself."""
    return tuple(column.name for column in table.columns if column.name != "seq")


INSERT_INTENT = Text(insert(schema.intents))
BEGIN_EPISODE = Text(sqlite_insert(schema.episodes).on_conflict_do_nothing(index_elements=["id"]),
                     _all_but_seq(schema.episodes))
ADD_EVENT = Text(insert(schema.order_events), _all_but_seq(schema.order_events))
ADD_FILL = Text(insert(schema.fills), _all_but_seq(schema.fills))
ADD_FUNDING = Text(insert(schema.funding), _all_but_seq(schema.funding))
ADD_GAP = Text(insert(schema.gaps), _all_but_seq(schema.gaps))
ADD_COMPARISON = Text(insert(schema.comparisons), _all_but_seq(schema.comparisons))
ADD_EPISODE = Text(insert(schema.episodes), _all_but_seq(schema.episodes))
INSERT_TERMS = Text(sqlite_insert(schema.terms).on_conflict_do_nothing(index_elements=["digest"]))
INSERT_DECISION = Text(insert(schema.decisions), _all_but_seq(schema.decisions))
EMPTY_EVENT = {column.name: None for column in schema.order_events.columns if column.name != "seq"}
CHANGE_EPISODE = Text(
    update(schema.episodes).where(schema.episodes.c.id == bindparam("which")), _all_but_seq(schema.episodes))

LAST_DECISION = Text(select(_decisions.decision).order_by(_decisions.seq.desc()).limit(1))
DECISION_AT = Text(
    select(_decisions.revision, _decisions.situation, _decisions.decision, _decisions.terms)
    .where(_decisions.at == bindparam("at")).order_by(_decisions.revision.desc()).limit(1),
)
EPISODES = Text(select(schema.episodes).order_by(schema.episodes.c.seq))
EPISODE_IDS = Text(select(schema.episodes.c.id))
TERMS = Text(select(schema.terms.c.digest))
# The highest number ever used: in a journal that was rebuilt, orders that the venue has forgotten leave gaps.
COUNT_INTENTS = Text(select(func.coalesce(func.max(_intents.number), 0)))
INTENT_NAMES = Text(select(_intents.client_order_id).order_by(_intents.number))
BINDING = Text(select(schema.binding))
BIND = Text(insert(schema.binding))
BEGUN_AT = Text(select(schema.binding.c.created_at))
UNCONFIRMED = Text(select(schema.rebuilt.c.id).where(schema.rebuilt.c.confirmed_at.is_(None)))
RECENT_INTENTS = Text(select(_intents.asset, _intents.created_at).where(
    _intents.created_at > select(func.max(_intents.created_at)).scalar_subquery() - fold.RECENT))
FIRST = (Text(select(func.min(_decisions.at))), Text(select(func.min(_intents.created_at))))

_every_fill: Select[Any] = select(schema.fills).order_by(_fills.seq)
FILLS = Text(_every_fill)
FILLS_SINCE = Text(_every_fill.where(_fills.at >= bindparam("since")))
FUNDING = Text(select(schema.funding).order_by(_funding.seq))
FUNDING_SINCE = Text(select(schema.funding).where(_funding.at >= bindparam("since")).order_by(_funding.seq))
COST_FILLS = Text(
    select(schema.fills, _intents.episode, _intents.spot_mid, _intents.perp_mid)
    .join(schema.intents, _fills.client_order_id == _intents.client_order_id)
    .where(_intents.episode == bindparam("episode")).order_by(_fills.seq))
COST_FUNDING = Text(select(schema.funding).where(_funding.episode == bindparam("episode")).order_by(_funding.seq))
FILL_BOOKED = Text(select(_fills.seq).where(_fills.symbol == bindparam("symbol"), _fills.trade_id == bindparam("name")))
FUNDING_BOOKED = Text(
    select(_funding.seq).where(_funding.symbol == bindparam("symbol"), _funding.payment_id == bindparam("name")))
GAPS = Text(select(schema.gaps).order_by(schema.gaps.c.seq))

# An order that was seen filled is never live again (bot.core.orders.TRANSITIONS), one that was called cancelled seldom;
# the others are few.
_ended, _risen, _late = (schema.order_events.alias(name) for name in ("ended", "risen", "late"))
_UNENDED = ~exists().where(
    _ended.c.client_order_id == _intents.client_order_id,
    _ended.c.state.in_([OrderState.FILLED.value, OrderState.CANCELLED.value]),
    ~exists().where(
        _risen.c.client_order_id == _ended.c.client_order_id, _risen.c.seq > _ended.c.seq,
        _risen.c.state.in_([OrderState.OPEN.value, OrderState.PARTIAL.value]),
    ),
)
_LATE = _intents.client_order_id.in_(select(_late.c.client_order_id).where(
    _late.c.at > select(func.max(schema.order_events.c.at)).scalar_subquery() - fold.RECENT))
_MATTERS = _UNENDED | _LATE
UNENDED_INTENTS = Text(select(schema.intents).where(_MATTERS).order_by(_intents.number))
UNENDED_EVENTS = Text(
    select(schema.order_events).join(schema.intents).where(_MATTERS).order_by(schema.order_events.c.seq))

COMMANDS = Text(
    select(_commands.id, _commands.kind, _commands.asset, _commands.issued_at, _commands.about, _commands.says,
           _commands.said_by)
    .where(_commands.acknowledged_at.is_(None)).order_by(_commands.id),
)
COMMAND = Text(select(_commands.id).where(_commands.id == bindparam("which")))
ACKNOWLEDGE = Text(
    update(schema.commands).where(_commands.id == bindparam("which"), _commands.acknowledged_at.is_(None))
    .values(result=bindparam("answer"), acknowledged_at=bindparam("time")),
)
_beat = sqlite_insert(schema.heartbeats)
BEAT = Text(_beat.on_conflict_do_update(
    index_elements=["id"], set_={name: _beat.excluded[name] for name in ("decided_at", "wall_at", "pid", "poll")},
))
