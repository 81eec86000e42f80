"""Every fault that the testnet can show, by name: what happens, what the bot must do, and how it is armed.

`hedgerow demo --list-faults` prints this list, and `hedgerow demo --fault NAME` plays one of it: its requests are made
at their instants of the story, as anybody can make them (`POST /testnet/later`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from bot.core.times import HOUR, MINUTE, Millis
from bot.testnet.story_roles import ROLES

Body: TypeAlias = Mapping[str, object]

STRIKES: Millis = 2 * HOUR
"""When in a story something happens to a hedge that stands."""
MENDS: Millis = 5 * HOUR
"""When what can be mended is mended."""


@dataclass(frozen=True, slots=True)
class Act:
    """One request to the testnet, `at` ms after the story's beginning."""

    at: Millis
    path: str
    body: Body
    method: str = "POST"

    def planned(self, venue: str, origin: Millis) -> Iterator[Body]:
        """The body of `POST /testnet/later` for it, where the venue has what it is about.

        A purpose in braces becomes the venue's own endpoint; a table by venue, the venue's entry.
        """
        body = {name: value[venue] if isinstance(value, Mapping) else value for name, value in self.body.items()}
        endpoint = str(body.get("endpoint", ""))
        purpose = endpoint[1:-1] if endpoint.startswith("{") else None
        if purpose is not None:
            body["endpoint"] = ROLES[venue].get(purpose)
        if purpose is None or body["endpoint"] is not None:
            yield {"at": origin + self.at, "method": self.method, "path": self.path, "body": body}


@dataclass(frozen=True, slots=True)
class Story:
    """One fault. `shows`: events of which the bot says at least one; none where there is nothing to say.

    `venues`: where it can happen. `stops`: the bot ends with a safety stop, and so does the story. `streams`: it is
    about what the venue pushes, so that the bot listens.
    """

    name: str
    what: str
    expected: str
    acts: tuple[Act, ...]
    shows: tuple[str, ...] = ()
    venues: tuple[str, ...] = ("binance", "bybit")
    stops: bool = False
    streams: bool = False

    def plan(self, venue: str, origin: Millis) -> tuple[Body, ...]:
        """The bodies of its `POST /testnet/later`."""
        return tuple(body for act in self.acts for body in act.planned(venue, origin))


def _switch(endpoint: str, kind: str, *, at: Millis = 0, count: int | None = 1, **more: object) -> Act:
    return Act(at, "/testnet/fault", {"endpoint": endpoint, "kind": kind, "count": count, **more})


def _setup(name: str, *, at: Millis = STRIKES, **more: object) -> Act:
    return Act(at, "/testnet/setup", {"setup": name, **more})


def _lasting(name: str, *, at: Millis = STRIKES, until: Millis = MENDS, **more: object) -> tuple[Act, ...]:
    return _setup(name, at=at, **more), _setup(name, at=until, on=False, **more)


def _prices(kind: str, *, polls: int | None = 6, **more: object) -> tuple[Act, ...]:
    """What is shown of the markets for that many polls, from when a hedge stands."""
    wrong = ("{spot_prices}", "{perp_prices}", "{marks}")
    return tuple(_switch(one, kind, at=STRIKES, count=polls, **more) for one in wrong)


def _stream(action: str, which: str = "all") -> tuple[Act, ...]:
    return (Act(STRIKES, "/testnet/stream", {"action": action, "which": which}),
            Act(STRIKES + 15 * MINUTE, "/testnet/stream", {"action": "resume", "which": "all"}))


_FOUND = "The order counts as uncertain, the coin is frozen, and it is looked up: there is exactly one."
_HELD = "No order by the rule while it lasts, opening or closing; the margin ladder goes on by mark and position."
_READ = "A failed reading is no reading: nothing is decided on it, and it is asked again."
_UNCERTAIN = ("order.uncertain",)
_AWAY = ("venue.unavailable",)
_WAIT = ("decision.held",)
_WARNED = ("account.warned",)
_STOPS = ("safety.stopped",)

