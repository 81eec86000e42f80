"""One writer a journal: a lock file beside it, held by the kernel for as long as the process lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from bot.errors import JournalError, JournalLocked


def holder(journal: Path) -> str | None:
    """The id of the process that has the journal; None where none has, or that cannot be looked at."""
    try:
        descriptor = os.open(_beside(journal), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def _beside(journal: Path) -> Path:
    return journal.with_name(journal.name + ".lock")


class FileLock:
    """An exclusive `flock` on `<journal>.lock`. A killed holder leaves no lock behind, only the empty file."""

    def __init__(self, journal: Path) -> None:
        self.path = _beside(journal)
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises JournalLocked when another process (or journal object) has it."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{self.path} cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise JournalLocked(f"{self.path} is held by process {holder}: one journal, one bot") from None
        except OSError as error:
            os.close(descriptor)
            raise JournalError(f"{self.path} cannot be locked: {error.strerror}") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it is not held. The file stays: removing it would let two in."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
