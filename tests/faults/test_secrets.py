"""Keys planted wherever a venue could repeat them, and words that would move a cursor: what is left of both."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rig import SECRET, Rig

from bot import answers, app
from bot.cli import render, render_explain
from bot.cli.main import main
from bot.core.decision import Refusal
from bot.errors import HedgerowError, Unavailable
from bot.settings import load
from bot.telemetry.logs import Logs, configure
from bot.testnet.faults import Kind

KEY = "local-key"
ESCAPES = "\r\n2021-01-28 forged line \x1b[31mred\x1b]0;title\x07 \x9b2J \u202emoc"
HOSTILE = f"apiKey={KEY}&secret={SECRET}&signature=deadbeef0123 X-MBX-APIKEY: {KEY} {SECRET}{ESCAPES}"
MOVES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
LEAKS = (KEY, SECRET, "deadbeef0123")

REFUSED = {"binance": (-2019, 400), "bybit": (110007, 200)}
REVOKED = {"binance": (-2015, 401), "bybit": (10003, 200)}


def leaks(text: str) -> list[str]:
    """What of the planted is in the text."""
    return [leak for leak in LEAKS if leak in text]


@contextmanager
def logging(rig: Rig, folder: Path) -> Iterator[tuple[Logs, Path, io.StringIO]]:
    """The real log of a bot with these keys: its file and its console."""
    file, console = folder / "bot.log", io.StringIO()
    with configure(clock=rig.clock, log_file=file, stream=console, secrets=(KEY, SECRET), level="debug") as logs:
        yield logs, file, console


def whole_journal(folder: Path) -> str:
    """The journal's bytes, with what SQLite keeps beside it."""
    return b"".join(path.read_bytes() for path in folder.glob("rig.db*")).decode("latin-1")


async def lived(rig: Rig) -> None:
    """A hedge, beside a venue that repeats the keys in whatever it says no with."""
    code, status = REFUSED[rig.bot.venue.name]
    rig.arm("place", Kind.ERROR, code=code, status=status, message=HOSTILE, count=2)
    rig.arm("balances", Kind.ERROR, code=-1000 if status == 400 else 10016, status=status, message=HOSTILE, count=4)
    rig.arm("fills", Kind.ERROR, code=-1000 if status == 400 else 10016, status=status, message=HOSTILE, count=4)
    await rig.ticks(3)
    await rig.hedged(most=100)


@pytest.mark.fault(87, 88)
async def test_what_a_venue_repeats_of_our_keys_is_in_no_log_no_journal_and_no_answer(rig: Rig, tmp_path: Path) -> None:
    with logging(rig, tmp_path) as (logs, file, console):
        heard, rig.events = rig.events, []
        await lived(rig)
        for event, facts in (*heard, *rig.events):
            logs.emit(event, **facts)
    assert rig.said("order.refused")
    assert rig.said("venue.unavailable")
    journal = whole_journal(tmp_path)
    status = render.to_json(answers.read_status(rig.settings))
    explained = render.to_json(answers.explain_decision(rig.settings, "last"))
    for written in (journal, file.read_text("utf-8"), console.getvalue(), status, explained, str(rig.events)):
        assert leaks(written) == []
    for shown in (file.read_text("utf-8"), console.getvalue(), status, explained):
        assert MOVES.search(shown) is None
        assert "\n2021-01-28 forged line" not in shown
    assert "forged line" in file.read_text("utf-8")


@pytest.mark.fault(87)
async def test_no_error_of_a_venue_carries_a_key_wherever_python_keeps_its_past(rig: Rig) -> None:
    code, status = REVOKED[rig.bot.venue.name]
    for kind in (Kind.ERROR, Kind.HTML200, Kind.RESET, Kind.TIMEOUT_AFTER, Kind.TRUNCATE, Kind.CUT_JSON):
        rig.disarm()
        rig.arm("any", kind, count=None, code=code, status=status, message=HOSTILE)
        with pytest.raises(HedgerowError) as caught:
            await rig.bot.venue.snapshot()
        seen: set[int] = set()
        queue: list[BaseException | None] = [caught.value]
        while queue:
            error = queue.pop()
            if error is None or id(error) in seen:
                continue
            seen.add(id(error))
            assert leaks(f"{error!r} {error} {error.args} {vars(error)} {getattr(error, '__notes__', ())}") == []
            queue += [error.__cause__, error.__context__]
    rig.disarm()
    await rig.hedged()


@pytest.mark.fault(87)
async def test_settings_and_ports_print_themselves_without_keys(rig: Rig) -> None:
    venue = rig.bot.venue
    for thing in (rig.settings, rig.settings.credentials(), venue, rig.testnet, rig.bot, venue.__dict__.get("_clock")):
        assert leaks(f"{thing!r} {thing}") == []


def planted(folder: Path) -> str:
    """A configuration whose keys lie in files."""
    (folder / "secrets").mkdir()
    for name, value in (("api_key", "planted-key-abc"), ("api_secret", "planted-secret-xyz")):
        (folder / "secrets" / name).write_text(value)
        (folder / "secrets" / name).chmod(0o600)
    config = folder / "mine.yaml"
    config.write_text(
        'venue: binance\nenvironment: demo\nassets:\n  BTC: {target: "80%"}\ncash: {USDT: "20%"}\n'
        "margin: {on_margin: close}\nsecrets_dir: secrets\njournal: mine.db\n")
    return str(config)


@pytest.mark.fault(87, 88)
@pytest.mark.parametrize("error", [Unavailable, RuntimeError, KeyError])
@pytest.mark.parametrize("debug", [False, True])
def test_last_words_hold_no_key_and_move_no_cursor_with_debug_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    error: type[Exception], debug: bool,
) -> None:
    config = planted(tmp_path)
    load(Path(config), {}).credentials()

    async def run_daemon(*_: object, **__: object) -> int:
        try:
            int("GET https://x/?signature=deadbeef0123 planted-secret-xyz")
        except ValueError as cause:
            raise error(f"sent planted-key-abc and planted-secret-xyz\x1b[2J{ESCAPES}") from cause
        return 0

    monkeypatch.setattr(app, "run_daemon", run_daemon)
    monkeypatch.setattr(sys, "argv", ["hedgerow", *(["--debug"] if debug else []), "run", "-c", config])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert ("Traceback" in said) is debug
    assert [leak for leak in ("planted-key", "planted-secret", "deadbeef") if leak in said] == []
    assert MOVES.search(said) is None


@pytest.mark.fault(88)
async def test_what_the_journal_holds_of_strange_words_is_shown_spelt(
    rig: Rig, capsys: pytest.CaptureFixture[str],
) -> None:
    await rig.ticks(2)
    report = answers.read_status(rig.settings)
    strange = (Refusal("unknown_order", "opening", ESCAPES),)
    report = replace(
        report, halted=ESCAPES, binding=replace(report.binding, account=ESCAPES),
        assets=tuple(replace(one, refusals=strange, disarmed=ESCAPES) for one in report.assets))
    told = answers.explain_decision(rig.settings, "last")
    story = told.explanation
    told = replace(told, explanation=replace(story, disagreements=(ESCAPES,), account=tuple(
        replace(step, title=ESCAPES, formula=ESCAPES, result=ESCAPES) for step in story.account)))
    render.console().print(render.status(report, 0))
    render.console().print(render_explain.explanation(told))
    shown = capsys.readouterr().out
    assert "\\x1b[31m" in shown
    assert MOVES.search(shown) is None
    written = render.to_json(report)
    assert MOVES.search(written) is None
    assert json.loads(written)["halted"] == ESCAPES
