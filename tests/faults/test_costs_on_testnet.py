"""What hedges cost by the ledger, against what the testnet's account has, to the last digit (DOMAIN §4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from sqlite3 import connect

import orjson
import pytest
from account_books import Books
from rig import Rig, running

from bot.core.money import to_ledger
from bot.core.times import HOUR
from bot.journal.check import check
from bot.journal.lookup import find_decision
from bot.journal.reader import read_books, read_decisions
from bot.lab.report import make
from bot.paper.records import PaperOrder
from bot.telemetry.alert_desk import Desk
from bot.telemetry.alert_kinds import KINDS
from bot.testnet.dialect import Reply, Request

D = Decimal
VENUES = ("binance", "bybit")


@pytest.fixture(params=VENUES)
async def slow(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """A bot that looks four times an hour, so that a day passes quickly."""
    seldom = {"edit": lambda text: text.replace("poll: 1m", "poll: 15m", 1)}
    async with running(tmp_path, request.param, days=6, **seldom) as rig:
        yield rig


async def test_a_hedge_closed_by_command_costs_what_the_account_lacks(slow: Rig) -> None:
    books = Books(slow)
    await slow.hedged()
    await slow.ticks(40)  # a settlement passes
    await slow.ask("close", "BTC")
    await slow.until(lambda: bool(slow.said("hedge.closed")))
    await slow.ticks(2)
    costs = books.agree("btc1")
    assert costs.funding
    said = slow.said("hedge.closed")[0]
    assert (said["net_cost"], said["against_holding"]) == (costs.net_cost, costs.against_holding)


async def test_what_opens_a_hedge_keeps_the_advice_of_then(slow: Rig) -> None:
    await slow.hedged()
    found = find_decision(slow.settings.journal, "btc1")
    advice = found.advice["BTC"]
    decided = found.decision.of("BTC")
    assert (advice.quantity, advice.price) == (decided.goal, decided.measure.price)
    assert advice.funding.now is not None
    assert advice.reasons
    others = [one for one in read_decisions(slow.settings.journal) if one.seq != found.seq]
    assert all(not one.advice for one in others)
    assert check(slow.settings.journal).ok, "deciding again asks for no advice"


async def test_a_finalised_hedge_costs_what_the_account_lacks(slow: Rig) -> None:
    books = Books(slow)
    await slow.hedged()
    await slow.ticks(40)
    await slow.ask("finalize", "BTC")
    await slow.until(lambda: bool(slow.said("hedge.finalised")), 200)
    await slow.ticks(2)
    costs = books.agree("btc1")
    assert costs.sold > 0
    assert costs.spot_fees is not None
    assert costs.spot_fees > 0


async def test_the_books_agree_with_the_venues_own_income_daily_and_when_a_hedge_has_ended(slow: Rig) -> None:
    await slow.hedged()
    await slow.until(lambda: bool(slow.said("ledger.reconciled")), 120)
    await slow.ask("finalize", "BTC")
    await slow.until(lambda: bool(slow.said("hedge.finalised")), 200)
    ended = slow.clock.now()
    await slow.until(lambda: len(slow.said("ledger.reconciled")) >= 2)
    assert slow.clock.now() - ended < 2 * HOUR
    told = slow.said("ledger.reconciled")
    assert [row["residuals"] for row in told] == [0] * len(told)
    assert all(row["rows"] for row in told)
    assert not slow.said("ledger.residual")


async def test_a_row_that_the_books_never_saw_is_told_as_a_residual(slow: Rig) -> None:
    await slow.hedged()
    with closing(connect(slow.settings.journal)) as journal:
        journal.execute("DROP TRIGGER fills_no_update")
        journal.execute("UPDATE fills SET fee = '0.00000001' WHERE seq = 1")
        journal.commit()
    await slow.until(lambda: bool(slow.said("ledger.residual")), 120)
    (residual,) = slow.said("ledger.residual")
    assert (residual["reason"], residual["ours"]) == ("fee", D("-0.00000001"))
    (alert,) = Desk(repeat=HOUR, per_hour=60).hear("ledger.residual", residual, slow.clock.now())
    assert (alert.kind, alert.mended) == ("ledger_residual", False)
    assert KINDS["ledger_residual"].fix in alert.body
    with closing(connect(slow.settings.journal)) as journal:
        journal.execute("UPDATE fills SET fee = ? WHERE seq = 1", (str(-D(str(residual["theirs"]))),))
        journal.commit()


async def test_a_row_that_the_venue_tells_otherwise_is_a_residual_when_the_hedge_ends_daily_and_in_the_report(
    slow: Rig,
) -> None:
    await slow.hedged()
    (fee,) = [fill.fee for fill in read_books(slow.settings.journal).fills]
    word = b'"income":"-%s' if slow.bot.venue.name == "binance" else b'"fee":"%s'
    told = word % str(fee.normalize()).encode()
    slow.retold("funding", "startTime", {told: told + b"1"}, times=9)
    await slow.ask("close", "BTC")
    await slow.until(lambda: len(slow.said("ledger.reconciled")) >= 2, 200)
    (residual,) = slow.said("ledger.residual")  # said once
    assert (residual["reason"], residual["symbol"], residual["ours"]) == ("fee", "BTC/USDT:USDT", -fee)
    assert residual["theirs"] != -fee
    assert [row["residuals"] for row in slow.said("ledger.reconciled")] == [1, 1], "when it had ended, and daily"
    (hedge,) = make(slow.settings.journal).episodes
    assert hedge.compared is not None
    assert [(one.ours, one.theirs) for one in hedge.compared.residuals] == [(-fee, residual["theirs"])]


async def test_a_sale_that_the_venue_tells_otherwise_is_a_residual_too(slow: Rig) -> None:
    """Binance's account of the futures wallet says nothing of spot: there the executions are compared."""
    await slow.hedged()
    await slow.ask("finalize", "BTC")
    await slow.until(lambda: bool(slow.said("hedge.finalised")), 200)
    fee = next(fill.fee for fill in read_books(slow.settings.journal).fills if fill.symbol == "BTC/USDT")
    binance = slow.bot.venue.name == "binance"
    told = (b'"commission":"%s' if binance else b'"fee":"%s') % str(fee.normalize()).encode()
    slow.retold("spot fills" if binance else "funding", "symbol=BTCUSDT" if binance else "startTime",
                {told: told + b"1"}, times=9)
    await slow.until(lambda: bool(slow.said("ledger.reconciled")))
    (residual,) = slow.said("ledger.residual")
    assert (residual["reason"], residual["symbol"], residual["ours"]) == ("fee", "BTC/USDT", -fee)


