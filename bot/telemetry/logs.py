"""Logging set up once: events and the standard library's records through the same processors to file and console."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter

from bot.core.times import iso
from bot.errors import ConfigError
from bot.ports import Clock
from bot.telemetry.console import Console, console_for
from bot.telemetry.events import Emit, emit, emit_strictly
from bot.telemetry.redaction import Redactor, escape

MAX_BYTES = 20_000_000
KEEP = 5

# At DEBUG ccxt prints keys (headers and signed queries); at INFO the database layers print every statement.
_PINNED = {
    "ccxt.base.exchange": logging.INFO, "ccxt": logging.INFO, "asyncio": logging.INFO, "aiosqlite": logging.INFO,
    "sqlalchemy": logging.WARNING, "alembic": logging.WARNING,
}

_Fields = MutableMapping[str, Any]


class Logs:
    """The logging that `configure` set up; `emit` says an event. A context manager: `close` takes it down again."""

    def __init__(self, handlers: Sequence[logging.Handler], *, strict: bool) -> None:
        self.emit: Emit = emit_strictly if strict else emit
        self._handlers = tuple(handlers)

    def close(self) -> None:
        """Flush, and release file and loggers."""
        root = logging.getLogger()
        for handler in self._handlers:
            root.removeHandler(handler)
            handler.close()
        logging.captureWarnings(False)
        structlog.reset_defaults()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self.close()


def configure(
    *, clock: Clock, log_file: Path | None = None, console: bool = True, level: str = "info",
    secrets: Sequence[str] = (), max_bytes: int = MAX_BYTES, keep: int = KEEP, stream: IO[str] | None = None,
    strict: bool = False,
) -> Logs:
    """Set up logging for the process.

    `log_file`: JSON lines of at least `level`, rotated at `max_bytes`, `keep` old files kept; None: no file.
    `console`: transitions to `stream` (standard error). `secrets`: exact texts that never appear. `strict`: refuse
    events the table lacks.
    Raises ConfigError when the file cannot be written.
    """
    redactor = Redactor(secrets)
    prepare = _Prepare(clock, redactor)
    handlers: list[logging.Handler] = []
    if log_file is not None:
        handlers.append(_file(log_file, max_bytes, keep))
        handlers[-1].setFormatter(_formatter(prepare, _json))
        handlers[-1].setLevel(level.upper())
    if console:
        shown = console_for(stream or sys.stderr)
        handlers.append(_Stream(stream or sys.stderr))
        handlers[-1].setFormatter(_formatter(prepare, _Shown(shown)))
    root = logging.getLogger()
    root.setLevel(min(logging.INFO, logging.getLevelName(level.upper())))  # transitions are INFO
    for handler in handlers:
        root.addHandler(handler)
    for name, least in _PINNED.items():
        logging.getLogger(name).setLevel(least)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level, structlog.stdlib.add_log_level, ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return Logs(handlers, strict=strict)


class _Prepare:
    """Time, level, exception; then no secrets and no control characters: the fields as both renderers get them."""

    def __init__(self, clock: Clock, redactor: Redactor) -> None:
        self._clock = clock
        self._redactor = redactor

    def __call__(self, _: object, __: str, event: _Fields) -> _Fields:
        record: logging.LogRecord = event.pop("_record")
        ours = event.pop("_from_structlog")
        head: dict[str, object] = {"ts": iso(self._clock.now())}
        if ours:
            head |= {"level": event.pop("level", record.levelname.lower()), "event": event.pop("event")}
        else:
            head |= {"level": record.levelname.lower(), "event": "log", "logger": record.name,
                     "message": event.pop("event")}
        error = event.pop("exc_info", None)
        fields = self._redactor.value(head | dict(event))
        if not isinstance(fields, dict):
            raise TypeError("an event is a mapping")
        if trace := self._trace(error):
            fields["exception"] = list(trace)
        return fields

    def _trace(self, error: object) -> Sequence[str]:
        if error is True:
            error = sys.exc_info()
        if isinstance(error, tuple):
            error = error[1]
        if not isinstance(error, BaseException):
            return ()
        text = self._redactor.text("".join(traceback.format_exception(error)))
        return [escape(line) for line in text.splitlines()]


def _formatter(prepare: _Prepare, render: Callable[[object, str, _Fields], str]) -> ProcessorFormatter:
    # Exceptions are among the fields by then; the standard library would print them once more, unredacted.
    return ProcessorFormatter(processors=[prepare, render], keep_exc_info=False, keep_stack_info=False)


def _json(_: object, __: str, event: _Fields) -> str:
    return orjson.dumps(event, default=str).decode()


class _Shown:
    """The console's rendering; an empty text for what is not shown (`_Stream` then writes nothing)."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, _: object, __: str, event: _Fields) -> str:
        return self._console.render(event) if self._console.shows(event) else ""


def _trouble(_: logging.LogRecord) -> None:
    """What a handler does when it cannot write: say so, without the record (whose text nobody has redacted)."""
    error = sys.exc_info()[1]
    if sys.stderr is not None:
        sys.stderr.write(f"a log line could not be written: {type(error).__name__}\n")


class _Stream(logging.StreamHandler[IO[str]]):
    handleError = staticmethod(_trouble)  # type: ignore[assignment]  # noqa: N815  # the base's name

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if text := self.format(record):
                self.stream.write(text + self.terminator)
                self.flush()
        except Exception:  # noqa: BLE001  # logging never stops the bot
            self.handleError(record)


class _File(RotatingFileHandler):
    handleError = staticmethod(_trouble)  # type: ignore[assignment]  # noqa: N815  # the base's name
    _formatted: tuple[logging.LogRecord | None, str] = (None, "")

    def _open(self) -> TextIOWrapper:
        """For its owner alone, where it is new: it tells what an account holds."""
        descriptor = _private(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding=self.encoding)

    def format(self, record: logging.LogRecord) -> str:
        """The base asks twice for each record: to see whether it still fits, and to write it."""
        if self._formatted[0] is not record:
            self._formatted = record, super().format(record)
        return self._formatted[1]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _file(path: Path, max_bytes: int, keep: int) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _File(path, maxBytes=max_bytes, backupCount=keep, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written as a log file: {error.strerror}") from None