_ORDERS = (
    Story("lost-reply", "an order is accepted, the answer never comes", _FOUND,
          (_switch("{place}", "timeout_after"),), _UNCERTAIN),
    Story("lost-order", "an order never arrives, and nothing is answered",
          "Uncertain; after look-ups by the protocol it counts as never placed, and a new one is sent.",
          (_switch("{place}", "timeout_before"),), _UNCERTAIN),
    Story("closed", "the connection ends without an answer", _FOUND, (_switch("{place}", "close"),), _UNCERTAIN),
    Story("reset", "the connection is reset", _FOUND, (_switch("{place}", "reset"),), _UNCERTAIN),
    Story("truncated", "the connection ends in the middle of the answer", _FOUND,
          (_switch("{place}", "truncate"),), _UNCERTAIN),
    Story("cut-json", "the answer is half a JSON text", _FOUND, (_switch("{place}", "cut_json"),), _UNCERTAIN),
    Story("empty-object", "the answer is {}", _FOUND, (_switch("{place}", "empty_object"),), _UNCERTAIN),
    Story("empty-list", "positions are answered with []", _READ + " It never means flat.",
          (_switch("{positions}", "empty_list", at=STRIKES, count=3),)),
    Story("html-page", "a web page with status 200 instead of an answer", _FOUND,
          (_switch("{place}", "html200"),), _UNCERTAIN),
    Story("gateway-524", "a proxy's time-out page (HTTP 524)", _FOUND, (_switch("{place}", "http524"),), _UNCERTAIN),
    Story("error-500", "the venue fails (HTTP 500) on an order", _FOUND, (_switch("{place}", "http500"),), _UNCERTAIN),
    Story("overload", "the venue is overloaded (HTTP 503)", _FOUND, (_switch("{place}", "http503"),), _UNCERTAIN),
    Story("unknown-status", "the venue says that it does not know whether it took the order", _FOUND,
          (_switch("{place}", "unknown"),), _UNCERTAIN),
    Story("redirect", "a signed request is answered with another address",
          "The key goes nowhere else: the redirect is not followed, and the order looked up.",
          (_switch("{place}", "redirect"),), _UNCERTAIN),
    Story("rate-limit", "too many requests (Binance 429, Bybit 10006)", "Backs off as long as it is told to.",
          (_switch("{place}", "rate_limit", retry_after=30),)),
    Story("ban", "the address is shut out (Binance 418, Bybit 403)", "No request until it is over.",
          (_switch("{prices}", "ban", at=STRIKES, retry_after=600),), _AWAY),
    Story("slow", "every answer takes a fifth of a second", "Nothing but patience.",
          (_switch("* *", "delay", at=STRIKES, count=20, milliseconds=200),)),
    Story("no-margin", "the venue refuses orders for want of margin",
          "Nothing is enlarged; it is asked again ever more rarely, and closes go on.",
          (_switch("{place}", "error", count=3, code={"binance": -2019, "bybit": 110007}),), ("order.refused",)),
    Story("stale-replies", "open orders and positions are answered with what was said before",
          "Nothing is sent twice: intents are in the journal before they leave.",
          (_switch("{positions}", "stale", count=8), _switch("{open_orders}", "stale", count=8))),
    Story("lagging-positions", "positions lag behind the fills",
          "No decision on the coin until a position that is newer than the last fill.",
          (_switch("{positions}", "lagging", at=4 * MINUTE, count=8),)),
    Story("duplicate-rows", "every fill is listed twice", "Booked once, by its id.",
          (_switch("{fills}", "duplicate", count=None), _switch("{positions}", "duplicate", count=None))),
    Story("missing-page", "half of the fills are missing from the list",
          "What is missing is asked for again until the sums agree.", (_switch("{fills}", "missing_page", count=2),)),
    Story("partial-silence", "an order fills in part at once, and nothing is answered", _FOUND,
          (_switch("{place}", "partial_silence"),), _UNCERTAIN),
    Story("async-cancel", "a cancel is acknowledged and done half a minute later",
          "No second order while the first can still fill.",
          (_switch("{cancel}", "async_cancel", count=4, milliseconds=30_000),)),
)

