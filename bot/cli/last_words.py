"""What a command says when it fails: never a key, never a sign that moves a cursor."""

from __future__ import annotations

import traceback

from bot.cli.exits import CommandFailed
from bot.errors import HedgerowError
from bot.settings import handed_out
from bot.telemetry.redaction import Redactor, escape


def complaint(error: Exception) -> str:
    """One clear thing; line breaks of our own texts stay."""
    redactor, text = Redactor(handed_out()), str(error) or type(error).__name__
    if isinstance(error, (HedgerowError, CommandFailed)):
        # Our own texts name keys ("api_key: is empty") and never show one: only what is one goes.
        lines = redactor.known(text).split("\n")
    else:
        lines = [f"unexpected {type(error).__name__}: {redactor.text(text)} (--debug before the command shows where)"]
    return "hedgerow: " + "\n".join(map(escape, lines)) + "\n"


def trace(error: Exception) -> str:
    """Where it came from, with what led to it (`--debug`)."""
    text = Redactor(handed_out()).text("".join(traceback.format_exception(error)))
    return "".join(f"{escape(line)}\n" for line in text.split("\n"))
