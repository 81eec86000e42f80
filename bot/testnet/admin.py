"""The testnet's own endpoints under `/testnet/`: time, state, prices, faults, streams. JSON in, JSON out, no signature.

Only `POST /testnet/advance` moves time, and never back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import TypeAlias, TypeGuard

import orjson

from bot.core.money import ZERO, parse_decimal, plain
from bot.paper.records import MarketName, PaperReject
from bot.testnet.admin_setup import Setups
from bot.testnet.clock import LeaseHeld, NotStepped
from bot.testnet.dialect import Dialect, Reply
from bot.testnet.faults import Faults, Kind, Switch
from bot.testnet.push import Hub
from bot.testnet.push_trouble import Action, Which
from bot.testnet.world import World

Body: TypeAlias = Mapping[str, object]


class BadRequest(Exception):
    """The body is not what the endpoint takes; the text says why."""


class Admin:
    """Answers requests under `/testnet/`."""

    def __init__(self, world: World, faults: Faults, hub: Hub, dialect: Dialect) -> None:
        self._world = world
        self._dialect = dialect
        self._faults = faults
        self._hub = hub
        self._planned: list[dict[str, object]] = []
        self.setups = Setups(world.exchange, dialect.settings)
        self._table: dict[tuple[str, str], Callable[[Body], object]] = {
            ("GET", "/testnet/clock"): self.clock,
            ("POST", "/testnet/advance"): self.advance,
            ("GET", "/testnet/state"): self.state,
            ("POST", "/testnet/price"): self.price,
            ("POST", "/testnet/deposit"): self.deposit,
            ("POST", "/testnet/transfer"): self.transfer,
            ("POST", "/testnet/setup"): self.setups.setup,
            ("POST", "/testnet/later"): self.later,
            ("GET", "/testnet/later"): self.planned,
            ("GET", "/testnet/fault"): self.armed,
            ("POST", "/testnet/fault"): self.arm,
            ("DELETE", "/testnet/fault"): self.disarm,
            ("GET", "/testnet/stream"): self.streams,
            ("POST", "/testnet/stream"): self.trouble,
        }

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        """The reply: 404 unknown, 400 malformed, 409 when time is not the caller's to move."""
        handler = self._table.get((method, path))
        if handler is None:
            return _reply(404, {"error": f"{method} {path} is not an endpoint of the testnet"})
        self._world.catch_up()
        try:
            return _reply(200, handler(_parse(body)))
        except (LeaseHeld, NotStepped) as error:
            return _reply(409, {"error": _why(error)})
        except (BadRequest, ValueError) as error:
            return _reply(400, {"error": str(error)})

    def clock(self, _: Body) -> object:
        """Where the story is."""
        clock = self._world.clock
        return {
            "now": self._world.now(), "origin": clock.origin, "end": clock.end, "mode": clock.mode,
            "speed": None if clock.speed is None else float(clock.speed),
        }

    def advance(self, body: Body) -> object:
        """Step to an absolute instant, capped at the story's end; a repeat changes nothing.

        With `sockets`, it ends at the first instant at which one of them gets a frame. `frames` says for each open
        socket the number of the last frame that was sent on it.
        """
        lease, until, sockets = body.get("lease"), body.get("until"), body.get("sockets")
        if not isinstance(lease, str) or not lease:
            raise BadRequest("lease: a name, as text")
        if isinstance(until, bool) or not isinstance(until, int):
            raise BadRequest("until: an instant, whole milliseconds")
        if sockets is not None and not _names(sockets):
            raise BadRequest("sockets: a list of the clients' own ends, such as 127.0.0.1:51234")
        now = self._hub.advance(lease, until, sockets)
        return {"now": now, "frames": self._hub.frames()}

    def state(self, _: Body) -> object:
        """The whole account, money as text, executions under the names that the venue gives them."""
        account = self._world.exchange.dump()
        for fill in account["fills"]:
            fill["trade_id"] = self._dialect.execution_id(fill["trade_id"])
        return {**account, "deadlines": self._world.deadlines()}

    def price(self, body: Body) -> object:
        """Shift a coin's prices from now on: by `factor`, or so that its mark becomes `price`."""
        asset = body.get("asset")
        if asset not in self._world.exchange.instruments or not isinstance(asset, str):
            raise BadRequest(f"asset: one of {', '.join(sorted(self._world.exchange.instruments))}")
        if ("factor" in body) == ("price" in body):
            raise BadRequest("give either factor or price")
        if "factor" in body:
            factor = parse_decimal(body["factor"], "factor")
        else:
            factor = parse_decimal(body["price"], "price") / self._world.exchange.state(asset).mark
        if factor <= 0:
            raise BadRequest("a price must stay positive")
        self._world.exchange.shift_price(asset, factor)
        return {"asset": asset, "mark": str(self._world.exchange.state(asset).mark)}

    def deposit(self, body: Body) -> object:
        """Coins come to the spot wallet from outside (negative: leave it), as far as no order holds them."""
        coin, amount = _coin(body), parse_decimal(body.get("amount"), "amount")
        try:
            self._world.exchange.deposit(coin, amount)
        except PaperReject as reject:
            raise BadRequest(f"amount: {reject.detail}") from reject
        return {"coin": coin, "spot": plain(self._world.exchange.wallets.spot[coin])}

    def transfer(self, body: Body) -> object:
        """Move free balance between the two wallets, as the account's owner does by hand."""
        coin, amount, to = _coin(body), parse_decimal(body.get("amount"), "amount"), body.get("to")
        if to not in ("spot", "futures"):
            raise BadRequest("to: spot or futures")
        wallets = self._world.exchange.wallets
        try:
            self._world.exchange.transfer(coin, amount, to_futures=to == "futures")
        except PaperReject as reject:
            raise BadRequest(str(reject)) from reject
        return {"coin": coin, "spot": plain(wallets.spot.get(coin, ZERO)),
                "futures": plain(wallets.futures.get(coin, ZERO))}

    def later(self, body: Body) -> object:
        """Have one of these requests answered at an instant of the story: `at`, or `in` milliseconds from now."""
        method, path, asked = body.get("method", "POST"), body.get("path"), body.get("body", {})
        at, wait = body.get("at"), body.get("in")
        if (method, path) not in self._table or path in ("/testnet/later", "/testnet/advance"):
            raise BadRequest("method and path: of a request that can be made later, such as POST /testnet/price")
        if not isinstance(asked, dict):
            raise BadRequest("body: what that request takes, as an object")
        if (at is None) == (wait is None):
            raise BadRequest("give either at or in")
        due = _whole(body, "at") if wait is None else self._world.now() + _whole(body, "in")
        entry: dict[str, object] = {"at": due, "method": method, "path": path, "body": asked, "status": None}
        self._planned.append(entry)
        if due <= self._world.now():
            self._do(entry)
        else:
            self._world.schedule(f"later {len(self._planned):06d}", due, partial(self._do, entry))
        return entry

    def _do(self, entry: dict[str, object]) -> None:
        handler, asked = self._table[str(entry["method"]), str(entry["path"])], entry["body"]
        try:
            entry["answer"], entry["status"] = handler(asked if isinstance(asked, dict) else {}), 200
        except (BadRequest, ValueError) as error:
            entry["answer"], entry["status"] = {"error": str(error)}, 400

    def planned(self, _: Body) -> object:
        """What was to be done later, with its answer where it was done."""
        return self._planned

    def armed(self, _: Body) -> object:
        """The switches still armed, and how often each endpoint was called."""
        switches = [{"endpoint": switch.endpoint, "kind": switch.kind.value, "count": switch.count}
                    for switch in self._faults.switches if switch.count != 0]
        return {"faults": switches, "calls": dict(sorted(self._faults.calls.items()))}

    def arm(self, body: Body) -> object:
        """Arm a switch; the fields are those of `Switch`."""
        switch = read_switch(body)
        self._faults.arm(switch)
        return {"armed": switch.kind.value, "endpoint": switch.endpoint}

    def disarm(self, _: Body) -> object:
        """Disarm all of them."""
        self._faults.clear()
        return {"faults": []}

    def streams(self, _: Body) -> object:
        """The open WebSockets with their last frame's number, and what trouble they are in."""
        return {"frames": self._hub.frames(), "troubles": self._hub.troubles.shown()}

    def trouble(self, body: Body) -> object:
        """Do something to the WebSockets: `action` of `Action`, to `which` of them (all, unless told otherwise)."""
        action, which = body.get("action"), body.get("which", Which.ALL)
        if action not in list(Action):
            raise BadRequest(f"action: one of {', '.join(Action)}")
        if which not in list(Which):
            raise BadRequest(f"which: one of {', '.join(Which)}")
        chosen = Which(str(which))
        dropped = 0
        if action == Action.DROP:
            dropped = self._hub.drop(lambda socket: chosen.covers(private=socket.private))
        else:
            self._hub.troubles.act(Action(str(action)), chosen)
        return {"dropped": dropped, "troubles": self._hub.troubles.shown()}