_STREAMS = tuple(
    Story(f"stream-{name}", what, "Pushed words only wake; the poll goes on, and every belief is read.",
          _stream(action, which), shows, streams=True)
    for name, action, which, what, shows in (
        ("drop", "drop", "all", "the WebSockets are cut", ("stream.lost",)),
        ("refuse", "refuse", "all", "new WebSockets are refused", ()),
        ("silence", "silence", "all", "the WebSockets stay open and say nothing", ()),
        ("garbage", "garbage", "all", "the WebSockets send half frames and web pages", ("stream.lost",)),
        ("stale", "stale", "public", "the same old prices again and again", ()),
        ("duplicate", "duplicate", "all", "every frame comes twice", ()),
        ("spike", "spike", "public", "pushed prices a fifth too high", ()),
        ("crossed", "crossed", "public", "pushed bids above asks", ()),
        ("empty", "empty_book", "public", "pushed books without a level", ()),
        ("nan", "nan_price", "public", "pushed prices that are no numbers", ()),
    )
)

_MARKET = (
    Story("spike", "for one poll every price is half as high again",
          "Held until two observations agree; then it is over.", _prices("spike", polls=1, factor="1.5"), _WAIT),
    Story("jump", "BTC jumps up by 30% and stays there",
          "Held until a second observation agrees; then the hedge is resized.",
          (Act(STRIKES, "/testnet/price", {"asset": "BTC", "factor": "1.3"}),), _WAIT),
    Story("stale-ticker", "the tickers of two hours ago, again and again", _HELD, _prices("stale", polls=24), _WAIT),
    Story("crossed-book", "best bids are above best asks", _HELD, _prices("crossed"), _WAIT),
    Story("empty-book", "nobody buys and nobody sells", _HELD, _prices("empty_book"), ("decision.held", *_AWAY)),
    Story("nan-price", "prices are NaN", _HELD, _prices("nan_price"), ("decision.held", *_AWAY)),
    Story("zero-price", "prices are 0", _HELD, _prices("zero_price"), ("decision.held", *_AWAY)),
    Story("negative-price", "prices are below 0", _HELD, _prices("negative_price"), ("decision.held", *_AWAY)),
    Story("maintenance", "the venue is closed for maintenance",
          "Waits, ever more patiently; journal and hedge stay.", _lasting("maintenance"), _AWAY),
    Story("delisting", "BTC is no longer traded, and its position is closed by the venue",
          "Nothing is opened on it, and it says that something must be done.",
          (_setup("delisted", asset="BTC", settled=True),), ("account.warned", "hedge.forced")),
    Story("step-changed", "the venue makes BTC's step ten times as large",
          "The new one holds from the next look; one that does not fit the configuration refuses increases.",
          (_setup("step", asset="BTC", step="0.01"),), ("instrument.changed",)),
    Story("tick-changed", "the venue makes BTC's price tick ten times as large",
          "The new one holds from the next look.",
          (_setup("tick", asset="BTC", tick="1"),), ("instrument.changed",)),
    Story("funding-interval", "funding is settled every 4 hours, and then every hour",
          "Booked as it is settled: nothing assumes an interval.",
          (_setup("funding_interval", asset="BTC", hours=4), _setup("funding_interval", at=13 * HOUR, asset="BTC",
                                                                  hours=1)), ("funding.booked",)),
    Story("funding-late", "settlements appear in the history half an hour late",
          "Asked for again and booked when they are there; unknown until then, never 0.",
          (_setup("funding_late", at=0, delay=30 * MINUTE),), ("funding.booked",)),
    Story("clock-skew", "the venue's clock runs 2 seconds ahead, then 10 behind",
          "Measured again; nothing is sent twice.",
          (_setup("clock", at=MINUTE, skew=2_000), _setup("clock", at=STRIKES, skew=-10_000),
           _setup("clock", at=MENDS, skew=0))),
)

