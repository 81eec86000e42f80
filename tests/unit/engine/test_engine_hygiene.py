"""The engine looks the account over and goes on by specifications as they are."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from paper_bot import PaperBot, StoryTime

from bot.core import hygiene
from bot.core.decision import Action
from bot.core.hygiene import Check, Verdict
from bot.core.market import Asset, Instrument
from bot.core.plan import decide
from bot.core.policy import AssetPolicy, Policy, Threshold
from bot.core.times import DAY, HOUR, MINUTE, SECOND, Millis
from bot.engine.daemon import Daemon
from bot.engine.tick import Engine
from bot.errors import Refused, SafetyStop, Unavailable
from bot.paper.venue import PaperVenue
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

D = Decimal
LEVELS = (Threshold(D("0.03")), Threshold(D("0.01")), Threshold(D("0.01")))
POLICY = Policy(
    (AssetPolicy("BTC", D("0.5"), *LEVELS, D("0.001")), AssetPolicy("ETH", D("0.3"), *LEVELS, D("0.01"))), D("0.2"),
    confirm=1,
)


class Told(PaperVenue):
    """Its checks are as a test wants them: those in `wrong` besides the paper account's own; `away`: not to be had."""

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type] # passed on
        self.wrong: list[Check] = []
        self.away: Exception | None = None
        self.gone: set[Asset] = set()
        self.looks = 0

    async def inspect(self, policy: Policy) -> tuple[Check, ...]:
        self.looks += 1
        if self.away is not None:
            raise self.away
        return (*await super().inspect(policy), *self.wrong)

    async def instruments(self, assets: object) -> dict[Asset, Instrument]:
        wanted = list(assets)  # type: ignore[call-overload] # any sequence
        if self.gone & set(wanted):
            raise Refused(f"no market for {self.gone}")
        return dict(await super().instruments(wanted))


async def bot_with(rules: Policy = POLICY) -> tuple[PaperBot, Engine, Told]:
    exchange = build(TestnetOptions(scenario="calm", days=10, seed=1)).exchange
    bot = PaperBot(exchange, rules, StoryTime(exchange.feed.start, exchange.feed.end), venue=Told)
    engine, _ = await bot.compose()
    assert isinstance(bot.door, Told)
    return bot, engine, bot.door


async def later(bot: PaperBot, engine: Engine, after: Millis) -> dict[Asset, tuple[Action, tuple[str, ...]]]:
    """One tick later: each coin's action, and the guards that refuse."""
    await bot.clock.sleep_until(bot.clock.now() + after)
    decision = (await engine.tick()).decision
    return {one.asset: (one.action, tuple(refusal.guard for refusal in one.refusals)) for one in decision.assets}


def drift(bot: PaperBot) -> None:
    """BTC grows past its open level; the jump guard needs a second look."""
    bot.exchange.shift_price("BTC", D("1.3"))


def bad(name: str, asset: Asset | None = None, verdict: Verdict = Verdict.FAIL) -> Check:
    return Check(name, verdict, "bad", "good", "mend it", asset)


async def test_it_looks_before_the_first_decision_and_then_every_hour() -> None:
    bot, engine, venue = await bot_with()
    await engine.tick()
    assert venue.looks == 1
    for _ in range(12):
        await later(bot, engine, 10 * MINUTE)
    assert venue.looks == 3


async def test_what_forbids_trading_stops_the_bot_before_any_order() -> None:
    for name in (hygiene.POSITION_MODE, hygiene.ASSET_MODE, hygiene.PORTFOLIO_MARGIN, hygiene.KEY_WITHDRAWAL,
                 hygiene.KEY_TRANSFER, hygiene.KEY_TRADING, hygiene.KEY_EXPIRY):
        bot, engine, venue = await bot_with()
        drift(bot)
        venue.wrong = [bad(name)]
        daemon = Daemon(engine, bot.clock, poll=MINUTE, working_poll=5 * SECOND, emit=bot.emit)
        with pytest.raises(SafetyStop, match="mend it"):
            await daemon.run()
        assert bot.exchange.orders == {}
        assert [said["code"] for said in bot.said("safety.stopped")] == [name]


async def test_leverage_changed_mid_run_pauses_increases_of_that_coin_and_is_said_once_until_it_is_mended() -> None:
    bot, engine, _ = await bot_with()
    await engine.tick()
    bot.exchange.set_leverage("BTC", D(7))
    await later(bot, engine, HOUR)
    drift(bot)
    await later(bot, engine, MINUTE)
    seen = await later(bot, engine, 15 * SECOND)
    assert seen["BTC"] == (Action.HOLD, ("asset_fault",))
    assert "asset_fault" not in seen["ETH"][1]
    assert [(said["reason"], said["asset"]) for said in bot.said("account.warned")] == [("leverage", "BTC")]
    assert bot.exchange.orders == {}
    bot.exchange.set_leverage("BTC", POLICY.margin.leverage)
    seen = await later(bot, engine, 2 * MINUTE)
    assert [(said["reason"], said["asset"]) for said in bot.said("account.mended")] == [("leverage", "BTC")]
    assert "asset_fault" not in seen["BTC"][1]
    assert bot.exchange.orders


