from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from bot.core.policy import Threshold
from bot.core.times import DAY, MINUTE, SECOND
from bot.settings import grammar
from bot.settings.grammar import BareNumber, GrammarError

Parser = Callable[[object], object]

RIGHT: list[tuple[Parser, object, object]] = [
    (grammar.weight, "50%", Decimal("0.5")),
    (grammar.weight, "0%", Decimal(0)),
    (grammar.weight, "100%", Decimal(1)),
    (grammar.weight, "33.3333%", Decimal("0.333333")),
    (grammar.share, "50bp", Decimal("0.005")),
    (grammar.share, "0.1%", Decimal("0.001")),
    (grammar.tolerated, "0%", Decimal(0)),
    (grammar.part, "50%", Decimal("0.5")),
    (grammar.level, "5pp", Threshold(Decimal("0.05"))),
    (grammar.level, "2.5pp", Threshold(Decimal("0.025"))),
    (grammar.level, "10%", Threshold(Decimal("0.1"), relative=True)),
    (grammar.level, "0pp", Threshold(Decimal(0))),
    (grammar.duration, "500ms", 500),
    (grammar.duration, "5s", 5 * SECOND),
    (grammar.duration, "15m", 15 * MINUTE),
    (grammar.duration, "24h", DAY),
    (grammar.duration, "90d", 90 * DAY),
    (grammar.pause, "0s", 0),
    (grammar.amount, "0.001", Decimal("0.001")),
    (grammar.amount, "100000", Decimal(100_000)),
    (grammar.amount, 100_000, Decimal(100_000)),
    (grammar.count, 3, 3),
    (grammar.count, "3", 3),
    (grammar.seed, 0, 0),
    (grammar.instant, "2021-01-28", 1_611_792_000_000),
    (grammar.instant, "2021-01-28T00:00:01Z", 1_611_792_001_000),
    (grammar.coin, "btc", "BTC"),
    (grammar.coin, "1000SHIB", "1000SHIB"),
    (grammar.cash_coin, "usdt", "USDT"),
    (grammar.file, "var/x.db", Path("var/x.db")),
]


@pytest.mark.parametrize(("parser", "text", "value"), RIGHT)
def test_what_is_written_in_the_grammar_is_read_exactly(parser: Parser, text: object, value: object) -> None:
    assert parser(text) == value


WRONG: list[tuple[Parser, object, str]] = [
    (grammar.weight, "60", "has no unit"),
    (grammar.weight, 60, "has no unit"),
    (grammar.weight, "-1%", "negative"),
    (grammar.weight, "101%", "more than the whole"),
    (grammar.weight, "NaN%", "no finite number"),
    (grammar.weight, "inf%", "no finite number"),
    (grammar.weight, "1e2%", "no finite number"),
    (grammar.weight, "1_0%", "no finite number"),
    (grammar.weight, "%", "no finite number"),
    (grammar.weight, "5pp", "has no unit"),
    (grammar.weight, None, "empty"),
    (grammar.weight, True, "no weight"),
    (grammar.weight, BareNumber("0.5"), "without quotes"),
    (grammar.share, "0%", "not above zero"),
    (grammar.share, "-5bp", "not above zero"),
    (grammar.tolerated, "-5bp", "negative"),
    (grammar.part, "150%", "more than the whole"),
    (grammar.level, "0.05", "has no unit"),
    (grammar.level, "-1pp", "negative"),
    (grammar.level, BareNumber("0.05"), "without quotes"),
    (grammar.duration, "5", "no duration"),
    (grammar.duration, 5, "has no unit"),
    (grammar.duration, "0s", "no time at all"),
    (grammar.duration, "1.5h", "no duration"),
    (grammar.duration, "-5s", "no duration"),
    (grammar.duration, "5 weeks", "no duration"),
    (grammar.amount, BareNumber("0.001"), "without quotes"),
    (grammar.amount, "0", "not above zero"),
    (grammar.amount, "-1", "not above zero"),
    (grammar.amount, "nan", "no finite number"),
    (grammar.amount, "Infinity", "no finite number"),
    (grammar.amount, True, "no number"),
    (grammar.count, 0, "no whole number"),
    (grammar.count, "2.0", "no whole number"),
    (grammar.count, True, "no whole number"),
    (grammar.seed, -1, "no whole number"),
    (grammar.instant, "yesterday", "no date"),
    (grammar.coin, "BTCUSDT", "market"),
    (grammar.coin, "BTC/USDT:USDT", "market"),
    (grammar.coin, "B TC", "no coin"),
    (grammar.cash_coin, "BTC", "no stablecoin"),
    (grammar.risky_coin, "USDC", "is a stablecoin"),
    (grammar.file, " ", "no path"),
]


@pytest.mark.fault(78)
@pytest.mark.parametrize(("parser", "text", "wrong"), WRONG)
def test_what_is_not_is_refused_with_what_is_allowed(parser: Parser, text: object, wrong: str) -> None:
    with pytest.raises(GrammarError) as caught:
        parser(text)
    assert wrong in caught.value.wrong
    assert caught.value.allowed


@pytest.mark.fault(78)
def test_a_bare_float_is_told_how_to_be_quoted() -> None:
    with pytest.raises(GrammarError, match=r'write it in quotes: "0\.001"'):
        grammar.amount(BareNumber("0.001"))


@pytest.mark.fault(88)
def test_a_value_in_a_message_cannot_break_the_terminal() -> None:
    assert grammar.shown("\x1b[2Jx") == '"\\x1b[2Jx"'
    assert grammar.shown("two\nlines") == '"two\\nlines"'
    assert len(grammar.shown("x" * 1000)) < 50
