"""Where requests may go: checked on the address that really leaves."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator

import pytest
from fake_binance import FakeBinance, saying
from venue_values import ManualClock, an_intent
from yarl import URL

from bot.environment import Environment
from bot.errors import ConfigError, Refused, SafetyStop, Unavailable
from bot.venues import binance_calls as calls
from bot.venues.binance_open import make_binance
from bot.venues.failures import Endpoint
from bot.venues.gateway import CcxtVenue
from bot.venues.transport import Door

DEMO = "https://demo-fapi.binance.com/fapi/v1/order?symbol=BTCUSDT&signature=abc"
LIVE = "https://fapi.binance.com/fapi/v1/order?symbol=BTCUSDT&signature=abc"


def door(environment: Environment, local_url: str | None = None) -> Door:
    clock = ManualClock()
    return Door("binance", environment, clock, calls.budgets(clock), local_url=local_url)


def venue_in(environment: Environment, local_url: str | None = None, *, read_only: bool = False) -> CcxtVenue:
    return make_binance(
        environment, clock=ManualClock(), key="k-planted", secret="s-planted", assets=("BTC",), local_url=local_url,
        read_only=read_only, timeout=0.3,
    )


def test_local_changes_scheme_and_host_only() -> None:
    wire, _ = door(Environment.LOCAL, "http://127.0.0.1:8700").wire(DEMO)
    assert wire == "http://127.0.0.1:8700/fapi/v1/order?symbol=BTCUSDT&signature=abc"


@pytest.mark.parametrize(("environment", "logical"), [(Environment.DEMO, DEMO), (Environment.LIVE, LIVE)])
def test_demo_and_live_are_never_mapped(environment: Environment, logical: str) -> None:
    opened = door(environment, "http://127.0.0.1:8700")
    assert opened.wire(logical)[0] == logical
    opened.check(URL(logical, encoded=True))


@pytest.mark.fault(83)
@pytest.mark.parametrize(("environment", "wire"), [
    (Environment.DEMO, LIVE), (Environment.LIVE, DEMO),
    (Environment.DEMO, "http://demo-fapi.binance.com/fapi/v1/order"),
    (Environment.DEMO, "https://demo-fapi.binance.com:8443/fapi/v1/order"),
    (Environment.DEMO, "https://demo-fapi.binance.com.example.com/fapi/v1/order"),
    (Environment.DEMO, "https://api.example.com/demo-fapi.binance.com"),
    (Environment.DEMO, "http://127.0.0.1:8700/fapi/v1/order"),
    (Environment.LIVE, "http://127.0.0.1:8700/fapi/v1/order"),
    (Environment.LIVE, "https://testnet.binancefuture.com/fapi/v1/order"),
    (Environment.LOCAL, "http://127.0.0.1:8701/fapi/v1/order"), (Environment.LOCAL, DEMO), (Environment.LOCAL, LIVE),
])
def test_no_other_address_passes(environment: Environment, wire: str) -> None:
    with pytest.raises(SafetyStop, match=f"not an address of binance {environment.value}"):
        door(environment, "http://127.0.0.1:8700").check(URL(wire, encoded=True))


@pytest.mark.fault(83)
def test_local_does_not_stand_for_live() -> None:
    with pytest.raises(SafetyStop, match="not an address of binance demo"):
        door(Environment.LOCAL, "http://127.0.0.1:8700").wire(LIVE)


@pytest.mark.fault(83)
@pytest.mark.parametrize("environment", [Environment.DEMO, Environment.LOCAL])
def test_an_address_that_has_passed_vouches_for_no_other(environment: Environment) -> None:
    opened = door(environment, "http://127.0.0.1:8700")
    opened.wire(DEMO)
    for wanted in (LIVE, DEMO.replace("https://", "https://api.example.com/")):
        with pytest.raises(SafetyStop):
            opened.wire(wanted)


def test_local_needs_an_address() -> None:
    with pytest.raises(ConfigError, match="local_url"):
        door(Environment.LOCAL)


@pytest.mark.fault(83)
@pytest.mark.parametrize("environment", [Environment.DEMO, Environment.LIVE])
async def test_each_environments_exchange_object_keeps_to_its_hosts(environment: Environment) -> None:
    venue = venue_in(environment)
    exchange = venue._exchange
    for endpoint in (value for value in vars(calls).values() if isinstance(value, Endpoint)):
        if environment is Environment.DEMO and endpoint.api == "sapi":
            continue  # there is none of it in the demo, and it is not asked for there
        signed = exchange.sign(endpoint.path, [endpoint.api], endpoint.method, {"symbol": "BTCUSDT"})
        exchange._door.check(URL(exchange._door.wire(signed["url"])[0], encoded=True))
    await venue.close()


@pytest.mark.parametrize("environment", [Environment.DEMO, Environment.LIVE])
async def test_certificates_are_checked_beyond_this_machine(environment: Environment) -> None:
    venue = venue_in(environment)
    venue._exchange.open()
    tls = venue._exchange.session._session.connector._ssl
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    await venue.close()


@pytest.mark.fault(83)
async def test_switching_ccxt_over_by_hand_does_not_get_past_the_door() -> None:
    venue = venue_in(Environment.LIVE)
    venue._exchange.enable_demo_trading(True)
    with pytest.raises(SafetyStop, match=r"demo-fapi\.binance\.com is not an address of binance live"):
        await venue.account()
    await venue.close()


@pytest.fixture
async def fake() -> AsyncIterator[FakeBinance]:
    fake = FakeBinance(assets=("BTC",))
    yield fake
    await fake.stop()


@pytest.mark.fault(83)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(fake: FakeBinance, status: int) -> None:
    elsewhere = FakeBinance(assets=("BTC",))
    address = await elsewhere.start()
    venue = venue_in(Environment.LOCAL, await fake.start())
    fake.spoil["GET /fapi/v1/time"] = saying("", status=status, Location=f"{address}/fapi/v1/time")
    with pytest.raises(Unavailable):
        await venue.account()
    assert elsewhere.seen == []
    await venue.close()
    await elsewhere.stop()


async def test_a_run_that_only_looks_sends_nothing_but_get(fake: FakeBinance) -> None:
    venue = venue_in(Environment.LOCAL, await fake.start(), read_only=True)
    await venue.account()
    await venue.snapshot()
    with pytest.raises(Refused, match="only looks"):
        await venue.place(an_intent())
    session = venue._exchange.session
    for verb in ("post", "put", "delete"):
        with pytest.raises(Refused):
            getattr(session, verb)(URL("http://127.0.0.1:1/"))
    assert {name.split()[0] for name, _ in fake.seen} == {"GET"}
    await venue.close()


@pytest.mark.fault(83)
async def test_the_session_itself_knows_the_addresses(fake: FakeBinance) -> None:
    venue = venue_in(Environment.LOCAL, await fake.start())
    await venue.account()
    with pytest.raises(SafetyStop):
        venue._exchange.session.get(URL("http://127.0.0.2:80/"))
    await venue.close()


@pytest.mark.fault(87)
async def test_ccxts_log_keeps_the_key_even_where_everything_is_logged(
    fake: FakeBinance, caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    venue = venue_in(Environment.LOCAL, await fake.start())
    await venue.snapshot()
    assert "k-planted" not in caplog.text
    assert "signature" not in caplog.text
    await venue.close()


async def test_a_missing_key_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="needs an API key"):
        make_binance(Environment.DEMO, clock=ManualClock(), key="", secret="x", assets=("BTC",))


async def test_an_order_that_is_cancelled_while_out_says_that_it_was_sent(fake: FakeBinance) -> None:
    fake.spoil["POST /fapi/v1/order"] = fake.hang
    venue = venue_in(Environment.LOCAL, await fake.start())
    task = asyncio.create_task(venue.place(an_intent()))
    while not fake.seen:  # noqa: ASYNC110 - the server is the one that knows
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await task
    assert "must be looked up" in "".join(cancelled.value.__notes__)
    await venue.close()


async def test_closing_leaves_no_socket(fake: FakeBinance, recwarn: pytest.WarningsRecorder) -> None:
    venue = venue_in(Environment.LOCAL, await fake.start())
    await venue.snapshot()
    await venue.close()
    assert venue._exchange.session is None
    assert list(recwarn) == []


async def test_a_venue_that_was_never_used_closes(recwarn: pytest.WarningsRecorder) -> None:
    venue = venue_in(Environment.DEMO)
    await venue.close()
    assert list(recwarn) == []