_ACCOUNT = (
    Story("foreign-position", "somebody sells 0.02 BTC on the same symbol by hand",
          "Pauses on BTC and says so, until `adopt` or `ignore`: it never trades against you.",
          (_setup("foreign_position", asset="BTC", quantity="-0.02"),), ("reconcile.mismatch",)),
    Story("foreign-order", "somebody's order rests on BTC", "Opens nothing there while it rests.",
          (_setup("foreign_order", at=0, asset="BTC"), _setup("cancel_orders", asset="BTC")), _WAIT),
    Story("cancelled-by-hand", "our resting order is cancelled by hand", "Decided anew.",
          tuple(_setup("cancel_orders", at=5 * MINUTE + second * 1000, asset="BTC") for second in (7, 17, 27))),
    Story("adl", "the position is auto-deleveraged",
          "Recorded as that; BTC stays disarmed until `rearm`, and nothing is reopened.",
          (_setup("adl", asset="BTC"),), ("hedge.forced",)),
    Story("liquidation", "every position is liquidated",
          "Recorded as that; the coin stays disarmed until `rearm`, and nothing is reopened.",
          (_setup("liquidation"),), ("hedge.forced",)),
    Story("leverage-changed", "BTC's leverage is set to 3 by hand", "Nothing is enlarged until it is set back.",
          (_setup("leverage", asset="BTC", leverage="3"), _setup("leverage", at=MENDS, asset="BTC", leverage="5")),
          _WARNED),
    Story("margin-mode-changed", "isolated margin is chosen by hand", "Nothing is enlarged until it is set back.",
          _lasting("isolated"), _WARNED, venues=("binance",)),
    Story("isolated-margin", "isolated margin is chosen for the whole account by hand",
          "Stops (exit 6): no margin balance is shown any more, by which to judge.",
          (_setup("isolated"),), _STOPS, venues=("bybit",), stops=True),
    Story("hedge-mode", "the account is in hedge mode", "Refuses to start.", (_setup("hedge_mode", at=0),),
          venues=("bybit",), stops=True),
    Story("multi-assets", "the account is in multi-assets mode", "Refuses to start.", (_setup("multi_assets", at=0),),
          venues=("binance",), stops=True),
    Story("portfolio-margin", "the account has portfolio margin", "Refuses to start.",
          (_setup("portfolio_margin", at=0),), stops=True),
    Story("earn", "0.2 BTC move to Earn",
          "Every order by the rule is held until `accept`, or until they come back: closing too.",
          (_setup("earn", asset="BTC", amount="0.2"), _setup("earn", at=MENDS, asset="BTC", amount="-0.2")), _WAIT),
    Story("deposit", "10,000 USDT are deposited", "Every order by the rule is held until `accept`: closing too.",
          (Act(STRIKES, "/testnet/deposit", {"coin": "USDT", "amount": "10000"}),), _WAIT),
    Story("withdrawal", "half a bitcoin is withdrawn", "Every order by the rule is held until `accept`: closing too.",
          (Act(STRIKES, "/testnet/deposit", {"coin": "BTC", "amount": "-0.5"}),), _WAIT),
    Story("key-revoked", "the API key is taken back", "Stops (exit 6); the hedge stays as it is.",
          (_setup("revoked_key"),), _STOPS, stops=True),
    Story("key-expired", "the API key ends", "Stops (exit 6); it was warned of two weeks before.",
          (_setup("expired_key"),), _STOPS, stops=True),
    Story("key-without-futures", "the API key may no longer trade futures", "Stops (exit 6).",
          (_setup("missing_permission"),), _STOPS, stops=True),
    Story("key-without-spot", "the API key may no longer trade coins",
          "Goes on: only a sale of coins needs that right, and `doctor` says that it is missing.",
          (_setup("missing_spot_permission"),)),
    Story("key-may-withdraw", "the API key is allowed to withdraw", "Stops (exit 6): such a key is not used.",
          (_setup("withdraw_key"),), _STOPS, stops=True),
    Story("reduce-only", "the account may only reduce positions", "Opens nothing; closes go on.",
          _lasting("reduce_only", at=0), ("order.refused", *_WARNED)),
)

STORIES: Mapping[str, Story] = MappingProxyType({
    story.name: story for story in (*_ORDERS, *_MARKET, *_ACCOUNT, *_STREAMS)
})
"""All of them, in the order in which they are listed."""
