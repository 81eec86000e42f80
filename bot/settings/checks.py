"""What single values cannot tell: sums, orders and combinations. Each finding says which keys it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TypeAlias

from bot.core.money import plain
from bot.core.orders import SILENCE
from bot.core.policy import Threshold
from bot.core.times import SECOND
from bot.environment import OFFERS, Environment
from bot.settings.problems import Key, Origin, Problem
from bot.settings.settings import Settings

Locate: TypeAlias = Callable[[Key], Origin]


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, and the keys whose values it was concluded from."""

    problem: Problem
    rests_on: frozenset[Key]


def check(settings: Settings, locate: Locate) -> list[Finding]:
    """Everything that does not fit together."""
    checks = (_weights, _cash, _triggers, _margin, _polls, _files, _environment, _story, _starting)
    return [
        Finding(Problem(locate(found.keys[0]), found.keys[0], found.wrong, found.allowed), frozenset(found.keys))
        for one in checks for found in one(settings)
    ]


@dataclass(frozen=True, slots=True)
class _Found:
    """What does not fit; `keys`: all that it rests on, the one to report first."""

    wrong: str
    allowed: str
    keys: tuple[Key, ...]


def percent(fraction: Decimal) -> str:
    """0.5 → '50%'."""
    return f"{plain(fraction * 100)}%"


def written(threshold: Threshold) -> str:
    """A level as the file writes it."""
    return f"{plain(threshold.value * 100)}{'%' if threshold.relative else 'pp'}"


def _weights(settings: Settings) -> Iterator[_Found]:
    weights: dict[Key, Decimal] = {("assets", coin, "target"): asset.target for coin, asset in settings.assets.items()}
    weights |= {("cash", coin): weight for coin, weight in settings.cash.items()}
    total = sum(weights.values(), Decimal(0))
    if total != 1:
        terms = " + ".join(f"{key[1]} {percent(weight)}" for key, weight in weights.items())
        yield _Found(f"{terms} is {percent(total)}", "targets and cash that sum to 100%", (("assets",), *weights))


def _cash(settings: Settings) -> Iterator[_Found]:
    if settings.settle not in settings.cash:
        yield _Found(
            f"lacks {settings.settle}, in which shorts on {settings.venue} settle",
            f'{settings.settle}: "20%" (or what fits)', (("cash",), ("venue",)),
        )


def _triggers(settings: Settings) -> Iterator[_Found]:
    for coin, asset in settings.assets.items():
        keys: dict[str, Key] = {}
        levels: dict[str, Threshold] = {}
        for name in ("open", "close", "resize"):
            own: Threshold | None = getattr(asset, name)
            keys[name] = ("triggers", name) if own is None else ("assets", coin, name)
            levels[name] = getattr(settings.triggers, name) if own is None else own
        target: Key = ("assets", coin, "target")
        relative = [name for name in levels if levels[name].relative and asset.target == 0]
        for name in relative:
            yield _Found(
                f"{written(levels[name])} of the target of {coin}, which is 0%, is nothing",
                f"a level in pp for {coin}", (keys[name], target),
            )
        if relative:
            continue
        opens, closes, resizes = (levels[name].of_nav(asset.target) for name in ("open", "close", "resize"))
        if closes >= opens:
            yield _Found(
                f"{written(levels['close'])} would close {coin} no lower than open {written(levels['open'])} opens it",
                "close below open", (keys["close"], keys["open"], target),
            )
        if resizes <= 0:
            yield _Found(
                f"{written(levels['resize'])} would trade at every change", "above 0", (keys["resize"], target))


