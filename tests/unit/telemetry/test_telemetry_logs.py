"""What is written to the log file and to the console, and what never is."""

from __future__ import annotations

import io
import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.core.market import Side
from bot.errors import ConfigError
from bot.telemetry.events import EVENTS, FIELDS, UnknownEvent, check, emit
from bot.telemetry.logs import Logs, configure
from bot.telemetry.redaction import Redactor

SECRET = "s3cr3t/+key=="  # with letters that URLs encode


class Story:
    """A clock that stands still in a story."""

    origin = 0

    def now(self) -> int:
        return 1_611_792_900_000

    async def sleep(self, seconds: float) -> None: ...

    async def sleep_until(self, at: int) -> None: ...


class Out:
    """A log file and a console, and what they hold."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "logs" / "hedgerow.log"
        self.stream = io.StringIO()
        self.logs: Logs | None = None

    def start(self, **options: Any) -> Logs:
        self.logs = configure(
            clock=Story(), log_file=self.file, stream=options.pop("stream", self.stream), secrets=[SECRET, "hush-hush"],
            **options)
        return self.logs

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text("utf-8").splitlines()]

    @property
    def console(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Out]:
    out = Out(tmp_path)
    yield out
    if out.logs is not None:
        out.logs.close()


def example(name: str) -> dict[str, object]:
    """An event with all its fields."""
    return dict.fromkeys(EVENTS[name].required, Decimal("0.100")) | {"asset": "BTC", "message": "a sentence"}


def test_an_event_is_one_json_object_with_money_as_text_and_story_time(out: Out) -> None:
    out.start().emit("config.warned", message=Decimal("0.100"), side=Side.SELL, filled=None, resizes=3)
    assert out.lines == [{
        "ts": "2021-01-28T00:15:00Z", "level": "warning", "event": "config.warned", "message": "0.100", "side": "sell",
        "filled": None, "resizes": 3,
    }]


def test_a_whole_story_of_numbers_comes_through_as_plain_digits(out: Out) -> None:
    out.start().emit("reconcile.ok", positions={"BTC": Decimal("1E+2"), "n": 2**70, "when": {Decimal(2), Decimal(1)}})
    assert out.lines[0]["positions"] == {"BTC": "100", "n": str(2**70), "when": ["1", "2"]}


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_of_the_table_can_be_said_and_fits_eighty_columns(out: Out, name: str) -> None:
    out.start(strict=True).emit(name, **example(name))
    assert out.lines[0]["event"] == name
    assert all(len(line) <= 80 for line in out.console.splitlines())
    assert bool(out.console) == (EVENTS[name].says is not None)


def test_the_table_explains_every_field() -> None:
    used = {field for event in EVENTS.values() for field in (*event.required, *event.optional)}
    assert used == set(FIELDS)


@pytest.mark.parametrize("name", ["order.sent", "decision.made", "hedge.opened", "hedge.resized", "hedge.closed"])
def test_every_action_tells_its_margin_leverage_and_funding(name: str) -> None:
    told = {*EVENTS[name].required, *EVENTS[name].optional}
    assert {"asset", "action", "reason", "contracts", "quantity", "price", "fee", "margin", "effective_leverage",
            "liquidation_distance", "joint_runway", "funding_paid", "funding_rate", "episode"} - told <= {
                "contracts", "quantity", "price", "fee"}


def test_unknown_events_and_missing_or_strange_fields_are_refused_when_strict(out: Out) -> None:
    strict = out.start(strict=True).emit
    with pytest.raises(UnknownEvent, match=r"'order\.snet' is no event"):
        strict("order.snet")
    with pytest.raises(UnknownEvent, match="lacks message"):
        strict("config.warned")
    with pytest.raises(UnknownEvent, match="mesage"):
        strict("config.warned", message="x", mesage="x")
    assert out.lines == []
    assert check("config.warned", {"message": "x"}) is EVENTS["config.warned"]


def test_a_running_bot_does_not_stop_for_an_event_the_table_lacks(out: Out) -> None:
    out.start()
    emit("order.snet", message="x")
    assert [line["event"] for line in out.lines] == ["order.snet"]


def test_a_wrapped_line_loses_no_word_and_is_indented(out: Out) -> None:
    words = " ".join(f"word{number}" for number in range(60))
    out.start().emit("config.warned", message=words)
    first, *rest = out.console.splitlines()
    assert rest
    assert all(line.startswith("    ") for line in rest)
    assert " ".join(out.console.split()) == f"2021-01-28 00:15 config.warned {words}"
    assert first.startswith("2021-01-28 00:15 config.warned word0 ")


def test_the_console_reads_as_sentences_with_unknown_for_none(out: Out) -> None:
    fields = example("hedge.closed") | {"entry_price": Decimal("50000.105"), "exit_price": None,
                                        "net_cost": Decimal("-3.4"), "against_holding": None}
    out.start().emit("hedge.closed", **fields)
    assert " ".join(out.console.split()) == (
        "2021-01-28 00:15 hedge.closed BTC: from 50,000.10 to unknown, realised 0.10, funding paid 0.10, fees 0.10, "
        "net cost -3.40, against holding unknown")


def test_the_price_of_a_cheap_coin_keeps_its_digits(out: Out) -> None:
    out.start().emit("order.resolved", **example("order.resolved") | {"price": Decimal("0.0000123456789")})
    assert "at 0.000012346 turned out" in out.console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_only_and_not_with_no_color(out: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, bare = Terminal(), Terminal()
    out.start(stream=coloured).emit("config.warned", message="x")
    assert "\x1b[33mconfig.warned\x1b[0m" in coloured.getvalue()
    assert out.logs is not None
    out.logs.close()
    monkeypatch.setenv("NO_COLOR", "1")
    out.start(stream=bare).emit("config.warned", message="x")
    assert "\x1b" not in bare.getvalue()


PLANTED: dict[str, Callable[[], object]] = {
    "exact": lambda: f"before {SECRET} after",
    "url-encoded": lambda: "https://x/?a=s3cr3t%2F%2Bkey%3D%3D",
    "query": lambda: "GET https://x/order?symbol=BTCUSDT&signature=deadbeefLEAK&timestamp=1",
    "header": lambda: {"X-MBX-APIKEY": "LEAK", "other": "x"},
    "headers as text": lambda: "{'X-MBX-APIKEY': 'LEAK', 'X-BAPI-SIGN': 'LEAK', 'X-BX-APIKEY':'LEAK'}",
    "okx": lambda: 'ACCESS-KEY: LEAK\nACCESS-PASSPHRASE: "LEAK with LEAK"\nACCESS-SIGN=LEAK',
    "json": lambda: json.dumps({"apiKey": "LEAK", "secret": 'LE"AK', "passphrase": "two LEAK words"}),
    "json in json": lambda: json.dumps(json.dumps({"apiKey": "LEAK", "apiSecret": "LEAK"})),
    "bytes": lambda: b"apiKey=LEAK&x=1",
    "nested": lambda: [{"deep": ({"secretKey": "LEAK"}, f"x{SECRET}")}],
    "cut off": lambda: '{"retCode":1,"apiKey":"LEAKLEAK',
    "cut off in json": lambda: json.dumps('{"retCode":1,"apiKey":"LEAKLEAK')[:-1],
    "url in url": lambda: "next=https%3A%2F%2Fx%3Fsignature%3DLEAK",
    "bearer": lambda: "Authorization: Bearer LEAK",
    "error": lambda: ValueError("signature=LEAK"),
    "key": lambda: {SECRET: "x"},
}


@pytest.mark.fault(87)
@pytest.mark.parametrize("planted", PLANTED)
def test_no_planted_secret_reaches_file_or_console(out: Out, planted: str) -> None:
    emit = out.start().emit
    emit("config.warned", message=PLANTED[planted](), text=str(PLANTED[planted]()))
    logging.getLogger("some.library").warning("it says %s", PLANTED[planted]())
    written = out.file.read_text("utf-8") + out.console
    assert "[redacted]" in written
    for leak in ("LEAK", "AK", SECRET, "s3cr3t"):
        assert leak not in written.replace("APIKEY", "")


@pytest.mark.fault(87)
def test_no_secret_reaches_the_log_through_a_traceback(out: Out) -> None:
    out.start()

    def fail() -> None:
        try:
            EVENTS[f"signature=LEAK {SECRET}"]
        except KeyError as inner:
            raise RuntimeError("apiKey=LEAK\n\x1b[2J") from inner

    try:
        fail()
    except RuntimeError:
        logging.getLogger("some.library").exception("hush-hush failed")
    written = out.file.read_text("utf-8") + out.console
    assert [leak for leak in ("LEAK", SECRET, "hush-hush", "\x1b") if leak in written] == []
    exception = out.lines[0]["exception"]
    assert exception[0] == "Traceback (most recent call last):"
    assert "RuntimeError: apiKey=[redacted]" in exception


@pytest.mark.parametrize("text", ["x" * 200_000, "apikey" * 30_000, "-" * 100_000 + "secret", "secret=" + "\\" * 50_000,
                                  'apiKey: "' + "\\\\" * 50_000, "secret" + " " * 100_000, "apiKey=\\'" * 10_000])
def test_a_huge_text_does_not_hold_the_bot_up(text: str) -> None:
    started = time.process_time()
    Redactor(["a secret"]).text(text)
    assert time.process_time() - started < 2


def test_an_absent_key_redacts_nothing() -> None:
    assert Redactor(["", "a"]).text("a plain sentence") == "a plain sentence"


def test_ordinary_words_are_not_taken_for_secrets(out: Out) -> None:
    text = "BTC: open, short 0 → 0.2: 10.0pp above target, client order hrabc_btc1_1 (GTX)"
    out.start().emit("config.warned", message=text)
    assert out.lines[0]["message"] == text


@pytest.mark.fault(88)
@pytest.mark.parametrize("control", ["\n", "\r", "\x1b[31m", "\x07", "\x9b2J", "\x7f", "\u2028", "\u202e", "\x00"])
def test_control_characters_are_escaped_in_file_and_console(out: Out, control: str) -> None:
    out.start().emit("config.warned", message=f"a{control}b", positions={control: control})
    logging.getLogger("x").warning("a%sb", control)
    assert len(out.lines) == 2
    shown = out.lines[0]["message"]
    assert control[0] not in shown
    assert shown.startswith("a\\")
    assert control[0] not in out.console.replace("\n", "") or control == "\n"
    assert len(out.console.splitlines()) == 2


def test_the_file_is_rotated_by_size_and_old_ones_are_dropped(out: Out) -> None:
    emit = out.start(max_bytes=2_000, keep=2, console=False).emit
    for number in range(100):
        emit("config.warned", message=f"{number:04d} " + "x" * 100)
    files = sorted(path.name for path in out.file.parent.iterdir())
    assert files == ["hedgerow.log", "hedgerow.log.1", "hedgerow.log.2"]
    assert all(path.stat().st_size <= 2_000 for path in out.file.parent.iterdir())
    assert out.lines[-1]["message"].startswith("0099 ")


@pytest.mark.fault(86)
def test_a_new_log_is_its_owners_alone_however_the_process_was_started(out: Out) -> None:
    before = os.umask(0o022)
    try:
        emit = out.start(max_bytes=200).emit
        for _ in range(3):
            emit("config.warned", message="x" * 100)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in out.file.parent.iterdir()} == {0o600}


def test_other_libraries_speak_through_the_same_file(out: Out) -> None:
    out.start(level="debug")
    logging.getLogger("aiohttp").warning("slow: %s", "x")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old thing", UserWarning, stacklevel=1)
    assert [(line["event"], line["logger"], line["level"]) for line in out.lines] == [
        ("log", "aiohttp", "warning"), ("log", "py.warnings", "warning")]
    assert out.lines[0]["message"] == "slow: x"


def test_ccxts_own_logger_never_speaks_at_debug(out: Out) -> None:
    out.start(level="debug")
    logging.getLogger("ccxt.base.exchange").debug("headers %s", {"x": 1})
    logging.getLogger("bot.anything").debug("kept")
    assert [line["message"] for line in out.lines] == ["kept"]


def test_the_database_layers_do_not_log_every_statement(out: Out) -> None:
    out.start(level="info")
    logging.getLogger("sqlalchemy.engine.Engine").info("SELECT 1")
    logging.getLogger("alembic.runtime.migration").info("Context impl SQLiteImpl.")
    assert out.lines == []


def test_a_quiet_file_leaves_the_transitions_on_the_console(out: Out) -> None:
    out.start(level="error").emit("venue.back", failures=3)
    assert out.lines == []
    assert "after 3 failed attempts" in out.console


def test_a_file_that_cannot_be_written_is_said_at_once(out: Out, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way", "utf-8")
    with pytest.raises(ConfigError, match="cannot be"):
        out.start()


def test_closing_gives_the_loggers_back(out: Out) -> None:
    before = list(logging.getLogger().handlers)
    logs = out.start()
    logs.close()
    assert logging.getLogger().handlers == before


def test_funding_is_said_as_what_it_was_paid_or_received(out: Out) -> None:
    emit = out.start().emit
    for paid in ("-216.77", "3.5"):
        emit("hedge.resized", **example("hedge.resized") | {"funding_paid": Decimal(paid)})
    assert "funding received 216.77, fees" in " ".join(out.console.split())
    assert "funding paid 3.50, fees" in " ".join(out.console.split())
    assert "-216" not in out.console


def test_the_line_at_rest_tells_where_it_stands_and_what_comes_next(out: Out) -> None:
    coins = ("BTC", "ETH")
    out.start(strict=True).emit(
        "daemon.healthy", nav=Decimal("120142.519"),
        drifts=dict(zip(coins, (Decimal("0.0701"), Decimal("-0.00001")), strict=True)),
        shorts=dict(zip(coins, (Decimal("0.0970"), Decimal(0)), strict=True)), effective_leverage=None,
        joint_runway=None, next_funding_at=1_611_820_800_000, funding_rates={"BTC": Decimal("0.0001"), "ETH": None},
    )
    assert " ".join(out.console.split()) == (
        "2021-01-28 00:15 daemon.healthy NAV 120,142.52, drift BTC +7.0pp, ETH +0.0pp, short BTC 0.097, ETH 0, "
        "runway n/a, next funding 08:00 UTC")
    assert out.lines[0]["funding_rates"] == {"BTC": "0.0001", "ETH": None}


def test_a_terminal_is_asked_for_its_width_at_every_line(monkeypatch: pytest.MonkeyPatch, out: Out) -> None:
    class Wide(Terminal):
        def fileno(self) -> int:
            return 2

    monkeypatch.setenv("NO_COLOR", "1")
    stream = Wide()
    emit = out.start(stream=stream).emit
    longest = []
    for columns in (120, 50):
        monkeypatch.setattr(os, "get_terminal_size", lambda _fd, columns=columns: os.terminal_size((columns, 24)))
        before = len(stream.getvalue())
        emit("config.warned", message="word " * 60)
        longest.append(max(len(line) for line in stream.getvalue()[before:].splitlines()))
    assert 115 < longest[0] <= 120
    assert 45 < longest[1] <= 50