async def test_an_account_that_may_not_open_pauses_increases_and_every_decision_can_be_decided_again() -> None:
    bot, engine, venue = await bot_with()
    venue.wrong = [bad(hygiene.TRADING)]
    drift(bot)
    await engine.tick()
    seen = await later(bot, engine, 30 * SECOND)
    assert seen["BTC"] == (Action.HOLD, ("account_fault",))
    assert bot.exchange.orders == {}
    assert all(decide(situation, terms) == decision for situation, terms, decision in bot.pages.decisions)


async def test_a_warning_is_said_and_stops_nothing() -> None:
    bot, engine, venue = await bot_with()
    venue.wrong = [bad(hygiene.KEY_EXPIRY, verdict=Verdict.WARN)]
    await engine.tick()
    drift(bot)
    await later(bot, engine, MINUTE)
    await later(bot, engine, 15 * SECOND)
    assert [said["reason"] for said in bot.said("account.warned")] == ["key_expiry"]
    assert bot.exchange.orders


async def test_no_decision_before_the_first_look_succeeded_and_later_failures_change_nothing() -> None:
    bot, engine, venue = await bot_with()
    venue.away = Unavailable("away")
    with pytest.raises(Unavailable):
        await engine.tick()
    assert bot.pages.decisions == []
    venue.away = None
    await engine.tick()
    venue.away = Unavailable("away")
    assert (await later(bot, engine, HOUR))["BTC"][1] == ()
    looks = venue.looks
    await later(bot, engine, MINUTE)
    assert venue.looks == looks + 1


async def test_a_step_changed_mid_run_is_said_taken_over_and_refuses_where_the_contract_is_no_multiple() -> None:
    bot, engine, _ = await bot_with()
    await engine.tick()
    bot.exchange.instruments["BTC"] = replace(bot.exchange.instruments["BTC"], amount_step=D("0.01"))
    bot.exchange.instruments["ETH"] = replace(bot.exchange.instruments["ETH"], price_tick=D("0.05"))
    await later(bot, engine, HOUR)
    said = {str(event["asset"]): str(event["message"]) for event in bot.said("instrument.changed")}
    assert said == {"BTC": "amount_step 0.001 → 0.01", "ETH": "price_tick 0.01 → 0.05"}
    drift(bot)
    await later(bot, engine, MINUTE)
    assert (await later(bot, engine, 15 * SECOND))["BTC"] == (Action.HOLD, ("asset_fault",))
    assert bot.exchange.orders == {}
    terms = bot.pages.decisions[-1][1]
    assert terms.instruments["ETH"].price_tick == D("0.05")
    bot.exchange.instruments["BTC"] = replace(bot.exchange.instruments["BTC"], amount_step=D("0.001"))
    assert (await later(bot, engine, 2 * MINUTE))["BTC"] == (Action.OPEN, ())


async def test_without_a_configured_contract_the_new_step_is_the_contract() -> None:
    bot, engine, _ = await bot_with(replace(POLICY, assets=(
        replace(POLICY.assets[0], contract=None), POLICY.assets[1])))
    await engine.tick()
    bot.exchange.instruments["BTC"] = replace(
        bot.exchange.instruments["BTC"], amount_step=D("0.01"), min_amount=D("0.01"))
    await later(bot, engine, HOUR)
    drift(bot)
    for _ in range(20):
        await later(bot, engine, 15 * SECOND)
    assert bot.exchange.orders
    assert all(order.quantity % D("0.01") == 0 for order in bot.exchange.orders.values())


@pytest.mark.parametrize("gone", [False, True], ids=["halted", "not-listed-any-more"])
async def test_a_coin_delisted_mid_run_is_not_opened_any_more_and_the_others_go_on(gone: bool) -> None:
    bot, engine, venue = await bot_with()
    await engine.tick()
    if gone:
        venue.gone = {"BTC"}
    else:
        bot.exchange.instruments["BTC"] = replace(bot.exchange.instruments["BTC"], tradable=False)
    await later(bot, engine, HOUR)
    drift(bot)
    await later(bot, engine, MINUTE)
    seen = await later(bot, engine, 15 * SECOND)
    assert "not_tradable" in seen["BTC"][1]
    assert "not_tradable" not in seen["ETH"][1]
    assert [event["message"] for event in bot.said("instrument.changed")] == ["tradable true → false"]
    assert bot.exchange.orders == {}


async def test_a_story_with_looks_every_minute_decides_as_one_without() -> None:
    """A look changes nothing where nothing is wrong."""
    ends = []
    for every in (MINUTE, 0):
        exchange = build(TestnetOptions(scenario="demo", days=6, seed=1)).exchange
        bot = PaperBot(exchange, POLICY, StoryTime(exchange.feed.start, exchange.feed.start + 6 * DAY))
        _, book = await bot.compose()
        terms = (await bot.compose())[0]._terms
        engine = Engine(venue=bot.door, book=book, clock=bot.clock, terms=terms, emit=bot.emit, inspect_every=every)
        await Daemon(engine, bot.clock, poll=HOUR, working_poll=MINUTE, emit=bot.emit).run()
        ends.append([decision for _, _, decision in bot.pages.decisions])
    assert ends[0] == ends[1]
    assert ends[0]