def _margin(settings: Settings) -> Iterator[_Found]:
    margin = settings.margin
    lever, cap = ("margin", "leverage"), ("margin", "max_leverage")
    if margin.leverage != margin.leverage.to_integral_value() or not 1 <= margin.leverage <= 125:
        yield _Found(
            f"{plain(margin.leverage)} cannot be set at a venue", "a whole number from 1 to 125", (lever,))
    elif margin.leverage <= margin.max_leverage:
        yield _Found(
            f"{plain(margin.leverage)} is not above max_leverage {plain(margin.max_leverage)}: the venue would block "
            "orders at the cap", "more than max_leverage", (lever, cap),
        )
    if margin.warn_runway < margin.stop_runway:
        yield _Found(
            f"{percent(margin.warn_runway)} would warn after stop_runway {percent(margin.stop_runway)} has stopped",
            "stop_runway or more", (("margin", "warn_runway"), ("margin", "stop_runway")),
        )
    rungs = ("full_runway", "reduce_runway", "reduce_to", "stop_runway", "top_up_to")
    for low, high in pairwise(rungs):
        lower, higher = getattr(margin, low), getattr(margin, high)
        if lower > higher or (lower == higher and high != "stop_runway"):
            yield _Found(
                f"{percent(lower)} is not below {high} {percent(higher)}", f"less than {high}",
                (("margin", low), ("margin", high)),
            )
    cash = sum(settings.cash.values(), Decimal(0))
    if margin.cash_floor and cash <= margin.cash_floor:
        yield _Found(
            f"{percent(margin.cash_floor)} would reduce every hedge of a portfolio whose cash is meant to be "
            f"{percent(cash)}", "less than the weights of cash together",
            (("margin", "cash_floor"), *(("cash", coin) for coin in settings.cash)),
        )
    if margin.on_margin is None and not settings.local:
        yield _Found(
            f"is missing: {settings.environment} places real orders, so say how a short is reduced when margin runs "
            "out", "finalise (sell the coins too) or close (keep the coins, take the exposure back)",
            (("margin", "on_margin"), ("environment",)),
        )


def _polls(settings: Settings) -> Iterator[_Found]:
    if settings.working_poll > settings.poll:
        yield _Found("is longer than poll", "poll or less", (("working_poll",), ("poll",)))
    if settings.dead_mans_switch and OFFERS[settings.venue].dead_mans_switch and settings.working_poll > SILENCE // 2:
        yield _Found(
            f"is too long for the dead man's switch: {settings.venue} would withdraw an order {SILENCE // SECOND} s "
            "after the countdown was renewed, and it is renewed at a poll",
            f"{SILENCE // SECOND // 2}s or less, or dead_mans_switch: false",
            (("working_poll",), ("dead_mans_switch",), ("venue",)))


def _files(settings: Settings) -> Iterator[_Found]:
    if settings.journal == settings.log.file:
        yield _Found("is the journal's file too", "another file", (("log", "file"), ("journal",)))


def _environment(settings: Settings) -> Iterator[_Found]:
    offer = OFFERS[settings.venue]
    if settings.environment not in offer.environments:
        yield _Found(
            f"{settings.environment} does not exist on {settings.venue}{f': {offer.lacks}' if offer.lacks else ''}",
            " or ".join(offer.environments), (("environment",), ("venue",)),
        )
    for name in ("story", "testnet"):
        if name in settings.model_fields_set and not settings.local:
            yield _Found(
                f"belongs to environment local, and this is {settings.environment}",
                "environment: local, or no such section", ((name,), ("environment",)),
            )
    if settings.live.enabled and settings.environment is not Environment.LIVE:
        yield _Found(
            f"is true, and environment is {settings.environment}", "false, or environment: live",
            (("live", "enabled"), ("environment",)),
        )


def _story(settings: Settings) -> Iterator[_Found]:
    story = settings.story
    if story is None:
        return
    if story.start is not None and story.end is not None and story.start >= story.end:
        yield _Found("is not after start", "an instant after start", (("story", "end"), ("story", "start")))
    for name in ("start", "end"):
        if getattr(story, name) is not None and story.panel is None:
            yield _Found(
                "cuts a panel, and none is named", "story.panel with it", (("story", name), ("story", "panel")))
    weights = story.weights
    if weights is None:
        return
    for coin in weights:
        if coin not in settings.assets and coin not in settings.cash:
            yield _Found(
                f"{coin} is not in the portfolio", ", ".join((*settings.assets, *settings.cash)),
                (("story", "weights", coin),),
            )
    total = sum(weights.values(), Decimal(0))
    if total != 1:
        yield _Found(
            f"sum to {percent(total)}", "weights that sum to 100%",
            (("story", "weights"), *(("story", "weights", coin) for coin in weights)),
        )


def _starting(settings: Settings) -> Iterator[_Found]:
    begin = settings.starting_balances
    if begin is None:
        return
    for coin in begin.spot:
        if coin not in settings.assets and coin not in settings.cash:
            yield _Found(
                f"{coin} is not in the portfolio", ", ".join((*settings.assets, *settings.cash)),
                (("starting_balances", "spot", coin),),
            )
    for coin in begin.futures:
        if coin != settings.settle:
            yield _Found(
                f"{coin} is not what shorts on {settings.venue} settle in", settings.settle,
                (("starting_balances", "futures", coin),),
            )
    if not begin.spot and not begin.futures:
        yield _Found("is empty", "coins under spot or futures", (("starting_balances",),))
