"""Values part of which is worked out only when somebody reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

T = TypeVar("T")


class Later:
    """Base of a frozen dataclass with slots whose unset fields `_work` returns, all at once, at the first look.

    A field that was given at construction never asks for it. Such a value compares, copies and is written down like
    any other of its class: to read is to know.
    """

    __slots__ = ("_work",)
    _twin: ClassVar[Any]
    _work: Callable[[], Mapping[str, object]]

    if not TYPE_CHECKING:  # a type checker is to know the declared fields alone

        def __getattr__(self, name: str) -> object:
            """Only reached for a slot without a value."""
            if name.startswith("_") or name not in self.__dataclass_fields__:
                raise AttributeError(f"{type(self).__name__} has no {name}")
            for field, value in self._work().items():
                object.__setattr__(self, field, value)
            return object.__getattribute__(self, name)


class Kept:
    """Base of a frozen dataclass with slots that is asked the same question many times, and answers it once.

    `_answer` is unset until then: to look at it and to miss it costs less than to ask whether it is there.
    """

    __slots__ = ("_answer",)
    _answer: Any

    def keep(self, answer: T) -> T:
        """The answer, which is kept; from now on `_answer` is it."""
        object.__setattr__(self, "_answer", answer)
        return answer
