"""Nothing secret, and nothing that moves a cursor, leaves in a log line.

`Redactor` takes out the secrets it was told, and whatever stands where a secret usually stands: signatures, API keys,
passphrases, in query strings, headers, JSON and Python texts alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote, quote_plus

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"

REDACTED = "[redacted]"

_NAME = (
    r"(?:[\w-]{0,40}?(?:signature|api[-_]?key|secret|passphrase|password|listen[-_]?key)[\w-]{0,40}"
    r"|x-bapi-[\w-]{1,40}|access-[\w-]{1,40}|(?:proxy-)?authorization|sign)"
)
# A name, perhaps in (escaped) quotes; a colon or equals sign; a value: quoted, or up to the next delimiter.
_PAIR = re.compile(
    rf"""(?ixs) (?<![\w-]) ( {_NAME} \\{{0,8}}["']? \s{{0,4}} (?: [:=] | %3D ) \s{{0,4}} (?: b(?=["']) )? )
    (?! \[redacted\] )
    (?: " (?: \\. | [^"\\] )* "  |  ' (?: \\. | [^'\\] )* '  |  (?P<open> \\{{1,8}}["'] ) .*? (?P=open)
      | (?: (?: bearer | basic ) \s+ )? \\{{0,8}} ["']? [^\s"'&,;}}\])>\\]+ )""",
)
_SECRET_NAME = re.compile(rf"(?i){_NAME}")

# C0 and C1 controls, DEL, and what reorders or breaks a line of text.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escape(text: str) -> str:
    r"""The text on one line: control characters (ANSI sequences among them) as `\x1b`, `\n` or `\u2028`."""
    if text.isprintable():  # nearly always, and many times faster to see
        return text
    return CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


@lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    """Whether what stands under this name is secret; fields have few names."""
    return _SECRET_NAME.fullmatch(name) is not None


class Redactor:
    """Takes secrets out of values. `secrets`: exact texts, wherever they appear, URL-encoded too.

    A text of fewer than four letters is no secret: taking it out would only make the log unreadable.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets if len(secret) >= 4
                 for form in (secret, quote(secret, safe=""), quote_plus(secret))}
        longest_first = sorted(known, key=lambda form: (-len(form), form))
        self._exact = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def known(self, text: str) -> str:
        """The text without the secrets that were told; names that only look like theirs keep what follows them."""
        return text if self._exact is None else self._exact.sub(REDACTED, text)

    def text(self, text: str) -> str:
        """The text without secrets."""
        text = self.known(text)
        may_pair = ":" in text or "=" in text or "%3" in text
        return _PAIR.sub(rf"\1{REDACTED}", text) if may_pair else text

    def value(self, value: object) -> Plain:
        """The value as plain JSON: money as strings, no secrets, no control characters."""
        if isinstance(value, Mapping):
            return {self._line(key): self._of_name(key, item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        if isinstance(value, (set, frozenset)):
            return sorted((self.value(item) for item in value), key=str)
        if is_dataclass(value) and not isinstance(value, type):
            return self.value({field.name: getattr(value, field.name) for field in fields(value)})
        return self._scalar(value)

    def _scalar(self, value: object) -> Plain:
        if isinstance(value, Enum):
            return self._scalar(value.value)
        if value is None or isinstance(value, (bool, float)):
            return value
        if isinstance(value, int):
            return value if -(2**63) <= value < 2**63 else str(value)
        if isinstance(value, Decimal):
            return format(value, "f")
        return self._line(f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else value)

    def _of_name(self, name: object, value: object) -> Plain:
        return REDACTED if value is not None and _is_secret(str(name)) else self.value(value)

    def _line(self, value: object) -> str:
        return escape(self.text(value if isinstance(value, str) else str(value)))
