"""A hedge that is ended with its coins, and what goes wrong on the way (DOMAIN §5B).

Whatever happens, coins and short go down together: at every tick the account is as exposed as at the start, or less by
at most one slice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from rig import Rig, running

from bot.core.times import HOUR
from bot.testnet.faults import Kind

D = Decimal
VENUES = ("binance", "bybit")
LOT = D("0.001")


def coins(rig: Rig, asset: str = "BTC") -> Decimal:
    """What the wallet holds."""
    return rig.testnet.exchange.wallets.spot[asset]


class Sale:
    """Follows a finalisation from here on: `done` is asked at every tick, and looks at the exposure."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.short, self.coins = rig.short(), coins(rig)
        self.slice = D(0)
        self.finalised = len(rig.said("hedge.finalised"))

    @property
    def sold(self) -> Decimal:
        return self.coins - coins(self.rig)

    @property
    def closed(self) -> Decimal:
        return self.short - self.rig.short()

    def look(self) -> None:
        going = self.rig.bot.book.state.of("BTC").finalising
        if going is not None:
            self.slice = going.slice
            assert going.sold_before + going.to_sell <= self.short
            assert self.closed <= self.sold or going.left <= 0, "closed before it was sold"
        assert self.sold - self.closed <= self.slice + LOT, "less exposed by more than a slice"
        assert self.rig.short() >= 0

    def done(self) -> bool:
        self.look()
        return len(self.rig.said("hedge.finalised")) > self.finalised

    async def ends(self, most: int = 400) -> None:
        """Until it has ended as it should."""
        await self.rig.until(self.done, most)
        assert self.rig.position() == 0
        assert 0 < self.sold <= self.short
        assert self.short - self.sold < D("0.005"), "all but what the excess has lost meanwhile"
        assert self.rig.said("hedge.finalised")[-1]["sold"] == self.sold
        state = self.rig.bot.book.state.of("BTC")
        assert (state.finalising, state.disarmed) == (None, None)


async def begun(rig: Rig) -> Sale:
    """A hedge of which the user has just asked that it be finalised."""
    await rig.hedged()
    sale = Sale(rig)
    answer = await rig.ask("finalize", "BTC")
    assert "are sold and the short of" in answer
    return sale


async def test_by_command_coins_and_short_go_down_slice_by_slice(rig: Rig) -> None:
    sale = await begun(rig)
    await sale.ends()
    assert len({row["client_order_id"] for row in rig.rows("SELECT * FROM fills WHERE symbol = 'BTC/USDT'")}) >= 5
    assert not rig.said("decision.held"), "our own sale alarms no guard"
    await rig.ticks(3)
    assert not rig.said("decision.held")
    assert rig.short() == 0, "the drift is gone"
    episode = rig.bot.book.last_episode("BTC")
    assert episode is not None
    assert (episode.sold, str(episode.state)) == (sale.sold, "closed")


LOST = [Kind.TIMEOUT_AFTER, Kind.CLOSE, Kind.TRUNCATE, Kind.HTTP524, Kind.PARTIAL_SILENCE]


@pytest.mark.fault(1, 3, 5, 7, 17)
@pytest.mark.parametrize("kind", LOST)
async def test_a_sale_whose_answer_is_lost_is_found_and_never_sent_again(rig: Rig, kind: Kind) -> None:
    await rig.hedged()
    rig.arm("spot place", kind, applied=True)
    sale = Sale(rig)
    await rig.ask("finalize", "BTC")
    assert rig.bot.book.frozen("BTC")
    sent = len(rig.rows("SELECT * FROM intents"))
    await rig.until(lambda: sale.done() or bool(rig.said("order.resolved")))
    assert len(rig.rows("SELECT * FROM intents")) == sent, "both markets of the coin wait"
    await sale.ends()


@pytest.mark.fault(2)
async def test_a_sale_that_never_arrived_is_given_up_by_the_protocol_and_sent_anew(rig: Rig) -> None:
    await rig.hedged()
    rig.arm("spot place", Kind.TIMEOUT_BEFORE)
    sale = Sale(rig)
    await rig.ask("finalize", "BTC")
    await rig.until(lambda: bool(rig.said("order.resolved")), 100)
    assert rig.said("order.resolved")[0]["state"] == "not_found"
    await sale.ends()


