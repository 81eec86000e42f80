import asyncio
import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typed import Call, typing

from bot import answers, app, demo
from bot.core.times import DAY
from bot.demo import ClosingAccount
from bot.errors import (
    ConfigError,
    HedgerowError,
    JournalError,
    JournalForeign,
    Refused,
    SafetyStop,
    StoryEnded,
    Unavailable,
)
from bot.journal.views import Heartbeat
from bot.settings import Settings
from bot.testnet.options import TestnetOptions

CONFIG = """\
venue: binance
environment: {environment}
assets: {{BTC: {{target: "50%"}}, ETH: {{target: "30%"}}}}
cash: {{USDT: "20%"}}
margin: {{on_margin: close}}
"""



@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Runs `hedgerow` in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("HEDGEROW_")]:
        monkeypatch.delenv(name)
    return typing(capsys, monkeypatch)


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(CONFIG.format(environment="demo"), encoding="utf-8")
    return str(path)


@pytest.fixture
def journal(tmp_path: Path, config: str) -> str:
    """The configuration of a bot that has run."""
    (tmp_path / "mine.db").touch()
    return config


def raises(error: Exception) -> Callable[..., Any]:
    async def run_daemon(_settings: Settings, **_options: object) -> int:
        raise error

    return run_daemon


@pytest.mark.parametrize(("error", "code"), [
    (ConfigError("bad"), 4), (Unavailable("away"), 5), (SafetyStop("hedge mode"), 6), (JournalForeign("other"), 7),
    (JournalError("broken"), 1), (Refused("no"), 1), (StoryEnded("over"), 0), (HedgerowError("hm"), 1),
])
def test_each_failure_has_its_exit_code_and_one_line_without_a_traceback(
    call: Call, config: str, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int,
) -> None:
    monkeypatch.setattr(app, "run_daemon", raises(error))
    assert call("run", "-c", config) == (code, "", f"hedgerow: {error}\n")


def test_what_nobody_expected_is_one_line_too_and_debug_shows_where(
    call: Call, config: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "run_daemon", raises(ZeroDivisionError("x\x1b[2J")))
    code, _, text = call("run", "-c", config)
    assert (code, text) == (
        1, "hedgerow: unexpected ZeroDivisionError: x\\x1b[2J (--debug before the command shows where)\n")
    assert "Traceback" in call("--debug", "run", "-c", config)[2]


@pytest.mark.parametrize("words", [
    ["frobnicate"], ["run", "--nonsense"], ["close"], ["close", "BTCUSDT", "-c", "{config}"],
    ["close", "BTC", "-c", "{config}", "--wait", "5"], ["health", "-c", "{config}", "--max-age", "soon"],
    ["testnet", "serve", "--nav", "-1"], ["testnet", "serve", "--weights", "BTC"],
    ["testnet", "serve", "--port", "many"],
], ids=" ".join)
def test_wrong_usage_exits_2_and_names_the_culprit(call: Call, journal: str, words: list[str]) -> None:
    code, out, text = call(*(word.replace("{config}", journal) for word in words))
    assert (code, out) == (2, "")
    assert "Error: " in text
    assert "Traceback" not in text


