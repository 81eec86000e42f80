"""Frozen values that are made as fast as open ones.

A frozen dataclass sets each field through `object.__setattr__`, which takes five times as long as an assignment; of the
values that are made at every look there are many. `swift` gives such a class an `__init__` that assigns to the same
object while it is still of an open twin class, with the same slots, and freezes it by giving it its own class.
`changed` makes a value of another in the same way: what `dataclasses.replace` does, in a quarter of the time.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


def swift(frozen: type[T]) -> type[T]:
    """Above `@dataclass(frozen=True, slots=True)`: the same class, made faster. Fields must all be init fields."""
    name, slots = frozen.__name__, frozen.__dict__["__slots__"]
    twin = type(f"_Open{name}", frozen.__bases__, {"__slots__": slots, "__module__": frozen.__module__})
    names: dict[str, Any] = {"become": object.__dict__["__class__"].__set__, "twin": twin, "frozen": frozen}
    given, body, copied = [], [], []
    for field in fields(frozen):  # type: ignore[arg-type]  # what is a dataclass is not said of a type variable
        copied.append(f"new.{field.name} = self.{field.name}")
        if field.default_factory is not MISSING:
            names[f"make_{field.name}"], names["missing"] = field.default_factory, MISSING
            given.append(f"{field.name}=missing")
            body.append(f"self.{field.name} = make_{field.name}() if {field.name} is missing else {field.name}")
            continue
        if field.default is not MISSING:
            names[f"default_{field.name}"] = field.default
            given.append(f"{field.name}=default_{field.name}")
        else:
            given.append(field.name)
        body.append(f"self.{field.name} = {field.name}")
    lines = [f"def __init__(self, {', '.join(given)}):", "become(self, twin)", *body, "self.__class__ = frozen"]
    copying = ["def _copy(self):", "new = twin()", *copied, "return new"]
    # As dataclasses does: the text is made of field names alone.
    exec("\n    ".join(lines) + "\n" + "\n    ".join(copying), names)  # noqa: S102 - see above
    init = names["__init__"]
    init.__qualname__ = f"{frozen.__qualname__}.__init__"
    init.__annotations__ = frozen.__init__.__annotations__
    frozen.__init__ = init  # type: ignore[method-assign]  # that is what this is for
    frozen._copy = names["_copy"]  # type: ignore[attr-defined]  # noqa: SLF001 - for `changed`
    frozen._twin = twin  # type: ignore[attr-defined]  # noqa: SLF001 - for `bot.core.later`, which makes values in part
    return frozen


def changed(value: T, **fields: object) -> T:
    """A swift value with some fields changed. Raises AttributeError for what is no field of it."""
    frozen = value.__class__
    new = frozen._copy(value)  # type: ignore[attr-defined]  # noqa: SLF001 - `swift` gave it
    for name, to in fields.items():
        setattr(new, name, to)
    new.__class__ = frozen
    made: T = new
    return made