@pytest.mark.fault(14)
async def test_a_sale_that_is_refused_is_tried_again_and_nothing_is_closed_meanwhile(rig: Rig) -> None:
    code, status = (-2010, 400) if rig.bot.venue.name == "binance" else (170131, 200)
    await rig.hedged()
    rig.arm("spot place", Kind.ERROR, code=code, status=status, message="insufficient balance", count=2)
    sale = Sale(rig)
    await rig.ask("finalize", "BTC")
    await rig.until(lambda: len(rig.said("order.refused")) >= 2, 100)
    assert not sale.sold
    assert not sale.closed
    await sale.ends()


@pytest.mark.fault(1)
async def test_a_close_whose_answer_is_lost_is_found_before_the_next_slice_is_sold(rig: Rig) -> None:
    sale = await begun(rig)
    await rig.until(lambda: sale.sold > 0)
    rig.arm("place", Kind.TIMEOUT_AFTER, market="perp")
    await rig.until(lambda: sale.done() or bool(rig.said("order.uncertain")))
    await sale.ends()


@pytest.mark.fault(31)
async def test_after_a_restart_between_the_legs_exactly_what_was_sold_is_closed(rig: Rig) -> None:
    sale = await begun(rig)
    await rig.until(lambda: sale.sold > 0)
    sold = sale.sold
    await rig.restart()
    await rig.until(lambda: sale.closed > 0)
    assert sale.closed <= sold
    await sale.ends()
    assert not rig.said("decision.held"), "what was sold before the restart alarms nobody after it"


@pytest.mark.parametrize("word", ["close", "panic"])
async def test_the_user_ends_the_selling_with_another_word(rig: Rig, word: str) -> None:
    sale = await begun(rig)
    await rig.until(lambda: sale.sold > 0)
    answer = await rig.ask(word, "BTC" if word == "close" else None)
    assert "closing" in answer
    await rig.until(lambda: rig.position() == 0 and not rig.live(), 100)
    sold = sale.sold
    await rig.ticks(3)
    assert sale.sold == sold < sale.short
    assert (rig.bot.book.state.of("BTC").finalising, rig.bot.book.state.of("BTC").disarmed) == (None, "close")


async def test_a_stop_leaves_no_sale_behind_that_nobody_would_follow(rig: Rig) -> None:
    await rig.hedged()
    rig.calm()
    sale = Sale(rig)
    await rig.ask("finalize", "BTC")
    assert rig.testnet.exchange.open_orders("spot")
    assert await rig.bot.engine.stop() == 1
    assert not rig.testnet.exchange.open_orders("spot")
    rig.calm(calm=False)
    await rig.restart()
    await sale.ends()


async def test_sales_that_fill_in_parts_are_closed_as_far_as_they_filled(tmp_path: Path) -> None:
    async with running(tmp_path, "binance", nav=20_000_000) as rig:
        await rig.hedged(most=400)
        sale = Sale(rig)
        await rig.ask("finalize", "BTC")
        await rig.until(sale.done, 3000)
        assert rig.position() == 0
        assert rig.said("hedge.finalised")[-1]["sold"] == sale.sold


@pytest.mark.parametrize("venue", VENUES)
async def test_by_policy_a_hedge_ends_when_it_is_old(tmp_path: Path, venue: str) -> None:
    async with running(tmp_path, venue, more='finalise: {max_age: "1h", slices: 2}') as rig:
        await rig.hedged()
        sale = Sale(rig)
        opened = rig.bot.book.last_episode("BTC")
        assert opened is not None
        assert opened.opened_at is not None
        await rig.until(lambda: rig.bot.book.state.of("BTC").finalising is not None, 400)
        assert rig.clock.now() - opened.opened_at >= HOUR
        assert rig.said("hedge.finalising")[0]["cause"] == "finalise_age"
        await rig.until(sale.done, 400)
        assert rig.position() == 0