@pytest.mark.fault(80)
def test_a_bad_configuration_exits_4_with_every_problem(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(CONFIG.format(environment="demo") + "poll: 5\nnonsense: 1\n", encoding="utf-8")
    code, _, text = call("plan", "-c", "bad.yaml")
    assert code == 4
    assert "bad.yaml:6: poll: 5 has no unit" in text
    assert "bad.yaml:7: nonsense: is no known key" in text


def test_without_any_configuration_it_says_how_to_give_one(call: Call) -> None:
    code, _, text = call("plan")
    assert (code, text) == (
        4, "hedgerow: no configuration: there is no hedgerow.yaml here. Allowed: -c FILE (examples are in config/)\n")


def test_keys_that_are_missing_are_named_in_one_line(call: Call, config: str) -> None:
    code, out, text = call("run", "-c", config, "--once")
    assert (code, out, text.count("\n")) == (4, "", 1)
    assert "needs api_key and api_secret: set HEDGEROW_API_KEY and HEDGEROW_API_SECRET" in text


@pytest.mark.parametrize("words", [["run", "--once"], ["plan"]], ids=" ".join)
def test_a_testnet_that_is_not_there_is_one_clear_message_and_exit_5(
    call: Call, tmp_path: Path, words: list[str],
) -> None:
    text = CONFIG.format(environment="local") + "testnet: {url: 'http://127.0.0.1:1'}\n"
    (tmp_path / "local.yaml").write_text(text, encoding="utf-8")
    code, out, said = call(*words, "-c", "local.yaml")
    assert (code, out, said.count("\n")) == (5, "", 1)
    assert "http://127.0.0.1:1" in said


@pytest.mark.fault(82)
def test_live_is_refused_without_its_three_opt_ins(call: Call, tmp_path: Path) -> None:
    (tmp_path / "live.yaml").write_text(CONFIG.format(environment="live"), encoding="utf-8")
    code, _, text = call("run", "-c", "live.yaml")
    assert code == 4
    assert all(word in text for word in ("live.enabled: true", "--live", "--account"))


def test_run_passes_on_what_was_asked(call: Call, config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[object] = []

    async def run_daemon(settings: Settings, **options: object) -> int:
        seen.extend([settings.file, options])
        return 6

    monkeypatch.setattr(app, "run_daemon", run_daemon)
    assert call("run", "-c", config, "--once")[0] == 6
    assert seen == [tmp_path / "mine.yaml", {"once": True, "live_account": None, "dry_run": False}]


def test_the_configuration_may_come_from_a_variable_or_lie_here(
    call: Call, config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:
    seen: list[Path | None] = []

    async def run_daemon(settings: Settings, **_options: object) -> int:
        seen.append(settings.file)
        return 0

    monkeypatch.setattr(app, "run_daemon", run_daemon)
    (tmp_path / "hedgerow.yaml").write_text(CONFIG.format(environment="demo"), encoding="utf-8")
    assert call("run")[0] == 0
    monkeypatch.setenv("HEDGEROW_CONFIG", config)
    assert call("run")[0] == 0
    assert seen == [Path("hedgerow.yaml"), Path(config)]


@pytest.mark.parametrize("words", [["status"], ["health"], ["close", "BTC"]], ids=" ".join)
def test_readers_of_a_bot_that_never_ran_exit_3(call: Call, config: str, tmp_path: Path, words: list[str]) -> None:
    assert call(*words, "-c", config) == (
        3, "", f"hedgerow: no bot has run with this configuration: no journal {tmp_path / 'mine.db'}\n")


@pytest.mark.parametrize(("age", "words", "code", "text"), [
    (5_000, [], 0, "alive: last decision 5s ago (limit 1.2m)\n"),
    (75_001, [], 3, "not running: last decision 1.2m ago (limit 1.2m)\n"),
    (75_001, ["--max-age", "2m"], 0, "alive: last decision 1.2m ago (limit 2m)\n"),
    (5_000, ["--max-age", "4s"], 3, "not running: last decision 5s ago (limit 4s)\n"),
])
def test_health_goes_by_the_age_of_the_last_decision(
    call: Call, journal: str, monkeypatch: pytest.MonkeyPatch, *, age: int, words: list[str], code: int, text: str,
) -> None:
    report = answers.HealthReport(Heartbeat(decided_at=DAY, wall_at=0, pid=1, poll=5_000), age, 75_000)
    monkeypatch.setattr(answers, "read_health", lambda _settings: report)
    assert call("health", "-c", journal, *words) == (code, text, "")


def test_health_in_json_before_the_first_decision(
    call: Call, journal: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "read_health", lambda _settings: answers.HealthReport(None, None, 75_000))
    code, out, _ = call("health", "-c", journal, "--json")
    assert (code, json.loads(out)) == (3, {
        "alive": False, "text": "not running: no decision yet", "limit": 75_000, "age": None, "decided_at": None})


@pytest.mark.parametrize(("answer", "wait", "code", "out"), [
    ("closing 0.2 BTC", "30s", 0, "close BTC: closing 0.2 BTC\n"),
    (None, "1s", 5, "close BTC: left in the journal\n"),
    (None, "0s", 0, "close BTC: left in the journal\n"),
])
def test_close_leaves_a_wish_and_waits_for_its_answer(
    call: Call, journal: str, monkeypatch: pytest.MonkeyPatch, *, answer: str | None, wait: str, code: int, out: str,
) -> None:
    seen: list[tuple[str, float]] = []

    async def submit(_settings: Settings, kind: str, asset: str, *, wait: float, **_: object) -> str | None:
        assert kind == "close"
        seen.append((asset, wait))
        return answer

    monkeypatch.setattr(answers, "submit", submit)
    got, printed, text = call("close", "btc", "-c", journal, "--wait", wait)
    assert (got, printed) == (code, out)
    assert seen == [("BTC", float(wait[:-1]))]
    assert ("no answer yet" in text) is (code == 5)


def test_close_of_a_coin_that_is_not_held_is_refused(call: Call, journal: str) -> None:
    code, _, text = call("close", "DOGE", "-c", journal)
    assert code == 4
    assert "mine.yaml:3: assets: has no DOGE. Allowed: BTC, ETH" in text


def served(monkeypatch: pytest.MonkeyPatch) -> list[TestnetOptions]:
    seen: list[TestnetOptions] = []

    async def serve_testnet(options: TestnetOptions, on_ready: Callable[[str], None]) -> None:
        await asyncio.sleep(0)
        seen.append(options)
        on_ready(f"http://{options.host}:{options.port}")

    monkeypatch.setattr(app, "serve_testnet", serve_testnet)
    return seen


def test_testnet_serve_takes_every_option(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = served(monkeypatch)
    assert call(
        "testnet", "serve", "--port", "9000", "--scenario", "crash", "--days", "12", "--seed", "3", "--path", "step",
        "--nav", "5000", "--weights", "BTC=80%,usdt=20%", "--futures-share", "25%", "--speed", "600", "--key", "k",
        "--secret", "s",
    ) == (0, "testnet ready at http://127.0.0.1:9000\n", "")
    assert seen == [TestnetOptions(
        port=9000, scenario="crash", days=12, seed=3, path="step", nav=Decimal(5000),
        weights={"BTC": Decimal("0.8"), "USDT": Decimal("0.2")}, futures_share=Decimal("0.25"), speed=Decimal(600),
        key="k", secret="s")]


def test_testnet_serve_plays_a_configurations_story(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:
    seen = served(monkeypatch)
    (tmp_path / "story.yaml").write_text(
        CONFIG.format(environment="local") + "testnet: {url: 'http://127.0.0.1:9100'}\n"
        'story: {panel: p.csv, start: "2021-01-28", end: "2021-02-21", nav: "5000"}\n', encoding="utf-8")
    assert call("testnet", "serve", "-c", "story.yaml", "--seed", "9")[0] == 0
    assert seen[0] == TestnetOptions(
        port=9100, panel=tmp_path / "p.csv", seed=9, start=1_611_792_000_000, end=1_613_865_600_000, nav=Decimal(5000))
    assert call("testnet", "serve", "-c", "story.yaml", "--scenario", "calm")[0] == 0
    assert (seen[1].panel, seen[1].start, seen[1].scenario) == (None, None, "calm")


def test_testnet_serve_speaks_the_configurations_venue_unless_told_otherwise(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:
    seen = served(monkeypatch)
    text = CONFIG.format(environment="local").replace("venue: binance", "venue: bybit")
    (tmp_path / "story.yaml").write_text(text, encoding="utf-8")
    assert call("testnet", "serve", "-c", "story.yaml")[0] == 0
    assert call("testnet", "serve", "-c", "story.yaml", "--venue", "binance")[0] == 0
    assert call("testnet", "serve", "--venue", "bybit", "--specs", "equal")[0] == 0
    assert [(options.venue, options.specs) for options in seen] == [
        ("bybit", "venue"), ("binance", "venue"), ("bybit", "equal")]
    assert call("testnet", "serve", "--venue", "kraken")[0] == 4


def test_a_testnet_that_others_could_reach_is_refused(call: Call) -> None:
    code, _, text = call("testnet", "serve", "--host", "0.0.0.0")  # noqa: S104 - refused is the point
    assert code == 4
    assert "loopback only" in text


def closing(*differences: str) -> ClosingAccount:
    return ClosingAccount(0, 35 * DAY, (), {"BTC": (Decimal(1), Decimal(1))}, Decimal(0), 0, differences)


@pytest.mark.parametrize(("differences", "code"), [((), 0), (("fees: journal 1, exchange 2",), 7)])
def test_demo_plays_its_own_configuration_and_fails_when_the_books_differ(
    call: Call, monkeypatch: pytest.MonkeyPatch, *, differences: tuple[str, ...], code: int,
) -> None:
    seen: list[Path | None] = []

    async def run_demo(settings: Settings, *_: object, **__: object) -> ClosingAccount:
        seen.append(settings.file)
        return closing(*differences)

    monkeypatch.setattr(demo, "run_demo", run_demo)
    got, out, _ = call("demo")
    assert got == code
    assert "Closing account, USDT: 1970-01-01 to 1970-02-05, 35 days" in out
    assert ("agree to the last digit" in out) is (code == 0)
    assert [path.name for path in seen if path is not None] == ["demo.yaml"]


def test_version(call: Call) -> None:
    assert call("version") == (0, "hedgerow 0.1.0\n", "")
