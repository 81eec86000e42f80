"""Who may ask Bybit's dialect, when, how often, and with which parameters."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pytest
from bybit_caller import BTC, WINDOW, BybitCaller
from testnet_caller import KEY, SECRET

from bot.core.times import DAY, HOUR, MINUTE, SECOND
from bot.testnet.bybit.signing import sign
from bot.testnet.dialect import Reply, Request
from bot.testnet.faults import Kind, Switch
from bot.testnet.owner import Switchable

INFO, WALLET = "/v5/account/info", "/v5/account/wallet-balance"


@pytest.fixture
def caller() -> BybitCaller:
    return BybitCaller()


def code(reply: Reply) -> int:
    return int(orjson.loads(reply.body)["retCode"])


def asked_at(caller: BybitCaller, offset: int, window: str = WINDOW) -> int:
    at = str(caller.now + offset)
    headers = {"X-BAPI-API-KEY": KEY, "X-BAPI-TIMESTAMP": at, "X-BAPI-RECV-WINDOW": window,
               "X-BAPI-SIGN": sign(SECRET, at, KEY, window, "")}
    return code(caller.testnet.dialect.answer(Request("GET", INFO, "", "", headers)))


def unsigned(caller: BybitCaller, path: str, query: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    return caller.testnet.dialect.answer(Request("GET", path, query, "", headers or {}))


# --- signing ---


def test_a_request_counts_from_the_window_behind_to_less_than_a_second_ahead(caller: BybitCaller) -> None:
    assert [asked_at(caller, offset) for offset in (-5_001, -5_000, 0, 999, 1_000)] == [10002, 0, 0, 0, 10002]
    assert (asked_at(caller, -9_000, "10000"), asked_at(caller, 0, "soon")) == (0, 10002)


def test_a_wrong_key_a_wrong_secret_and_nothing_at_all_are_told_apart(caller: BybitCaller) -> None:
    assert code(caller.raw("GET", INFO, "", key="somebody")) == 10003
    assert code(caller.raw("GET", INFO, "", secret="other")) == 10004
    assert code(unsigned(caller, INFO)) == 10001
    assert code(caller.raw("GET", INFO, "")) == 0


def test_the_signature_covers_the_query_as_sent_and_the_body_as_sent(caller: BybitCaller) -> None:
    at = str(caller.now)
    headers = {"X-BAPI-API-KEY": KEY, "X-BAPI-TIMESTAMP": at, "X-BAPI-RECV-WINDOW": WINDOW,
               "X-BAPI-SIGN": sign(SECRET, at, KEY, WINDOW, "accountType=UNIFIED&coin=BTC%2CUSDT")}
    answer = caller.testnet.dialect.answer
    query = "accountType=UNIFIED&coin=BTC%2CUSDT"
    assert code(answer(Request("GET", WALLET, query, "", headers))) == 0
    assert code(answer(Request("GET", WALLET, query.replace("%2C", ","), "", headers))) == 10004
    headers["X-BAPI-SIGN"] = headers["X-BAPI-SIGN"].upper()
    assert code(answer(Request("GET", WALLET, query, "", headers))) == 0


def test_a_key_that_expired_is_refused_and_says_so(caller: BybitCaller) -> None:
    caller.settings.key.expires_at = caller.now + DAY + 1
    assert caller.get("/v5/user/query-api")["deadlineDay"] == 1
    caller.advance(DAY + 1)
    assert caller.code("GET", INFO) == 33004


def test_a_skewed_clock_shows_in_the_time_and_refuses_those_who_keep_the_right_one(caller: BybitCaller) -> None:
    caller.settings.clock_skew = 6_000
    envelope = orjson.loads(unsigned(caller, "/v5/market/time").body)
    assert (envelope["time"], envelope["result"]["timeSecond"]) == (
        caller.now + 6_000, str((caller.now + 6_000) // 1_000))
    assert asked_at(caller, 0) == 10002
    assert asked_at(caller, 6_000) == 0


# --- routes and parameters ---


def test_an_unknown_path_is_not_found(caller: BybitCaller) -> None:
    reply = unsigned(caller, "/v5/market/weather")
    assert (reply.status, code(reply)) == (404, 10017)


@pytest.mark.parametrize(("query", "words"), [
    ("", "params error: category invalid"), ("category=inverse", "params error: Illegal category"),
    ("category=linear&symbol=DOGEUSDT", "params error: symbol invalid"),
    ("category=linear&limit=0", "params error: limit invalid"),
    ("category=linear&limit=many", "params error: limit invalid"),
    ("category=linear&cursor=here", "params error: cursor invalid"),
])
def test_a_bad_parameter_is_refused_in_bybits_words(caller: BybitCaller, query: str, words: str) -> None:
    reply = unsigned(caller, "/v5/market/instruments-info", query)
    envelope = orjson.loads(reply.body)
    assert (reply.status, envelope["retCode"], envelope["retMsg"], envelope["result"]) == (200, 10001, words, {})


@pytest.mark.parametrize("body", ["{", "[]", "qty=1", '"text"'])
def test_a_body_that_is_no_json_object_is_refused(caller: BybitCaller, body: str) -> None:
    assert code(caller.raw("POST", "/v5/position/set-leverage", body)) == 10001


# --- limits ---


def test_an_endpoint_tells_what_is_left_and_refuses_beyond_it_until_the_next_second(caller: BybitCaller) -> None:
    replies = [caller.raw("GET", "/v5/user/query-api", "") for _ in range(11)]
    assert [code(reply) for reply in replies] == [0] * 10 + [10006]
    assert replies[0].headers == {
        "X-Bapi-Limit": "10", "X-Bapi-Limit-Status": "9", "X-Bapi-Limit-Reset-Timestamp": str(caller.now)}
    assert replies[-1].headers == {
        "X-Bapi-Limit": "10", "X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": str(caller.now + SECOND)}
    assert caller.ask("GET", INFO)["retCode"] == 0  # each endpoint has its own
    caller.advance(SECOND)
    assert code(caller.raw("GET", "/v5/user/query-api", "")) == 0


def test_spot_and_perpetuals_have_budgets_of_their_own(caller: BybitCaller) -> None:
    path = "/v5/account/fee-rate"
    assert [caller.ask("GET", path, category="spot")["retCode"] for _ in range(6)] == [0] * 5 + [10006]
    assert caller.ask("GET", path, category="linear")["retCode"] == 0


def test_the_601st_request_of_an_address_within_five_seconds_shuts_it_out_for_ten_minutes(
    caller: BybitCaller,
) -> None:
    statuses = [unsigned(caller, "/v5/market/time").status for _ in range(601)]
    assert statuses == [200] * 600 + [403]
    caller.advance(10 * MINUTE - SECOND)
    assert unsigned(caller, "/v5/market/time").status == 403
    caller.advance(SECOND)
    assert unsigned(caller, "/v5/market/time").status == 200


def test_a_steady_caller_is_never_shut_out(caller: BybitCaller) -> None:
    for _ in range(20):
        assert {unsigned(caller, "/v5/market/time").status for _ in range(100)} == {200}
        caller.advance(SECOND)


# --- what the owner sets ---


@pytest.mark.parametrize(("what", "path", "shown"), [
    (Switchable.ISOLATED, INFO, {"marginMode": "ISOLATED_MARGIN"}),
    (Switchable.WITHDRAW_KEY, "/v5/user/query-api", {"permissions": {"Wallet": ["Withdraw"]}}),
    (Switchable.MISSING_PERMISSION, "/v5/user/query-api", {"permissions": {"ContractTrade": []}}),
    (Switchable.MISSING_SPOT_PERMISSION, "/v5/user/query-api", {"permissions": {"Spot": []}}),
])
def test_a_broken_set_up_shows_and_is_mended(caller: BybitCaller, what: Switchable, path: str, shown: dict[str, object],
                                             ) -> None:
    before = caller.get(path)
    caller.settings.arrange(what, broken=True, now=caller.now, assets=("BTC", "ETH"))
    broken = caller.get(path)
    for key, value in shown.items():
        found = {name: broken[key][name] for name in value} if isinstance(value, dict) else broken[key]
        assert found == value
    caller.settings.arrange(what, broken=False, now=caller.now, assets=("BTC", "ETH"))
    assert caller.get(path) == before


# --- trouble ---


@pytest.mark.parametrize(("kind", "status", "said"), [
    (Kind.HTTP500, 500, 10016), (Kind.HTTP503, 503, 10016), (Kind.UNKNOWN, 200, 10016), (Kind.RATE_LIMIT, 200, 10006),
    (Kind.BAN, 403, 10018), (Kind.ERROR, 200, 10016),
])
def test_trouble_is_told_in_bybits_words(caller: BybitCaller, kind: Kind, status: int, said: int) -> None:
    reply = caller.testnet.dialect.spoiled(Switch("GET *", kind, retry_after=3))
    assert (reply.status, code(reply)) == (status, said)
    if kind is Kind.RATE_LIMIT:
        assert reply.headers["X-Bapi-Limit-Reset-Timestamp"] == str(caller.now + 3 * SECOND)


def test_a_chosen_error_has_bybits_message_unless_it_is_given_one(caller: BybitCaller) -> None:
    spoiled = caller.testnet.dialect.spoiled
    told = orjson.loads(spoiled(Switch("GET *", Kind.ERROR, code=110007)).body)
    assert (told["retCode"], told["retMsg"]) == (110007, "ab not enough for new order")
    assert orjson.loads(spoiled(Switch("GET *", Kind.ERROR, code=7, message="so")).body)["retMsg"] == "so"


# --- markets ---


def test_funding_comes_newest_first_and_a_beginning_needs_an_end(caller: BybitCaller) -> None:
    path, start = "/v5/market/funding/history", caller.now
    caller.advance(DAY)

    def at(**more: object) -> list[int]:
        found = caller.get(path, category="linear", symbol=BTC, **more)["list"]
        return [int(row["fundingRateTimestamp"]) for row in found]

    assert at() == [start + hours * HOUR for hours in (24, 16, 8, 0)]
    assert at(startTime=start + 1, endTime=start + 16 * HOUR) == [start + 16 * HOUR, start + 8 * HOUR]
    assert at(endTime=start + 16 * HOUR, limit=1) == [start + 16 * HOUR]
    assert caller.code("GET", path, category="linear", symbol=BTC, startTime=start) == 10001


def test_candles_come_newest_first_and_the_youngest_is_open(caller: BybitCaller) -> None:
    caller.advance(90 * MINUTE)
    found = caller.get("/v5/market/kline", category="linear", symbol=BTC, interval="60")["list"]
    assert [int(row[0]) for row in found] == [caller.now - 30 * MINUTE, caller.now - 90 * MINUTE]
    assert {row[4] for row in found} == {"30500.0"}
    assert caller.code("GET", "/v5/market/kline", category="linear", symbol=BTC, interval="61") == 10001


def test_a_list_comes_in_pages_without_gaps(caller: BybitCaller) -> None:
    path = "/v5/market/instruments-info"
    first = caller.get(path, category="linear", limit=1)
    assert [row["symbol"] for row in first["list"]] == ["BTCUSDT"]
    second = caller.get(path, category="linear", limit=1, cursor=first["nextPageCursor"])
    assert ([row["symbol"] for row in second["list"]], second["nextPageCursor"]) == (["ETHUSDT"], "")


def test_a_market_that_is_no_longer_traded_says_so(caller: BybitCaller) -> None:
    caller.testnet.admin.answer("POST", "/testnet/setup", b'{"setup": "delisted", "asset": "BTC"}')
    found = caller.get("/v5/market/instruments-info", category="linear")["list"]
    assert [row["status"] for row in found] == ["Closed", "Trading"]
    shown = caller.get("/v5/market/instruments-info", category="linear", status="Trading")["list"]
    assert [row["symbol"] for row in shown] == ["ETHUSDT"]