async def test_fees_that_are_paid_in_bnb_cost_what_bnb_was_worth_then(tmp_path: Path) -> None:
    """Of the spot legs, as Binance charges who keeps BNB: a quarter less, and not out of the proceeds."""
    async with running(tmp_path, "binance", days=6, edit=lambda text: text.replace("poll: 1m", "poll: 15m", 1)) as rig:
        charged = paid_in_bnb(rig, D(600))
        books = Books(rig)
        await rig.hedged()
        await rig.ask("finalize", "BTC")
        await rig.until(lambda: bool(rig.said("hedge.finalised")), 200)
        books.cash += to_ledger(sum(charged, D(0)) * 600)  # what was paid in another coin than cash
        costs = books.agree("btc1")
        assert len(charged) >= 2
        assert costs.spot_fees_charged == {"BNB": sum(charged)}
        assert costs.spot_fees == sum(to_ledger(fee * 600) for fee in charged)
        assert costs.futures_fees is not None


def paid_in_bnb(rig: Rig, price: Decimal) -> list[Decimal]:
    """From here on the exchange charges spot fees in BNB, of which there is enough; what it charged."""
    exchange, dialect = rig.testnet.exchange, rig.testnet.dialect
    book_spot, answer, charged = exchange.account._book_spot, dialect.answer, list[Decimal]()

    def in_bnb(order: PaperOrder, quantity: Decimal, paid: Decimal, rate: Decimal) -> tuple[Decimal, str]:
        book_spot(order, quantity, paid, D(0))
        charged.append(to_ledger(quantity * paid * rate * D("0.75") / price))
        exchange.wallets.add(exchange.wallets.spot, "BNB", -charged[-1])
        return charged[-1], "BNB"

    def with_bnb(request: Request) -> Reply:
        if request.path == "/api/v3/ticker/bookTicker" and "BNBUSDT" in request.query:
            return Reply(200, orjson.dumps([{
                "symbol": "BNBUSDT", "bidPrice": str(price - 1), "bidQty": "1", "askPrice": str(price + 1),
                "askQty": "1"}]))
        return answer(request)

    exchange.deposit("BNB", D(5))
    vars(exchange.account)["_book_spot"] = in_bnb
    vars(dialect)["answer"] = with_bnb
    return charged