def _names(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _coin(body: Body) -> str:
    coin = body.get("coin")
    if not isinstance(coin, str) or not coin.isalnum() or coin != coin.upper():
        raise BadRequest("coin: its code in capitals, such as BTC")
    return coin


_MARKETS: Mapping[object, MarketName | None] = {None: None, "spot": "spot", "perp": "perp"}


def read_switch(body: Body) -> Switch:
    """A switch from JSON. Raises BadRequest naming the field and what is allowed."""
    allowed = {"endpoint", "kind", "count", "after", "probability", "applied", "milliseconds", "retry_after", "code",
               "status", "message", "factor", "market"}
    unknown = sorted(set(body) - allowed)
    if unknown:
        raise BadRequest(f"{unknown[0]}: unknown; allowed: {', '.join(sorted(allowed))}")
    endpoint, kind = body.get("endpoint"), body.get("kind")
    if not isinstance(endpoint, str) or " " not in endpoint:
        raise BadRequest("endpoint: method and path, such as 'POST /fapi/v1/order'; * stands for anything")
    if kind not in list(Kind):
        raise BadRequest(f"kind: one of {', '.join(Kind)}")
    switch = Switch(endpoint, Kind(str(kind)))
    if "count" in body:
        switch.count = None if body["count"] is None else _whole(body, "count")
    for name in ("after", "milliseconds", "retry_after", "code", "status"):
        if name in body:
            setattr(switch, name, _whole(body, name))
    switch.probability = _share(body.get("probability", switch.probability))
    switch.factor = parse_decimal(body.get("factor", switch.factor), "factor")
    applied = body.get("applied")
    if applied is not None and not isinstance(applied, bool):
        raise BadRequest("applied: true or false")
    switch.applied = applied
    if (market := body.get("market")) not in _MARKETS:
        raise BadRequest("market: spot or perp")
    switch.market = _MARKETS[market]
    if "message" in body:
        switch.message = str(body["message"])
    return switch


def _whole(body: Body, name: str) -> int:
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(f"{name}: a whole number")
    if value < 0 and name != "code":
        raise BadRequest(f"{name}: not negative")
    return value


def _share(value: object) -> Decimal:
    share = parse_decimal(value, "probability")
    if not 0 <= share <= 1:
        raise BadRequest("probability: 0 to 1")
    return share


def _why(error: LeaseHeld | NotStepped) -> str:
    if isinstance(error, LeaseHeld):
        return f"the lease is held by {error}"
    return "time follows the wall clock (speed is set)"


def _parse(body: bytes) -> Body:
    if not body:
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(found, dict):
        raise BadRequest("the body is not a JSON object")
    return found


def _reply(status: int, found: object) -> Reply:
    return Reply(status, orjson.dumps(found, option=orjson.OPT_SORT_KEYS))