@pytest.mark.fault(1)
@pytest.mark.parametrize("lost", [False, True], ids=["", "answer-lost"])
@pytest.mark.parametrize("venue", VENUES)
async def test_the_proceeds_buy_what_is_below_its_target(tmp_path: Path, venue: str, lost: bool) -> None:
    async with running(tmp_path, venue, more="finalise: {reinvest: targets}") as rig:
        await rig.hedged()
        sale, before = Sale(rig), coins(rig, "ETH")
        await rig.ask("finalize", "BTC")
        await rig.until(sale.done, 400)
        if lost:
            rig.arm("spot place", Kind.TIMEOUT_AFTER)
        await rig.until(lambda: bool(rig.rows(
            "SELECT * FROM decisions WHERE reasons LIKE '%reinvested%'")), 200)
        assert coins(rig, "ETH") > before
        assert rig.decision is not None
        drift = rig.decision.of("ETH").measure.drift
        assert drift is not None
        assert D("-0.02") < drift <= 0, "it was 2pp and more below; never above by our doing"
        assert not rig.said("decision.held")
        assert rig.bot.book.episode("ETH") is None


@pytest.fixture(params=[
    pytest.param(("binance", "on_margin: finalise, top_up: true"), id="binance-transfer"),
    pytest.param(("binance", "on_margin: finalise"), id="binance"),
    pytest.param(("bybit", "on_margin: finalise"), id="bybit"),
])
async def selling_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """One that sells coins where margin runs out; its coins are no collateral."""
    venue, margin = request.param
    async with running(
        tmp_path, venue, specs="equal", edit=lambda text: text.replace("on_margin: close", margin),
    ) as one:
        yield one


def traded(rig: Rig, symbol: str, side: str) -> Decimal:
    rows = rig.rows(f"SELECT quantity FROM fills WHERE symbol = '{symbol}' AND side = '{side}'")  # noqa: S608 - ours
    return sum((D(row["quantity"]) for row in rows), D(0))


async def squeezed(rig: Rig) -> Decimal:
    """A hedge whose joint runway is about 20%, and a spot wallet without cash; the short."""
    short = await rig.hedged()
    exchange = rig.testnet.exchange
    if rig.bot.venue.name == "binance":
        exchange.deposit("USDT", -exchange.wallets.spot["USDT"])
    equity, mark = exchange.figures().equity, exchange.mark("BTC")
    # E − q·Δ over q·(mark + Δ): below the rung that reduces, above the one that closes.
    exchange.shift_price("BTC", 1 + (equity - D("0.20") * short * mark) / (D("1.20") * short * mark))
    return short


async def test_where_margin_runs_out_coins_are_sold_with_what_is_bought_back(selling_rig: Rig) -> None:
    rig = selling_rig
    short, transfers = await squeezed(rig), len(rig.said("margin.topped_up"))
    await rig.until(lambda: rig.short() < short, 20)
    await rig.until(lambda: rig.bot.book.state.of("BTC").finalising is None, 40)
    sold, closed = traded(rig, "BTC/USDT", "sell"), traded(rig, "BTC/USDT:USDT", "buy")
    assert 0 < sold == closed < short, "as much is closed as was sold"
    assert not rig.testnet.exchange.liquidations
    assert rig.bot.book.state.of("BTC").disarmed is None
    moved = rig.said("margin.topped_up")[transfers:]
    assert bool(moved) == (rig.settings.margin.top_up), "the proceeds follow, where they may"


async def test_the_margin_ladder_waits_for_no_sale(selling_rig: Rig) -> None:
    rig = selling_rig
    short = await squeezed(rig)
    rig.arm("spot place", Kind.TIMEOUT_BEFORE, count=None)
    await rig.until(lambda: rig.short() < short, 20)
    assert traded(rig, "BTC/USDT", "sell") == 0
    assert "sale_given_up" in str(rig.rows("SELECT group_concat(decision) AS told FROM decisions")[0]["told"])
    assert rig.bot.book.state.of("BTC").disarmed == "margin"
    assert not rig.testnet.exchange.liquidations
    rig.disarm()
    await rig.until(lambda: not rig.bot.book.frozen("BTC"), 200)
