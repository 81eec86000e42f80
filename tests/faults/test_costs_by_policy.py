"""Hedges that nobody ended but the rule, a policy or the margin ladder: what each cost, against the testnet's account.

For every one: net cost by the ledger is what the account that sells and buys coins instead has more, and "against
holding" is what the testnet's account is worth more than one that did nothing, to the last digit (DOMAIN §4).
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path

import pytest
from account_books import Books
from rig import Rig, running

from bot.core.ledger import Costs
from bot.core.money import round_to_step
from bot.core.times import HOUR
from bot.journal.check import check
from bot.journal.reader import read_account_costs, read_books

D = Decimal
pytestmark = pytest.mark.parametrize("venue", ["binance", "bybit"])


def seldom(folder: Path, venue: str, more: str = "", margin: str = "on_margin: close", specs: str = "venue",
           ) -> AbstractAsyncContextManager[Rig]:
    """A bot that looks four times an hour, so that hours pass quickly."""
    def edit(text: str) -> str:
        return text.replace("poll: 1m", "poll: 15m", 1).replace("on_margin: close", margin)

    return running(folder, venue, days=3, more=more, edit=edit, specs=specs)


async def ends(rig: Rig, books: Books, event: str, reason: str, most: int = 120) -> Costs:
    """Until the hedge has ended, and why; its costs, which agree with everything."""
    await rig.until(lambda: bool(rig.said(event)), most)
    await rig.ticks(2)
    closing = rig.rows("SELECT reason FROM intents WHERE episode = 'btc1' AND symbol = 'BTC/USDT:USDT' ORDER BY number")
    assert closing[-1]["reason"] == reason
    return books.agree("btc1")


async def test_a_drift_that_resolves(tmp_path: Path, venue: str) -> None:
    async with seldom(tmp_path, venue) as rig:
        books = Books(rig)
        await rig.hedged()
        await rig.ticks(36)  # a settlement passes
        rig.testnet.exchange.shift_price("BTC", D("0.77"))
        costs = await ends(rig, books, "hedge.closed", "resolved")
        assert costs.funding
        assert costs.sold == 0
        assert costs.realised > 0


async def test_a_hedge_that_is_too_old(tmp_path: Path, venue: str) -> None:
    async with seldom(tmp_path, venue, 'finalise: {max_age: "10h"}') as rig:
        books = Books(rig)
        await rig.hedged()
        costs = await ends(rig, books, "hedge.finalised", "finalise_age")
        assert costs.funding
        assert costs.sold > 0


async def test_a_hedge_whose_funding_is_too_dear(tmp_path: Path, venue: str) -> None:
    async with seldom(tmp_path, venue) as rig:
        books = Books(rig)
        await rig.hedged()
        vars(rig.testnet.exchange.feed)["funding_rate"] = lambda _, __: D("-0.003")
        costs = await ends(rig, books, "hedge.finalised", "finalise_carry")
        assert costs.sold > 0
        assert costs.funding_paid is not None
        assert costs.funding_paid > 0, "the short paid"


async def test_a_hedge_that_runs_out_of_margin(tmp_path: Path, venue: str) -> None:
    async with seldom(tmp_path, venue, margin="on_margin: finalise", specs="equal") as rig:
        books = Books(rig)
        short, exchange = await rig.hedged(), rig.testnet.exchange
        if venue == "binance":
            books.withdraw_all()  # what could be moved there
        # E − q·Δ over q·(mark + Δ) is what is left: below the rung that closes all of it.
        equity, mark = exchange.figures().equity, exchange.mark("BTC")
        exchange.shift_price("BTC", 1 + (equity - D("0.09") * short * mark) / (D("1.09") * short * mark))
        costs = await ends(rig, books, "hedge.finalised", "margin_full")
        assert not exchange.liquidations
        assert costs.sold > 0
        assert costs.realised < 0


async def test_a_hedge_whose_proceeds_buy_what_is_below_its_target(tmp_path: Path, venue: str) -> None:
    async with seldom(tmp_path, venue, "finalise: {reinvest: targets}") as rig:
        books = Books(rig)
        await rig.hedged()
        await rig.ask("finalize", "BTC")
        await rig.until(lambda: bool(rig.rows("SELECT * FROM decisions WHERE reasons LIKE '%reinvested%'")), 200)
        await rig.ticks(2)
        costs = books.agree("btc1")
        assert costs.bought.keys() == {"ETH"}
        assert costs.spent > 0
        assert [row["id"] for row in rig.rows("SELECT id FROM episodes")] == ["btc1"], "a purchase is no hedge"
        account = read_account_costs(rig.settings.journal)
        assert (account.net_cost, account.against_holding) == (costs.net_cost, costs.against_holding)
        assert (account.bought, account.sold) == (costs.bought, {"BTC": costs.sold})
        assert check(rig.settings.journal).ok


async def test_a_hedge_that_was_bought_back_while_the_bot_was_down(tmp_path: Path, venue: str) -> None:
    """Executions, fees and settlements of that time are in its account, each at its own instant."""
    async with seldom(tmp_path, venue, "dead_mans_switch: false") as rig:
        books, exchange = Books(rig), rig.testnet.exchange
        short = await rig.hedged()
        rig.calm()
        await rig.ask("close", "BTC")
        (order,) = rig.resting("BTC")
        await rig.stop()
        await rig.clock.sleep_until(rig.clock.now() + 9 * HOUR)
        exchange.take(order, round_to_step(short / 2, D("0.001")))
        await rig.clock.sleep_until(rig.clock.now() + 8 * HOUR)
        exchange.take(order, order.remaining)
        await rig.clock.sleep_until(rig.clock.now() + 9 * HOUR)
        assert rig.position() == 0
        await rig.start()
        costs = await ends(rig, books, "hedge.closed", "close_requested", 4)
        assert len(costs.funding) == 2, "on all of it, and on a part; none after its end"
        assert [fill.at for fill in read_books(rig.settings.journal).fills] == [
            fill.at for fill in exchange.fills], "at their own instants"
        assert costs.net_cost is not None
        assert [(row["state"], row["fills"]) for row in rig.rows("SELECT * FROM episodes")] == [("closed", 3)]
