"""API keys: from the environment or from files that nobody else can read; never from the configuration file."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.errors import ConfigError
from bot.settings.handed import PREFIX, Handed


class Keys(Handed):
    """The parts of an API key, as far as they are given."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    api_key: SecretStr | None = None
    api_secret: SecretStr | None = None


VARIABLES = {name: f"{PREFIX}{name.upper()}" for name in Keys.model_fields}
"""The variable of each part."""

ALERT_URLS = f"{PREFIX}ALERT_URLS"
"""The variable of the addresses of alerts, which hold tokens; their file is called `alert_urls`."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key and its secret. Neither is ever shown."""

    key: str = field(repr=False)
    secret: str = field(repr=False)


LOCAL = Credentials("local-key", "local-secret")
"""What the local testnet accepts unless told otherwise."""


_handed_out: set[str] = set()


def handed_out() -> frozenset[str]:
    """Every part of a key that this process was given: whatever it says last must hold none of them."""
    return frozenset(_handed_out)


NO_KEY = Credentials("", "")
"""What opens nothing: market data is for anybody."""


class KeyVariables(EnvSettingsSource):
    """The variables of `Keys` among those given, in any case."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(Keys)
        self.env_vars = {name.lower(): text for name, text in variables.items()}

    def __call__(self) -> dict[str, Any]:
        """Raises ConfigError for what is no key."""
        return {name: SecretStr(_checked(text, VARIABLES[name])) for name, text in super().__call__().items()}


class KeyFiles(PydanticBaseSettingsSource):
    """The files of a secrets directory, each named like its part; those that a variable outdid are not opened.

    In place of pydantic-settings' own, which would read what others can read too, and skip what it cannot read.
    """

    def __init__(self, secrets_dir: Path | None) -> None:
        super().__init__(Keys)
        self._folder = secrets_dir

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the port's
        """One part. Raises ConfigError for a file that is no secret."""
        text = None if self._folder is None else _read(self._folder / field_name)
        return None if text is None else SecretStr(text), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Raises ConfigError for a file that is no secret."""
        wanted = {name: field for name, field in Keys.model_fields.items() if name not in self.current_state}
        found = {name: self.get_field_value(field, name)[0] for name, field in wanted.items()}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where keys are looked for: variables already read, then files in `directory`."""

    directory: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, directory: Path | None, environ: Mapping[str, str]) -> Self:
        """With the variables of keys among all."""
        secret = {*VARIABLES.values(), ALERT_URLS}
        return cls(directory, {name: text for name, text in environ.items() if name.upper() in secret})

    def alert_urls(self) -> tuple[str, ...]:
        """The addresses, from the variable or the file: one a line, or parted by spaces; lines with # say nothing.

        Raises ConfigError for a file that others can read.
        """
        given = next((text for name, text in self.variables.items() if name.upper() == ALERT_URLS), None)
        if given is None and self.directory is not None:
            given = _content(self.directory / ALERT_URLS.removeprefix(PREFIX).lower())
        lines = (given or "").splitlines()
        found = tuple(url for line in lines if not line.lstrip().startswith("#") for url in line.split())
        _handed_out.update(found)
        return found

    def credentials(self, *, purpose: str, default: Credentials | None = None) -> Credentials:
        """Both keys; `default` where neither is given. Raises ConfigError in one line: what is missing, how to give it.

        Files are read now, so that a key replaced on disk is used by the next start.
        """
        keys = Keys.of(KeyVariables(self.variables), KeyFiles(self.directory))
        if keys.api_key is not None and keys.api_secret is not None:
            found = Credentials(keys.api_key.get_secret_value(), keys.api_secret.get_secret_value())
            _handed_out.update((found.key, found.secret))
            return found
        missing = [name for name in Keys.model_fields if getattr(keys, name) is None]
        if default is not None and len(missing) == len(Keys.model_fields):
            return default
        places = f" in {self.directory}" if self.directory else " in a folder named by secrets_dir"
        raise ConfigError(
            f"{purpose} needs {' and '.join(missing)}: set {' and '.join(VARIABLES[name] for name in missing)}, "
            f"or write {'it' if len(missing) == 1 else 'each'} to a file of that name{places} (mode 600)",
        )


def _read(path: Path) -> str | None:
    """A key's file; None where there is none. Raises ConfigError when others could read it too."""
    text = _content(path)
    return None if text is None else _checked(text, str(path))


def _content(path: Path) -> str | None:
    """A secret file's content; None where there is none. Raises ConfigError when others could read it too."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError(f"{path}: is no file")
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{path}: others can read it (mode {stat.S_IMODE(mode):o}). Allowed: chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip()
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
