"""`explain` over a journal on disk: every way to name a decision, the arithmetic, and a journal that disagrees."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.cli.main import main
from bot.core.advice import advise_all
from bot.core.decision import Situation
from bot.core.market import Side
from bot.core.orders import OrderIntent, TimeInForce
from bot.core.plan import decide
from bot.core.times import SECOND, iso
from bot.journal.store import SqlJournal
from bot.settings import load_portfolio

ROOT = Path(__file__).parents[3]
AT = 1_704_067_200_000
CONFIG = """\
venue: binance
environment: demo
assets: {BTC: {target: "50%", contract: "0.1"}, ETH: {target: "30%"}}
cash: {USDT: "20%"}
margin: {on_margin: close}
"""
Explain = Callable[..., tuple[int, str, str]]
ORDER = "hrpaper0_btc1_1"


async def _keep(journal_file: Path) -> None:
    """Two decisions of the first worked example, half a minute apart: one look, then the hedge, and its order."""
    described = load_portfolio(ROOT / "docs" / "examples" / "first-hedge.yaml", None, AT)
    terms = replace(described.terms, policy=replace(described.terms.policy, confirm=2))
    journal = await SqlJournal.open(
        journal_file, environment="demo", venue="binance", account="1", wall=lambda: AT, poll=5 * SECOND)
    state = described.situation.state
    for at in (AT, AT + 30 * SECOND):
        snapshot = described.situation.snapshot
        quotes = {
            coin: replace(quote, spot_at=at, perp_at=at, mark_at=at) for coin, quote in snapshot.quotes.items()}
        situation = Situation(replace(snapshot, taken_at=at, quotes=quotes), described.situation.standing, state)
        decision = decide(situation, terms)
        state = decision.state
        opened = any(decided.intent is not None for decided in decision.assets)
        advice = advise_all(decision, situation.snapshot, terms, []) if opened else {}
        await journal.record_decision(situation, terms, decision, advice=advice)
    await journal.record_intent(OrderIntent(
        ORDER, 1, "btc1", "BTC", "BTCUSDT", Side.SELL, Decimal("0.2"), Decimal(50_000), reduce_only=False,
        time_in_force=TimeInForce.GTX, position_before=Decimal(0), goal=Decimal("0.2"), decided_at=AT + 30 * SECOND,
        created_at=AT + 31 * SECOND, reason="above_open"))
    await journal.close()


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Explain:
    """Runs `hedgerow explain` on that journal: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in [name for name in os.environ if name.upper().startswith("HEDGEROW_")]:
        monkeypatch.delenv(name)
    (tmp_path / "mine.yaml").write_text(CONFIG, encoding="utf-8")
    asyncio.run(_keep(tmp_path / "mine.db"))

    def run(*words: str, command: str = "explain") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hedgerow", command, *words, "-c", "mine.yaml"])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return run


@pytest.mark.parametrize(("which", "seq"), [
    ("1", 1), ("2", 2), ("last", 2), (iso(AT), 1), (iso(AT + 29 * SECOND), 1), (iso(AT + 3_600 * SECOND), 2),
    ("btc1", 2), (ORDER, 2),
])
def test_a_decision_is_found_by_number_instant_order_or_hedge(explain: Explain, which: str, seq: int) -> None:
    code, out, err = explain(which, "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["recorded"]["seq"] == seq
    assert told["explanation"]["disagreements"] == []


@pytest.mark.parametrize(("which", "words"), [
    ("9", "there is no decision 9; decisions 1 to 2 are of 2024-01-01T00:00:00Z to 2024-01-01T00:00:30Z"),
    ("2023-01-01", "there is no decision 2023-01-01"),
    ("soon", "'soon' is no decision: neither a number, nor an instant, nor the id of an order or a hedge here"),
    ("99999999999999999999", "is no decision"),
])
def test_a_decision_that_is_not_there_is_said_with_what_is(explain: Explain, which: str, words: str) -> None:
    code, out, err = explain(which)
    assert (code, out) == (2, "")
    assert words in err


def test_the_text_has_every_number_of_the_first_worked_example_in_80_columns(explain: Explain) -> None:
    code, out, _ = explain("last")
    assert code == 0
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "…" not in out
    text = " ".join(out.split())
    for words in (
        "decision 2, at 2024-01-01T00:00:30Z", "USDT 10,000 + 10,000 → 20,000 USDT",
        "BTC 1.2·50,000 + ETH 8·2,500 + 20,000 + 0 − 0 → 100,000 USDT", "1.2 · 50,000 → 60,000 USDT",
        "60,000 − 50,000 → 10,000 USDT, a drift of 10pp", "open 5pp · 100,000 = 5,000",
        "10,000 / (50,000 · 0.1 = 5,000) = 2 → 2 contracts = 0.2 BTC", "before: 1 for open → 2 of 2",
        "basis: 0%, at most 0.5%: ok", "leverage: 10,000 / 10,000 = 1×, at most 2×",
        "0 → 0.2 BTC → 0.2 BTC, 2 contracts: open, as decided", "Decided again from the journal: the same.",
    ):
        assert words in text
    assert "1 of 2" in " ".join(explain("1")[1].split())


def test_a_journal_whose_decision_was_altered_is_exit_7(explain: Explain, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mine.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        (text,) = connection.execute("SELECT decision FROM decisions WHERE seq = 2").fetchone()
        told = json.loads(text)
        told["assets"][0]["goal"] = "0.3"
        connection.execute("UPDATE decisions SET decision = ? WHERE seq = 2", (json.dumps(told),))
    connection.close()
    code, out, err = explain("2")
    assert code == 7
    text = " ".join(out.split())
    assert "DISAGREES: BTC: the steps come to a short of 0.2, the decision to 0.3" in text
    assert "Decided again from the journal: the same." not in text
    assert "not what its situation decides" in err


def test_status_tells_the_number_by_which_to_ask(explain: Explain) -> None:
    code, out, _ = explain(command="status")
    assert code == 0
    assert "decision 2" in out
    assert json.loads(explain("--json", command="status")[1])["seq"] == 2


def test_what_opened_a_hedge_shows_the_advice_of_then(explain: Explain) -> None:
    _, opened, _ = explain("btc1")
    assert "advice of then: hedge, or sell\nBTC: hedge: if the drift resolves" in opened
    _, first, _ = explain(iso(AT))
    assert "advice of then" not in first
    told = json.loads(explain("btc1", "--json")[1])
    assert told["recorded"]["advice"]["BTC"]["verdict"] == "hedge"
