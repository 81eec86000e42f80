"""Files that a command leaves: whole or not at all, and never in another's place unasked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bot.errors import ConfigError


def write(path: Path, text: str, *, force: bool = False) -> int:
    """Write `path` in one step; its size in bytes. Raises ConfigError where it is there already, or cannot be written.

    Without `force` nothing is replaced, not even what appears there meanwhile.
    """
    content = text.encode()
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())  # noqa: PTH101 - beside the other calls of os
            if force:
                os.replace(name, path)  # noqa: PTH105 - as above
            else:
                os.link(name, path)  # fails where something is there by now
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        raise ConfigError(f"{path} is there already. Allowed: another name, or --force to replace it") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    return len(content)


def must_be_free(paths: Iterable[Path]) -> None:
    """Before several files are written together: raises ConfigError where one of them is there already."""
    for path in paths:
        if path.exists():
            raise ConfigError(f"{path} is there already. Allowed: another name, or --force to replace it")


def _umask() -> int:
    """What the user does not let others do with new files. It can be read only by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
