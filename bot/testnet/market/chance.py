"""Chance as a function of place: the same words give the same number, whatever was drawn before.

A place is a text such as ``"7:BTC:perp:1611792000000"`` (seed, coin, purpose, index). There is no generator and so no
state: answers do not depend on the order of questions, nor on the process that asks.
"""

from __future__ import annotations

from hashlib import blake2b
from statistics import NormalDist
from struct import Struct

_WORDS = Struct("<16I")
_SCALE = 2.0**-32
_NORMAL = NormalDist()


def uniforms(place: str) -> tuple[float, ...]:
    """Sixteen independent numbers strictly between 0 and 1."""
    return tuple((word + 0.5) * _SCALE for word in _WORDS.unpack(blake2b(place.encode()).digest()))


def uniform(place: str) -> float:
    """One number strictly between 0 and 1."""
    return (int.from_bytes(blake2b(place.encode(), digest_size=4).digest(), "little") + 0.5) * _SCALE


def gauss(place: str) -> float:
    """One standard normal number (by the inverse of its distribution, so at most 6.2 away from 0)."""
    return normal(uniform(place))


def normal(u: float) -> float:
    """The standard normal quantile of `u`, 0 < u < 1."""
    return _NORMAL.inv_cdf(u)
