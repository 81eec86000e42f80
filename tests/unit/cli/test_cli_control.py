"""The commands to a running bot: what they leave in the journal, and what they say of its answer."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import answers
from bot.cli.main import main
from bot.ports import COMMANDS
from bot.settings import Settings

CONFIG = """\
venue: binance
environment: local
assets: {BTC: {target: "50%"}, ETH: {target: "30%"}}
cash: {USDT: "20%"}
"""

Call = Callable[..., tuple[int, str, str]]
Asked = list[tuple[str, str | None, float]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    (tmp_path / "mine.yaml").write_text(CONFIG)
    (tmp_path / "mine.db").touch()

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hedgerow", *words, "-c", str(tmp_path / "mine.yaml")])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    seen: Asked = []

    async def submit(
        _settings: Settings, kind: str, asset: str | None, *, wait: float, order: str | None, says: str | None,
        by: str | None,
    ) -> str | None:
        seen.append((kind, order or asset, wait))
        words = kind == "resolve", says in ("found", "never"), bool(by)
        assert words in ((True, True, True), (False, False, False))
        return None if wait == 0 else "refused: not like this" if asset == "ETH" else "so be it"

    monkeypatch.setattr(answers, "submit", submit)
    monkeypatch.setattr(answers, "foresee_end", lambda *_: None)
    return seen


@pytest.mark.parametrize(("words", "kind", "asset"), [
    (["pause"], "pause", None), (["pause", "btc"], "pause", "BTC"), (["resume"], "resume", None),
    (["panic", "--yes"], "panic", None), (["accept"], "accept", None), (["accept", "BTC"], "accept", "BTC"),
    (["rearm", "BTC"], "rearm", "BTC"), (["adopt", "BTC"], "adopt", "BTC"), (["ignore", "BTC"], "ignore", "BTC"),
    (["resolve", "BTC"], "resolve", "BTC"), (["close", "BTC"], "close", "BTC"),
    (["finalize", "BTC", "--yes"], "finalize", "BTC"),
])
def test_each_command_leaves_its_wish_and_prints_the_answer(
    call: Call, asked: Asked, words: list[str], kind: str, asset: str | None,
) -> None:
    what = kind if asset is None else f"{kind} {asset}"
    assert call(*words) == (0, f"{what}: so be it\n", "")
    assert asked == [(kind, asset, 30.0)]
    assert kind in COMMANDS


def test_a_refusal_exits_2(call: Call, asked: Asked) -> None:
    code, out, err = call("adopt", "ETH")
    assert (code, out) == (2, "adopt ETH: refused: not like this\n")
    assert "its answer says why" in err
    assert asked


def test_an_answer_in_json(call: Call, asked: Asked) -> None:
    assert json.loads(call("pause", "--json", "--wait", "0s")[1]) == {"kind": "pause", "asset": None, "result": None}
    assert asked[0][2] == 0


def test_a_panic_asks_first_and_a_no_sends_nothing(
    call: Call, asked: Asked, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert call("panic")[0] == 1
    assert asked == []


def test_a_sale_is_foreseen_and_asked_for_first_and_a_no_sends_nothing(
    call: Call, asked: Asked, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "foresee_end", lambda *_: "it would close 0.2 BTC and sell 0.15")
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    code, out, _ = call("finalize", "BTC")
    assert code == 1
    assert "by the last decision: it would close 0.2 BTC and sell 0.15" in out
    assert asked == []


def test_a_coin_that_is_not_held_is_refused_before_anything_is_left(call: Call, asked: Asked) -> None:
    assert call("rearm", "DOGE")[0] == 4
    assert asked == []


@pytest.mark.fault(88)
def test_an_answer_with_a_strange_orders_name_in_it_moves_no_cursor(
    call: Call, monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def submit(*_: object, **__: object) -> str:
        return "left alone: order x\x1b[2J\r\nforged \x9b \u202e"

    monkeypatch.setattr(answers, "submit", submit)
    said = call("ignore", "BTC")[1]
    assert said == "ignore BTC: left alone: order x\\x1b[2J\\r\\nforged \\x9b \\u202e\n"
