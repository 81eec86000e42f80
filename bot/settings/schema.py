"""Walking the settings' model: which keys exist, how each is written, and which one a variable's name means."""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot.settings.grammar import Form
from bot.settings.model import Section
from bot.settings.problems import Key


def core_type(annotation: Any) -> Any:  # noqa: ANN401 - annotations are any object
    """The annotation without `| None` and without Annotated."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return core_type(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not types.NoneType]
        return core_type(kinds[0])
    return annotation


def section_of(annotation: Any) -> type[Section] | None:  # noqa: ANN401 - annotations are any object
    """The section that this annotation holds, if it holds one."""
    kind = core_type(annotation)
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def entry_type(annotation: Any) -> Any | None:  # noqa: ANN401 - annotations are any object
    """What each entry of a mapping by coin holds; None for anything but such a mapping."""
    kind = core_type(annotation)
    return get_args(kind)[1] if get_origin(kind) is dict else None


def field_at(root: type[BaseModel], key: Key) -> FieldInfo | None:
    """The field that a key path ends in (for an entry of a mapping: the mapping's); None when there is none."""
    field: FieldInfo | None = None
    section: type[BaseModel] | None = root
    entry: Any | None = None
    for name in key:
        if entry is not None:
            section, entry = section_of(entry), None
            continue
        field = section.model_fields.get(name) if section is not None else None
        if field is None:
            return None
        section, entry = section_of(field.annotation), entry_type(field.annotation)
    return field


def form_of(field: FieldInfo) -> Form | None:
    """How a field's values are written; None for sections and free text."""
    for item in field.metadata:
        if isinstance(item, Form):
            return item
    return _form(field.annotation)


def _form(annotation: Any) -> Form | None:  # noqa: ANN401 - annotations are any object
    kind = core_type(annotation)
    if get_origin(kind) is dict:
        return _form(get_args(kind)[1])
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return Form("word", " or ".join(kind))
    if get_origin(kind) is Literal:
        return Form("word", " or ".join(get_args(kind)))
    if kind is bool:
        return Form("truth value", "true or false")
    return next((form for form in _annotated(annotation) if isinstance(form, Form)), None)


def _annotated(annotation: Any) -> Iterator[object]:  # noqa: ANN401 - annotations are any object
    if get_origin(annotation) is Annotated:
        yield from get_args(annotation)[1:]
    for inner in get_args(annotation):
        yield from _annotated(inner)


def resolve(root: type[BaseModel], words: tuple[str, ...]) -> Key | None:
    """The key that words in any case mean: keys are small, coins are capital. None when it is not a single value."""
    section: type[BaseModel] | None = root
    entry: Any | None = None
    key: Key = ()
    for word in words:
        if entry is not None:
            key, section, entry, leaf = (*key, word.upper()), section_of(entry), None, section_of(entry) is None
        else:
            field = section.model_fields.get(word.lower()) if section is not None else None
            if field is None:
                return None
            section, entry = section_of(field.annotation), entry_type(field.annotation)
            key, leaf = (*key, word.lower()), section is None and entry is None
        if not word:
            return None
    return key if words and leaf else None


def leaves(root: type[BaseModel], above: Key = ()) -> Iterator[tuple[Key, FieldInfo]]:
    """Every key with a value of its own; a mapping's coin is written COIN."""
    for name, field in root.model_fields.items():
        inner, entry = section_of(field.annotation), entry_type(field.annotation)
        if inner is not None:
            yield from leaves(inner, (*above, name))
        elif entry is not None and section_of(entry) is not None:
            yield from leaves(section_of(entry) or root, (*above, name, "COIN"))
        elif entry is not None:
            yield (*above, name, "COIN"), field
        else:
            yield (*above, name), field
