from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from bot.core.later import Later
from bot.core.swift import changed, swift


@swift
@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    names: Mapping[str, str] = field(default_factory=dict)


@swift
@dataclass(frozen=True, slots=True)
class Slow(Later):
    x: int
    y: int = 0


def half_made(x: int, asked: list[int]) -> Slow:
    def work() -> Mapping[str, int]:
        asked.append(x)
        return {"y": 10 * x}

    new = Slow._twin()
    new.x, new._work = x, work
    new.__class__ = Slow
    made: Slow = new
    return made


def test_a_swift_value_is_what_the_frozen_dataclass_was() -> None:
    point = Point(1)
    assert point == Point(x=1, y=2, names={})
    assert repr(point).endswith("Point(x=1, y=2, names={})")
    assert replace(point, y=3) == Point(1, 3)
    assert copy.copy(point) == pickle.loads(pickle.dumps(point)) == point  # noqa: S301 - our own bytes
    assert type(point) is Point
    assert not hasattr(point, "__dict__")


def test_no_default_is_shared_between_two_values() -> None:
    assert Point(1).names is not Point(1).names


def test_a_swift_value_stays_as_it_was_made() -> None:
    with pytest.raises(FrozenInstanceError):
        Point(1).x = 2  # type: ignore[misc]  # that is what is tried


def test_a_changed_value_is_what_replace_makes_and_leaves_the_other_as_it_was() -> None:
    point = Point(1, names={"a": "b"})
    other = changed(point, y=3)
    assert other == replace(point, y=3)
    assert type(other) is Point
    assert point == Point(1, 2, {"a": "b"})
    with pytest.raises(FrozenInstanceError):
        other.x = 2  # type: ignore[misc]  # that is what is tried
    with pytest.raises(AttributeError):
        changed(point, z=1)


def test_a_changed_value_has_what_was_to_be_made_later() -> None:
    asked: list[int] = []
    assert changed(half_made(3, asked), x=4) == Slow(4, 30)
    assert asked == [3]


@pytest.mark.parametrize("wrong", [{}, {"x": 1, "z": 2}])
def test_a_swift_value_takes_its_own_fields_alone(wrong: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        Point(**wrong)  # type: ignore[arg-type]  # that is what is tried


def test_what_is_made_later_is_made_once_and_only_when_it_is_read() -> None:
    asked: list[int] = []
    value = half_made(3, asked)
    assert value.x == 3
    assert not asked
    assert value == Slow(3, 30)
    assert value.y == 30
    assert asked == [3]


def test_a_name_that_is_no_field_asks_for_no_work() -> None:
    asked: list[int] = []
    assert not hasattr(half_made(3, asked), "z")
    assert not asked
