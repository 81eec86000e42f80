"""Replies that are whole and wrong: an old one again, rows twice or missing, a cancel that does not happen.

What a venue says at overload times, as its own words in time-outs and pages of HTML are elsewhere (`dialect.spoiled`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, TypeAlias

import orjson

from bot.core.money import round_to_step
from bot.core.orders import TimeInForce
from bot.paper.records import PaperOrder
from bot.testnet.dialect import Dialect, Reply, Request
from bot.testnet.falsified import falsified
from bot.testnet.faults import FALSE_PRICES, MISLEADING, Kind, Switch
from bot.testnet.world import World

Rows: TypeAlias = list[Any]


class Mischief:
    """Answers for one dialect, remembering what each endpoint said last while nothing was wrong with it."""

    def __init__(self, world: World, dialect: Dialect) -> None:
        self._world = world
        self._exchange = world.exchange
        self._dialect = dialect
        self._told: dict[str, Reply] = {}
        self._ways: Mapping[Kind, Callable[[Reply, Reply | None], Reply]] = {
            Kind.STALE: lambda said, old: old or said,
            Kind.LAGGING: _lagging,
            Kind.DUPLICATE: lambda said, _: _with_rows(said, lambda rows: rows + rows),
            Kind.MISSING_PAGE: lambda said, _: _with_rows(said, lambda rows: rows[: len(rows) // 2], ends=True),
        }

    def plain(self, request: Request) -> Reply:
        """The reply when nothing is wrong."""
        reply = self._dialect.answer(request)
        if reply.status == 200:
            self._told[_place(request)] = reply
        return reply

    def answer(self, request: Request, switch: Switch) -> Reply | None:
        """What the venue does and would say under the switch; None where it does not act on the request at all."""
        if not switch.takes_effect:
            return None
        if switch.kind is Kind.ASYNC_CANCEL:
            return self._cancelling_later(request, switch.milliseconds)
        if switch.kind is Kind.PARTIAL_SILENCE:
            return self._filling_in_part(request)
        said = self._dialect.answer(request)
        if switch.kind in FALSE_PRICES and said.status == 200:
            return replace(said, body=falsified(switch.kind, said.body, switch.factor))
        way = self._ways.get(switch.kind) if switch.kind in MISLEADING and said.status == 200 else None
        return said if way is None else way(said, self._told.get(_place(request)))

    def _cancelling_later(self, request: Request, after: int) -> Reply:
        """Cancels are acknowledged now and done `after` ms of the story later; 0: never."""
        pending: list[PaperOrder] = []
        self._exchange.deferred_cancels = pending
        try:
            reply = self._dialect.answer(request)
        finally:
            self._exchange.deferred_cancels = None
        for order in pending if after else ():
            self._world.schedule(f"cancel {order.order_id}", self._world.now() + after, partial(self._cancel, order))
        return reply

    def _cancel(self, order: PaperOrder) -> None:
        if order.open:
            self._exchange.cancel(order)

    def _filling_in_part(self, request: Request) -> Reply:
        """What the request places fills in part at once."""
        before = set(self._exchange.orders)
        reply = self._dialect.answer(request)
        for number in sorted(set(self._exchange.orders) - before):
            order = self._exchange.orders[number]
            listed = self._exchange.instruments[order.asset]
            step = listed.spot_lot if order.market == "spot" else listed.amount_step
            part = max(step, round_to_step(order.remaining / 2, step))
            if order.open and order.time_in_force is not TimeInForce.IOC and part < order.remaining:
                self._exchange.take(order, part)
        return reply


def _place(request: Request) -> str:
    """What was asked: spot and perpetuals may share a path."""
    place = f"{request.method} {request.path}"
    if "category=" not in request.query and "symbol=" not in request.query:
        return place
    return place + _about(request.query)


@lru_cache(maxsize=256)
def _about(query: str) -> str:
    return "".join([f" {part}" for part in query.split("&") if part.startswith(("category=", "symbol="))])


def _lagging(said: Reply, old: Reply | None) -> Reply:
    """The rows of before in the reply of now."""
    rows = None if old is None else _rows(orjson.loads(old.body))
    return said if rows is None else _with_rows(said, lambda _: rows)


def _with_rows(said: Reply, change: Callable[[Rows], Rows], *, ends: bool = False) -> Reply:
    """The reply with its list changed, where it holds one; with `ends` nothing leads on to another page."""
    found = orjson.loads(said.body)
    rows = _rows(found)
    if rows is None:
        return said
    changed = change(rows)
    if isinstance(found, list):
        found = changed
    elif "positions" in found:
        found["positions"] = changed
    else:
        found["result"]["list"] = changed
        if ends and "nextPageCursor" in found["result"]:
            found["result"]["nextPageCursor"] = ""
    return replace(said, body=orjson.dumps(found))


def _rows(found: object) -> Rows | None:
    """The list that a reply is about: the whole of it, an account's positions, or the result's list."""
    if isinstance(found, dict):
        result = found.get("result")
        found = found.get("positions", result.get("list") if isinstance(result, dict) else None)
    return found if isinstance(found, list) else None
