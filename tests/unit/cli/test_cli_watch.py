"""`status --watch`, on a terminal and without one."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bot import answers
from bot.cli import watch
from bot.cli.main import main
from bot.core.decision import MarginFigures
from bot.core.money import ZERO
from bot.journal.views import Binding, Heartbeat, StatusReport
from bot.settings import Settings

EMPTY = StatusReport(
    Binding("demo", "binance", "1", "hedgerow", 0), Heartbeat(0, 0, 1, 5_000), 1, ZERO, ZERO, None,
    MarginFigures(ZERO, ZERO, ZERO, None, None), (), (), (), (), None, (),
)
LATER = replace(EMPTY, heartbeat=Heartbeat(5_000, 5_000, 2, 5_000))
CHANGED = replace(LATER, halted="hedge mode")


def reading(*reports: StatusReport) -> tuple[Callable[[], StatusReport], Callable[[float], None], list[float]]:
    """A reader of these reports, and a pause that interrupts after the last of them, as Ctrl-C does."""
    left: Iterator[StatusReport] = iter(reports)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == len(reports):
            raise KeyboardInterrupt

    return lambda: next(left), pause, pauses


def test_without_a_terminal_each_change_is_printed_once() -> None:
    read, pause, pauses = reading(EMPTY, LATER, CHANGED, CHANGED, EMPTY)
    said: list[StatusReport] = []
    watch.print_changes(read, said.append, interval=2.0, pause=pause)
    assert said == [EMPTY, CHANGED, EMPTY]
    assert pauses == [2.0] * 5


def test_on_a_terminal_the_screen_is_redrawn_and_the_last_answer_stays() -> None:
    read, pause, _ = reading(EMPTY, LATER, CHANGED)
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, highlight=False, color_system=None)
    watch.redraw(read, lambda report: f"halted: {report.halted}", console, interval=1.0, pause=pause)
    screen, _, after = stream.getvalue().rpartition("\x1b[?1049l")
    assert "halted: None" in screen
    assert "halted: hedge mode" in screen
    assert "halted: hedge mode" in after


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_ctrl_c_ends_it_with_exit_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str],
) -> None:
    read, pause, pauses = reading(EMPTY, CHANGED)
    (tmp_path / "mine.yaml").write_text(
        'venue: binance\nenvironment: local\nassets: {BTC: {target: "80%"}}\ncash: {USDT: "20%"}\n', encoding="utf-8")
    (tmp_path / "mine.db").touch()

    def read_status(_settings: Settings) -> StatusReport:
        return read()

    monkeypatch.setattr(answers, "read_status", read_status)
    monkeypatch.setattr(watch.print_changes, "__kwdefaults__", {"pause": pause})
    monkeypatch.setattr(
        sys, "argv", ["hedgerow", "status", "-c", str(tmp_path / "mine.yaml"), "--watch", "--interval", "3s", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    out = capsys.readouterr().out
    assert ended.value.code in (0, None)
    assert pauses == [3.0, 3.0]
    if words:
        first, rest = json.JSONDecoder().raw_decode(out)
        assert first["halted"] is None
        assert json.loads(out[rest:])["halted"] == "hedge mode"
    else:
        assert out.count("HALTED: hedge mode") == 1
