"""For terminals and files that have no signs beyond their own few: the same words, in signs that they have."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Mapping
from typing import IO, Final

_ASCII: Final[Mapping[str, str]] = {
    "→": "->", "−": "-", "–": "-", "—": "-", "§": "section ", "×": "x", "·": "*", "Σ": "sum ", "…": "...", "≥": ">=",
    "≤": "<=", "±": "+/-", "≈": "~", "“": '"', "”": '"', "‘": "'", "’": "'",
}
_NAME: Final = "hedgerow"


def spelt(text: str, encoding: str | None) -> str:
    """`text` in signs that `encoding` has (None: any): known signs by their ASCII spelling, others as escapes."""
    if encoding is None or text.isascii():
        return text
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_spell(sign, encoding) for sign in text)
    except LookupError:
        return spelt(text, "ascii")
    return text


def _spell(sign: str, encoding: str) -> str:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return _ASCII.get(sign, sign.encode("ascii", "backslashreplace").decode("ascii"))
    return sign


def never_fail(*streams: IO[str] | None) -> None:
    """Let the streams spell what their encoding lacks, instead of raising; for answers that are printed whole."""
    codecs.register_error(_NAME, _handle)
    for stream in streams or (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_NAME)


def _handle(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_spell(sign, error.encoding) for sign in error.object[error.start:error.end]), error.end
