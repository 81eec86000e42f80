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

normal = NormalDist().inv_cdf
"""The standard normal quantile of a number strictly between 0 and 1."""


def words(place: str) -> tuple[int, ...]:
    """Sixteen independent numbers of 32 bits; `uniform` brings each between 0 and 1."""
    return _WORDS.unpack(blake2b(place.encode()).digest())


def uniform(word: int) -> float:
    """A word as a number strictly between 0 and 1."""
    return (word + 0.5) * _SCALE


def gauss(place: str) -> float:
    """One standard normal number (by the inverse of its distribution, so at most 6.3 away from 0)."""
    return normal((int.from_bytes(blake2b(place.encode(), digest_size=4).digest(), "little") + 0.5) * _SCALE)


class Strip:
    """Numbers at the whole positions 0, 1, 2 … of a place; sixteen neighbours come of one hash, which it keeps."""

    __slots__ = ("_blocks", "_place")

    def __init__(self, place: str) -> None:
        self._place = place
        self._blocks: dict[int, tuple[int, ...]] = {}

    def uniform(self, position: int) -> float:
        """The number at `position` ≥ 0, strictly between 0 and 1."""
        block = self._blocks.get(position >> 4)
        if block is None:
            block = self._blocks[position >> 4] = words(f"{self._place}:{position >> 4}")
        return (block[position & 15] + 0.5) * _SCALE
