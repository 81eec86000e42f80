"""What most commands begin with: the configuration that was asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import Code, CommandFailed
from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.settings import Settings

DEFAULT_FILE = "hedgerow.yaml"

Config = Annotated[Path | None, typer.Option(
    "--config", "-c", metavar="FILE", envvar="HEDGEROW_CONFIG", show_default=False,
    help="The configuration. Default: hedgerow.yaml in this folder, else HEDGEROW_* variables alone.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; amounts are strings.")]


def load_settings(config: Path | None, venue: str | None = None) -> Settings:
    """The configuration that was asked for, or the one that is there; `venue`: on this one. Raises ConfigError."""
    from bot.settings import load

    if config is None and Path(DEFAULT_FILE).is_file():
        config = Path(DEFAULT_FILE)
    if config is None and not any(name.upper() == "HEDGEROW_ENVIRONMENT" for name in os.environ):
        raise ConfigError(
            f"no configuration: there is no {DEFAULT_FILE} here. Allowed: -c FILE (examples are in config/)")
    return load(config, os.environ if venue is None else {**os.environ, "HEDGEROW_VENUE": venue})


def with_journal(config: Path | None) -> Settings:
    """The configuration of a bot that has run at least once."""
    settings = load_settings(config)
    if not settings.journal.is_file():
        raise CommandFailed(Code.NOT_RUNNING, f"no bot has run with this configuration: no journal {settings.journal}")
    return settings
