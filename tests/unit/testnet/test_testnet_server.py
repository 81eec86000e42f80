from __future__ import annotations

import asyncio
import os
import signal
import time
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
from testnet_caller import Caller

from bot.core.times import parse_iso
from bot.errors import ConfigError
from bot.paper.records import PaperReject, RejectCode
from bot.testnet.binance.book import futures_refusal, spot_refusal
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions
from bot.testnet.server import running, serve


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org", "", "::"])  # noqa: S104 - what is refused
def test_only_loopback_is_served(host: str) -> None:
    with pytest.raises(ConfigError, match="loopback"):
        TestnetOptions(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_every_name_of_loopback_is_allowed(host: str) -> None:
    assert TestnetOptions(host=host).host == host


@pytest.mark.parametrize("wrong", [
    {"port": 70_000}, {"path": "zigzag"}, {"days": 0}, {"nav": Decimal(0)}, {"futures_share": Decimal(2)},
    {"speed": Decimal(0)}, {"weights": {"BTC": Decimal("0.5")}}, {"key": ""}, {"secret": ""},
    {"weights": {"BTC": Decimal("1.5"), "USDT": Decimal("-0.5")}},
])
def test_options_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        TestnetOptions(**wrong)  # type: ignore[arg-type]  # the names are right


@pytest.mark.fault(94)
def test_an_unknown_scenario_and_an_unreadable_panel_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="allowed"):
        build(TestnetOptions(scenario="tulips"))
    with pytest.raises(ConfigError):
        build(TestnetOptions(panel=tmp_path / "none.csv"))


def test_the_secret_is_in_no_text_about_the_options() -> None:
    assert "very-secret" not in repr(TestnetOptions(secret="very-secret"))


def test_the_account_starts_with_the_weights_at_the_first_prices() -> None:
    exchange = build(TestnetOptions(days=1, nav=Decimal(50_000))).exchange
    values = {asset: exchange.wallets.spot[asset] * exchange.state(asset).spot.bids[0].price
              for asset in ("BTC", "ETH")}
    cash = exchange.wallets.spot["USDT"] + exchange.wallets.futures["USDT"]
    assert float(values["BTC"]) == pytest.approx(25_000, abs=2)
    assert float(values["ETH"]) == pytest.approx(15_000, abs=2)
    assert float(cash) == pytest.approx(10_000, abs=4)
    assert exchange.wallets.futures["USDT"] == pytest.approx(cash / 2)


async def test_serve_says_its_url_once_it_answers_and_ends_when_cancelled() -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(serve(TestnetOptions(days=1), told.put_nowait))
    url = await asyncio.wait_for(told.get(), 5)
    async with aiohttp.ClientSession() as session, session.get(f"{url}/fapi/v1/ping") as reply:
        assert (reply.status, await reply.json()) == (200, {})
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_sigterm_ends_it_in_peace() -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(serve(TestnetOptions(days=1), told.put_nowait))
    await asyncio.wait_for(told.get(), 5)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(task, 5)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "the signal is given back"


@pytest.mark.parametrize("headers", [{"Origin": "https://page.example"}, {"Host": "page.example:80"},
                                     {"Host": "127.0.0.1.page.example"}])
async def test_a_web_page_in_a_browser_cannot_reach_it(headers: dict[str, str]) -> None:
    caller = Caller()
    async with running(caller.testnet) as url, aiohttp.ClientSession() as session:
        body = {"lease": "page", "until": caller.now + 60_000}
        async with session.post(f"{url}/testnet/advance", json=body, headers=headers) as reply:
            assert reply.status == 403
        assert caller.testnet.world.clock.holder is None
        async with session.get(f"{url}/fapi/v1/ping", headers={"Host": "localhost:1"}) as reply:
            assert reply.status == 200


def test_every_refusal_of_the_exchange_has_its_code_and_words_on_both_markets() -> None:
    for refusal in set(RejectCode) - {RejectCode.TRANSFER_NOT_SUPPORTED}:
        reject = PaperReject(refusal)
        assert futures_refusal(reject, "1").code < -1000
    for refusal in set(RejectCode) - FUTURES_ONLY:
        assert spot_refusal(PaperReject(refusal)).code < -1000


FUTURES_ONLY = {RejectCode.TRANSFER_NOT_SUPPORTED, RejectCode.REDUCE_ONLY_REJECTED, RejectCode.BAD_LEVERAGE,
                RejectCode.REDUCE_ONLY_ORDERS_BLOCK, RejectCode.MAX_POSITION_AT_LEVERAGE, RejectCode.NO_CHANGE}
"""What the spot API cannot be asked for: leverage, reduce-only, amendments."""


def test_a_panel_of_real_history_becomes_a_testnet() -> None:
    shared = Path(os.environ.get("HEDGEROW_SHARED") or Path(__file__).parents[4] / "shared")
    panel = shared / "data" / "panel_1h_asof.csv.gz"
    if not panel.is_file():
        pytest.skip(f"no history at {panel}: HEDGEROW_SHARED names the folder")
    start, end = parse_iso("2021-01-28"), parse_iso("2021-02-02")
    caller = Caller(build(TestnetOptions(panel=panel, start=start, end=end)))
    assert (caller.now, caller.testnet.world.clock.end) == (start, end)
    caller.short("0.1")
    caller.advance(end - start)
    assert len(caller.ok("GET", "/fapi/v1/income", incomeType="FUNDING_FEE", startTime=start)) == 15


async def test_a_port_that_is_taken_is_a_configuration_error() -> None:
    caller = Caller()
    async with running(caller.testnet) as url:
        port = int(url.rsplit(":", 1)[1])
        with pytest.raises(ConfigError, match=f"port {port}"):
            async with running(Caller().testnet, port=port):
                pass


async def test_replies_are_json_with_the_weight_in_the_headers() -> None:
    async with running(Caller().testnet) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/fapi/v1/depth?symbol=BTCUSDT&limit=5") as reply:
            assert reply.content_type == "application/json"
            assert reply.headers["X-MBX-USED-WEIGHT-1M"] == "2"
        async with session.get(f"{url}/fapi/v1/nothing") as reply:
            assert (reply.status, (await reply.json())["code"]) == (404, -5000)
        async with session.get(f"{url}/fapi/v3/account") as reply:
            assert (reply.status, (await reply.json())["code"]) == (401, -2014)


def test_a_signed_read_costs_well_under_a_millisecond() -> None:
    caller = Caller()
    caller.short("0.1")
    caller.sell("0.1")
    rounds, spent = 50, []
    for _ in range(5):  # the best of five: other work on the machine only ever makes it slower
        started = time.process_time()
        for _ in range(rounds):
            for path in ("/fapi/v3/account", "/fapi/v3/positionRisk", "/api/v3/account"):
                caller.signed("GET", path)
        spent.append((time.process_time() - started) / rounds / 3)
        caller.advance(60_000)
    assert min(spent) < 0.001
