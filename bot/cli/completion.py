"""`hedgerow completion`: what a shell needs to complete our commands and options, by typer's own machinery."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

VARIABLE = "_HEDGEROW_COMPLETE"
"""The variable by which the shell's script asks for completions."""


class Shell(StrEnum):
    """Shells that can be served."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="The shell it is for.", show_default=False)]) -> None:
    """Print the script that completes commands and options in your shell.

    \b
    Examples:
      eval "$(hedgerow completion bash)"     in ~/.bashrc
      eval "$(hedgerow completion zsh)"      in ~/.zshrc, after compinit
      hedgerow completion fish > ~/.config/fish/completions/hedgerow.fish
    """
    from typer._completion_shared import get_completion_script

    typer.echo(get_completion_script(prog_name="hedgerow", complete_var=VARIABLE, shell=shell))


def prepare() -> None:
    """Make the shells known to the parser, for a call that asks for completions: any other start goes without."""
    from typer._completion_classes import completion_init

    completion_init()
