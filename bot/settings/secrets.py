"""API keys: from the environment or from files that nobody else can read; never from the configuration file."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import ConfigError

NAMES = ("api_key", "api_secret")
VARIABLES = {"api_key": "HEDGEROW_API_KEY", "api_secret": "HEDGEROW_API_SECRET"}  # the variables' names, no secrets


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key and its secret. Neither is ever shown."""

    key: str = field(repr=False)
    secret: str = field(repr=False)


LOCAL = Credentials("local-key", "local-secret")
"""What the local testnet accepts unless told otherwise."""


NO_KEY = Credentials("", "")
"""What opens nothing: market data is for anybody."""


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where keys are looked for: variables already read, then files in `directory`."""

    directory: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def credentials(self, *, purpose: str, default: Credentials | None = None) -> Credentials:
        """Both keys; `default` where neither is given. Raises ConfigError in one line: what is missing, how to give it.

        Files are read now, so that a key replaced on disk is used by the next start.
        """
        found = {name: value for name in NAMES if (value := self._one(name)) is not None}
        if not found and default is not None:
            return default
        missing = [name for name in NAMES if name not in found]
        if missing:
            places = f" in {self.directory}" if self.directory else " in a folder named by secrets_dir"
            raise ConfigError(
                f"{purpose} needs {' and '.join(missing)}: set {' and '.join(VARIABLES[name] for name in missing)}, "
                f"or write {'it' if len(missing) == 1 else 'each'} to a file of that name{places} (mode 600)",
            )
        return Credentials(found["api_key"], found["api_secret"])

    def _one(self, name: str) -> str | None:
        value = self.variables.get(name)
        if value is not None:
            return _checked(value, VARIABLES[name])
        return None if self.directory is None else _read(self.directory / name)


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The keys that the environment holds, by name."""
    return {name: environ[variable] for name, variable in VARIABLES.items() if variable in environ}


def _read(path: Path) -> str | None:
    """A secret file's content; None where there is none. Raises ConfigError when others could read it too."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError(f"{path}: is no file")
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{path}: others can read it (mode {stat.S_IMODE(mode):o}). Allowed: chmod 600 {path}")
        return _checked(path.read_text(encoding="utf-8").strip(), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is no text") from None


def _checked(value: str, where: str) -> str:
    if not value:
        raise ConfigError(f"{where}: is empty")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigError(f"{where}: holds characters that no key has (spaces, line breaks or the like)")
    return value
