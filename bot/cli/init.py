"""`hedgerow init`: a first configuration, and what to do with it. Asks nothing, sends nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.environment import Environment
    from bot.settings import Settings

_Choice = TypeVar("_Choice", bound=StrEnum)


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")] = Path("hedgerow.yaml"), *,
    venue: Annotated[str, typer.Option(metavar="NAME", help="The exchange.")] = "binance",
    environment: Annotated[str, typer.Option(
        metavar="NAME", help="demo or testnet (the exchange's play money), local (this machine) or live (real money)."),
    ] = "demo",
) -> None:
    """Write a commented configuration: every key with its meaning and its default.

    It is complete as it is written, and readable by you alone. Asks nothing, overwrites nothing, and says what to do
    next. Live trades only with further opt-ins, which it does not give.

    \b
    Examples:
      hedgerow init
      hedgerow init --environment local mine.yaml
    """
    from bot.environment import OFFERS
    from bot.settings import Venue, load
    from bot.settings.sample import sample

    exchange = _one_of(tuple(Venue), "venue", venue)
    where = _one_of(OFFERS[exchange].environments, "environment", environment, OFFERS[exchange].lacks)
    _write(file, sample(exchange, where, file.stem))
    typer.echo(f"{file}: written for {exchange}, environment {where}. Set your coins and their weights in it.")
    for line in _next(load(file, {}), where, shlex.quote(str(file))):
        typer.echo(line)


def _one_of(allowed: Sequence[_Choice], name: str, given: str, why_not: str = "") -> _Choice:
    chosen = next((each for each in allowed if each == given), None)
    if chosen is None:
        because = f" ({why_not})" if why_not else ""
        raise ConfigError(f"--{name}: {given!r} is not served{because}. Allowed: {', '.join(allowed)}")
    return chosen


def _write(file: Path, text: str) -> None:
    """Create the file with mode 600; one that is there already, even as a broken link, stays as it is."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ConfigError(f"{file} is there already and stays as it is. Allowed: another FILE") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from None


def _next(settings: Settings, environment: Environment, file: str) -> list[str]:
    """The next commands, in their order."""
    if settings.local:
        return ["Next:", f"  hedgerow demo -c {file}", "or, to watch it from another terminal:",
                f"  hedgerow testnet serve -c {file}", f"  hedgerow run -c {file}"]
    lines = ["Next, without a key (real prices, simulated fills):", f"  hedgerow run --dry-run -c {file}"]
    if settings.secrets_dir is not None:
        folder = shlex.quote(os.path.relpath(settings.secrets_dir))
        lines += ["With a key, each part in a file that only you can read:", f"  mkdir -m 700 -p {folder}",
                  f"  (umask 077; cat > {folder}/api_key)       # paste, Enter, Ctrl-D",
                  f"  (umask 077; cat > {folder}/api_secret)", f"  hedgerow plan -c {file}"]
    if environment in ("demo", "testnet"):
        lines += ["Then orders, with play money and a journal of their own (the rehearsal keeps its):",
                  f"  HEDGEROW_JOURNAL=orders.db hedgerow run -c {file}"]
    if environment == "live":
        lines.append('Real money takes three more opt-ins: docs/configuration.md, "Real money".')
    return lines
