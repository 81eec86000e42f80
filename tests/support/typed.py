"""`hedgerow` typed in this very process: its exit code, what it printed, and what it complained of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeAlias

import pytest

from bot.cli.main import main

Call: TypeAlias = Callable[..., tuple[int, str, str]]


def typing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """What a fixture gives: a function that runs `hedgerow` with these words."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hedgerow", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return run
