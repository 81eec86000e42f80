from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from bot.core.policy import AssetPolicy, OnMargin, Policy, Rounding, Threshold
from bot.core.times import MINUTE, SECOND
from bot.environment import Environment
from bot.errors import ConfigError
from bot.settings import Settings, load
from bot.settings.sources import Following, FromFile, FromVariables

MINIMAL = """\
venue: binance
environment: local
assets:
  BTC: {target: "50%"}
  ETH: {target: "30%"}
cash: {USDT: "20%"}
"""
CONFIG = Path(__file__).parents[3] / "config"


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str = MINIMAL, environ: Mapping[str, str] | None = None) -> Settings:
    return load(write(folder, text), environ or {})


def complaints(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    path = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    return str(caught.value).replace(str(path), "mine.yaml").splitlines()


def test_a_minimal_file_gives_the_core_defaults(tmp_path: Path) -> None:
    assert read(tmp_path).policy() == Policy(
        assets=(AssetPolicy("BTC", Decimal("0.5")), AssetPolicy("ETH", Decimal("0.3"))), cash_target=Decimal("0.2"))


def test_an_asset_overrides_the_triggers_of_all(tmp_path: Path) -> None:
    text = MINIMAL.replace(
        '{target: "30%"}', '{target: "30%", open: "10%", rounding: nearest, contract: "0.01", max_hedge_notional: 900}',
    ) + 'triggers: {open: "3pp", confirm: 1}\nmargin: {on_margin: finalise}\n'
    policy = read(tmp_path, text).policy()
    assert policy.asset("BTC") == AssetPolicy("BTC", Decimal("0.5"), open=Threshold(Decimal("0.03")))
    assert policy.asset("ETH") == AssetPolicy(
        "ETH", Decimal("0.3"), open=Threshold(Decimal("0.1"), relative=True), rounding=Rounding.NEAREST,
        contract=Decimal("0.01"), max_hedge_notional=Decimal(900))
    assert (policy.confirm, policy.margin.on_margin) == (1, OnMargin.FINALISE)


def test_the_settle_coin_comes_first_however_cash_is_written(tmp_path: Path) -> None:
    policy = read(tmp_path, MINIMAL.replace('{USDT: "20%"}', '{USDC: "5%", USDT: "15%"}')).policy()
    assert (policy.cash, policy.settle, policy.cash_target) == (("USDT", "USDC"), "USDT", Decimal("0.2"))


def test_stories_are_polled_in_story_steps_and_the_real_world_in_seconds(tmp_path: Path) -> None:
    local = read(tmp_path)
    demo = read(tmp_path, MINIMAL.replace("local", "demo") + "margin: {on_margin: close}\n")
    assert (local.poll, local.working_poll) == (15 * MINUTE, 5 * SECOND)
    assert (demo.poll, demo.working_poll) == (5 * SECOND, SECOND)
    assert (local.local, demo.environment) == (True, Environment.DEMO)


def test_paths_start_at_the_file_and_variables_at_the_present_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    plain = read(tmp_path)
    assert (plain.journal, plain.log.file) == (tmp_path / "mine.db", tmp_path / "mine.log")
    asked = read(tmp_path, MINIMAL + "journal: ../j.db\n", {"HEDGEROW_LOG__FILE": "x.log"})
    assert (asked.journal, asked.log.file) == (tmp_path.parent / "j.db", elsewhere / "x.log")


def test_the_environment_wins_and_its_case_does_not_matter(tmp_path: Path) -> None:
    settings = read(tmp_path, MINIMAL, {
        "HEDGEROW_ASSETS__eth__TARGET": "25%", "HEDGEROW_ASSETS__SOL__TARGET": "5%",
        "hedgerow_triggers__Open": "4pp", "HEDGEROW_EXECUTION__SLICE": "3", "HEDGEROW_LOG__CONSOLE": "false",
    })
    assert {name: asset.target for name, asset in settings.assets.items()} == {
        "BTC": Decimal("0.5"), "ETH": Decimal("0.25"), "SOL": Decimal("0.05")}
    assert settings.triggers.open == Threshold(Decimal("0.04"))
    assert (settings.execution.slice, settings.log.console) == (3, False)


def test_the_environment_alone_is_enough() -> None:
    settings = load(None, {
        "HEDGEROW_VENUE": "binance", "HEDGEROW_ENVIRONMENT": "local", "HEDGEROW_ASSETS__BTC__TARGET": "80%",
        "HEDGEROW_CASH__USDT": "20%", "PATH": "/bin",
    })
    assert (settings.policy().asset("BTC").target, settings.file) == (Decimal("0.8"), None)
    assert settings.journal == Path.cwd() / "hedgerow.db"


def test_variables_that_are_no_keys_but_ours_are_let_be(tmp_path: Path) -> None:
    read(tmp_path, MINIMAL, {
        "HEDGEROW_API_KEY": "k", "HEDGEROW_API_SECRET": "s", "HEDGEROW_CONFIG": "x", "HEDGEROW_SHARED": "y"})


BAD: list[tuple[str, str, str]] = [
    ("weights", 'cash: {USDT: "15%"}', ("mine.yaml:3: assets: BTC 50% + ETH 30% + USDT 15% is 95%. "
     "Allowed: targets and cash that sum to 100%")),
    ("weights", 'cash: {USDT: "20.000001%"}', "is 100.000001%"),
    ("negative", 'cash: {USDT: "-20%"}', 'mine.yaml:6: cash.USDT: "-20%" is negative'),
    ("nan", 'cash: {USDT: "NaN%"}', 'cash.USDT: "NaN%" is no finite number'),
    ("bare nan", "cash: {USDT: .nan}", "cash.USDT: .nan stands without quotes"),
    ("bare float", "cash: {USDT: 0.2}", "cash.USDT: 0.2 stands without quotes"),
    ("bare int", "cash: {USDT: 20}", "cash.USDT: 20 has no unit"),
    ("wrong cash", 'cash: {USDC: "20%"}', "mine.yaml:6: cash: lacks USDT, in which shorts on binance settle"),
    ("cash coin", 'cash: {USDT: "20%", XYZ: "0%"}', 'cash.XYZ: "XYZ" is no stablecoin known here'),
    ("empty cash", "cash: {}", "cash: is empty"),
    ("no section", "cash: 20", 'cash: "20" is no section'),
]


@pytest.mark.fault(77, 78)
@pytest.mark.parametrize(("case", "line", "expected"), BAD, ids=[f"{row[0]}-{row[1]}" for row in BAD])
def test_bad_cash_is_refused_with_line_key_and_allowed(tmp_path: Path, case: str, line: str, expected: str) -> None:
    found = complaints(tmp_path, MINIMAL.replace('cash: {USDT: "20%"}', line))
    assert any(expected in text for text in found), (case, found)


ADDED: list[tuple[str, str]] = [
    ('triggers: {close: "5pp"}', ("mine.yaml:7: triggers.close: 5pp would close BTC no lower than open 5pp opens it. "
     "Allowed: close below open")),
    ('triggers: {open: "2%", close: "1pp"}', "triggers.close: 1pp would close BTC no lower than open 2% opens it"),
    ('triggers: {resize: "0pp"}', "triggers.resize: 0pp would trade at every change. Allowed: above 0"),
    ('triggers: {resize: "-1pp"}', 'triggers.resize: "-1pp" is negative'),
    ("triggers: {open: 0.05}", "triggers.open: 0.05 stands without quotes, as a float, which is not exact"),
    ("triggers: {confirm: 2.0}", "triggers.confirm: 2.0 stands without quotes"),
    ("triggers: {opne: 5pp}", "mine.yaml:7: triggers.opne: is no known key (did you mean open?)"),
    ("frobnicate: 1", "mine.yaml:7: frobnicate: is no known key. Allowed: venue, environment, assets"),
    ("api_key: abc", "api_key: does not belong into a file of settings"),
    ("margin: {leverage: 2}", "margin.leverage: 2 is not above max_leverage 2"),
    ('margin: {leverage: "2.5"}', "margin.leverage: 2.5 cannot be set at a venue"),
    ("margin: {leverage: 126}", "margin.leverage: 126 cannot be set at a venue"),
    ('margin: {reduce_runway: "10%"}', "margin.full_runway: 12% is not below reduce_runway 10%"),
    ('margin: {reduce_to: "25%"}', "margin.reduce_runway: 25% is not below reduce_to 25%"),
    ('margin: {reduce_to: "60%"}', "margin.reduce_to: 60% is not below stop_runway 50%"),
    ('margin: {top_up_to: "50%"}', "margin.stop_runway: 50% is not below top_up_to 50%"),
    ('margin: {cash_floor: "20%"}',
     "margin.cash_floor: 20% would reduce every hedge of a portfolio whose cash is meant"),
    ('margin: {warn_runway: "40%"}', "margin.warn_runway: 40% would warn after stop_runway 50% has stopped"),
    ("margin: {on_margin: sell}", 'margin.on_margin: "sell" is not allowed. Allowed: finalise or close'),
    ("execution: {on_timeout: cancel}", 'execution.on_timeout: "cancel" is not allowed. Allowed: cross or wait'),
    ("execution: {slice: 0}", 'execution.slice: "0" is no whole number'),
    ("poll: 5", "poll: 5 has no unit"),
    ("poll: 1s", "working_poll: is longer than poll"),
    ("working_poll: 61s", "working_poll: is too long for the dead man's switch: binance would withdraw an order 120 s"),
    ("poll:", "poll: is empty"),
    ("poll: [5s]", "poll: is a list"),
    ("poll: !!python/name:os.system x", "poll: carries the tag"),
    ("cash: {USDT: '20%'}", "mine.yaml:7: cash: stands twice, first on line 6"),
    ("testnet: {url: 'https://example.org'}", 'testnet.url: "https://example.org" is no loopback address'),
    ("testnet: {url: 'http://127.0.0.1:70000'}", 'testnet.url: "http://127.0.0.1:70000" is no loopback address'),
    ("testnet: {url: 'http://127.0.0.1@evil.example:80'}", "is no loopback address"),
    ("triggers:", "triggers: is empty. Allowed: keys with values below it"),
    ("triggers: {confirm: " + "9" * 5000 + "}", "is no whole number"),
    ("journal: same.log", "log.file: is the journal's file too"),
    ("live: {enabled: true}", "live.enabled: is true, and environment is local"),
    ("story: {weights: {BTC: '50%', USDT: '40%'}}", "story.weights: sum to 90%"),
    ("story: {weights: {BTC: '50%', DOGE: '50%'}}", "story.weights.DOGE: DOGE is not in the portfolio"),
    ("story: {start: '2021-01-28'}", "story.start: cuts a panel, and none is named"),
    ("story: {panel: x, start: '2021-01-28', end: '2021-01-28'}", "story.end: is not after start"),
]


@pytest.mark.fault(78, 79, 80, 81)
@pytest.mark.parametrize(("line", "expected"), ADDED)
def test_a_bad_line_is_refused_with_its_key_and_what_is_allowed(tmp_path: Path, line: str, expected: str) -> None:
    found = complaints(tmp_path, f"{MINIMAL}{line}\n")
    assert len(found) == 1, found
    assert expected in found[0]
    assert found[0].startswith(("mine.yaml:7: ", "mine.yaml: "))


def test_a_long_working_poll_is_taken_where_no_countdown_runs(tmp_path: Path) -> None:
    (found,) = complaints(tmp_path, f"{MINIMAL}working_poll: 2m\n")
    assert found.endswith("Allowed: 60s or less, or dead_mans_switch: false")
    assert read(tmp_path, f"{MINIMAL}working_poll: 60s\n").working_poll == MINUTE
    assert read(tmp_path, f"{MINIMAL}working_poll: 2m\ndead_mans_switch: false\n").working_poll == 2 * MINUTE
    assert read(tmp_path, MINIMAL.replace("binance", "bybit") + "working_poll: 2m\n").working_poll == 2 * MINUTE


def test_a_relative_trigger_needs_a_target(tmp_path: Path) -> None:
    text = MINIMAL.replace('BTC: {target: "50%"}', 'BTC: {target: "50%"}\n  SOL: {target: "0%", open: "10%"}')
    assert complaints(tmp_path, text) == [
        ("mine.yaml:5: assets.SOL.open: 10% of the target of SOL, which is 0%, is nothing. "
        "Allowed: a level in pp for SOL")]


@pytest.mark.fault(80, 81)
@pytest.mark.parametrize(("coin", "expected"), [
    ("BTCUSDT", 'assets.BTCUSDT: "BTCUSDT" is a market, not a coin. Allowed: the coin alone: BTC'),
    ("BTC/USDT", "is a market, not a coin"),
    ("USDC", '"USDC" is a stablecoin. Allowed: list it under cash: USDC'),
    ("btc", "assets.BTC: stands twice, first on line 4"),
    ("'a b'", "is no coin"),
])
def test_an_unknown_asset_or_a_symbol_is_refused(tmp_path: Path, coin: str, expected: str) -> None:
    text = MINIMAL.replace("cash:", f'  {coin}: {{target: "0%"}}\ncash:')
    found = complaints(tmp_path, text)
    assert len(found) == 1
    assert expected in found[0]
    assert found[0].startswith("mine.yaml:6: ")


@pytest.mark.fault(84)
@pytest.mark.parametrize("venue", ["mexc", "MEXC"])
@pytest.mark.parametrize("environment", ["local", "demo", "live"])
def test_a_venue_without_a_test_environment_is_refused_wherever(tmp_path: Path, venue: str, environment: str) -> None:
    found = complaints(tmp_path, MINIMAL.replace("binance", venue).replace("local", environment))
    why = "has no test environment, so nothing can be tried there first"
    assert found == [f"mine.yaml:1: venue: {venue} {why}. Allowed: binance or bybit"]


def test_an_unknown_venue_or_environment_names_the_known_ones(tmp_path: Path) -> None:
    text = MINIMAL.replace("binance", "mtgox").replace("local", "moon")
    assert complaints(tmp_path, text) == [
        'mine.yaml:1: venue: "mtgox" is not allowed. Allowed: binance or bybit',
        'mine.yaml:2: environment: "moon" is not allowed. Allowed: local or demo or testnet or live',
    ]


def test_an_environment_that_the_venue_lacks_is_refused_with_the_reason(tmp_path: Path) -> None:
    text = MINIMAL.replace("local", "testnet") + "margin: {on_margin: close}\n"
    why = "Binance retired its futures testnet; its demo trading took over"
    assert complaints(tmp_path, text) == [
        f"mine.yaml:2: environment: testnet does not exist on binance: {why}. Allowed: local or demo or live"]
    assert load(write(tmp_path, text.replace("binance", "bybit")), {}).environment == "testnet"


@pytest.mark.parametrize("environment", ["demo", "live"])
def test_real_orders_need_a_word_on_margin(tmp_path: Path, environment: str) -> None:
    found = complaints(tmp_path, MINIMAL.replace("local", environment))
    assert len(found) == 1
    assert f"margin.on_margin: is missing: {environment} places real orders" in found[0]
    assert "finalise (sell the coins too) or close" in found[0]


def test_a_story_belongs_to_the_local_testnet_only(tmp_path: Path) -> None:
    text = MINIMAL.replace("local", "demo") + "margin: {on_margin: close}\nstory: {seed: 2}\n"
    assert complaints(tmp_path, text) == [
        ("mine.yaml:8: story: belongs to environment local, and this is demo. "
        "Allowed: environment: local, or no such section")]


@pytest.mark.fault(80, 87)
@pytest.mark.parametrize(("variable", "expected"), [
    ("HEDGEROW_POL", "HEDGEROW_POL: sets no known key (did you mean HEDGEROW_POLL?)"),
    ("HEDGEROW_ASSETS__BTC__TARGETS", "(did you mean HEDGEROW_ASSETS__BTC__TARGET?)"),
    ("HEDGEROW_ASSETS", ("names a section, which has no value of its own. Allowed: its keys, such as "
     "HEDGEROW_ASSETS__BTC__TARGET")),
    ("HEDGEROW_", "sets no known key"),
    ("HEDGEROW_POLL__X", "sets no known key"),
    ("HEDGEROW_CASH__USDT__X", "sets no known key"),
    ("HEDGEROW_API_KEYS", "(did you mean HEDGEROW_API_KEY?)"),
])
def test_an_unknown_variable_is_reported_and_its_value_never_shown(
    tmp_path: Path, variable: str, expected: str,
) -> None:
    found = complaints(tmp_path, MINIMAL, {variable: "hunter2"})
    assert len(found) == 1
    assert expected in found[0]
    assert "hunter2" not in found[0]


def test_a_variable_that_is_wrong_is_named_as_the_culprit(tmp_path: Path) -> None:
    assert complaints(tmp_path, MINIMAL, {"HEDGEROW_POLL": "5"}) == [
        ('HEDGEROW_POLL: poll: "5" is no duration. Allowed: a whole number with its unit: "500ms", "5s", "15m", '
        '"24h" or "90d"')]


@pytest.mark.fault(81)
def test_one_key_set_by_two_spellings_of_a_variable_is_refused(tmp_path: Path) -> None:
    found = complaints(tmp_path, MINIMAL, {"HEDGEROW_POLL": "5m", "hedgerow_poll": "6m"})
    assert found == ["hedgerow_poll: poll: is set by HEDGEROW_POLL too. Allowed: one of them"]


def test_every_problem_is_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = MINIMAL.replace('"50%"', "0.5") + 'triggers: {close: "6pp"}\nnonsense: 1\npoll: soon\n'
    found = complaints(tmp_path, text, {"HEDGEROW_POL": "1"})
    assert [text.split(" ")[0] + text.split(" ")[1] for text in found] == [
        "mine.yaml:4:assets.BTC.target:", "mine.yaml:8:nonsense:", "mine.yaml:9:poll:", "HEDGEROW_POL:sets"]


def test_cross_checks_still_run_beside_a_bad_value_they_do_not_rest_on(tmp_path: Path) -> None:
    found = complaints(tmp_path, MINIMAL + 'triggers: {close: "6pp"}\npoll: soon\n')
    assert [line.split(": ")[1] for line in found] == ["triggers.close", "poll"]


def test_a_check_does_not_conclude_from_a_value_that_was_refused(tmp_path: Path) -> None:
    found = complaints(tmp_path, MINIMAL + 'triggers: {open: tall, close: "6pp"}\n')
    assert [line.split(": ")[1] for line in found] == ["triggers.open"]


@pytest.mark.parametrize(("text", "expected"), [
    ("", "holds no settings"),
    ("- a\n", "holds no settings"),
    ("a: [1\n", "is no valid YAML"),
    ("a: b: c\n", "mine.yaml:1: is no valid YAML"),
    ("a: &x {b: *x}\n", "contains itself"),
    ("? [1]\n: 2\n", "has a key that is no word"),
    ("[" * 5000, "nests too deeply"),
    ("a: 1\n---\nb: 2\n", "is no valid YAML"),
])
def test_a_file_that_is_no_settings_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in line for line in complaints(tmp_path, text))


def test_a_file_that_is_missing_or_binary_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: there is no such file"):
        load(tmp_path / "gone.yaml", {})
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory"):
        load(tmp_path, {})
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"b\.yaml: cannot be read: is not UTF-8 text"):
        load(tmp_path / "b.yaml", {})


@pytest.mark.fault(80)
def test_what_only_the_venue_knows_is_told_with_file_and_line(tmp_path: Path) -> None:
    settings = read(tmp_path, MINIMAL.replace('"30%"}', '"30%", contract: "0.0015"}'))
    error = settings.error(("assets", "ETH", "contract"), "0.0015 is no multiple of the venue's step 0.001", "0.001")
    assert str(error) == (
        f"{tmp_path}/mine.yaml:5: assets.ETH.contract: 0.0015 is no multiple of the venue's step 0.001. Allowed: 0.001")


@pytest.mark.parametrize("name", ["demo", "binance-demo", "bybit", "history"])
def test_the_example_files_are_right(name: str) -> None:
    settings = load(CONFIG / f"{name}.yaml", {})
    policy = settings.policy()
    assert {asset.asset: asset.target for asset in policy.assets} == {"BTC": Decimal("0.5"), "ETH": Decimal("0.3")}
    assert settings.journal == CONFIG.parent / "var" / f"{name}.db"
    assert policy.margin.on_margin is OnMargin.CLOSE


LIVE = MINIMAL.replace("local", "live") + "margin: {on_margin: close}\n"


@pytest.mark.fault(82)
@pytest.mark.parametrize(("enabled", "flag", "account", "missing"), [
    (False, False, None, ("live.enabled: true", "--live", "--account")),
    (True, False, "1", ("--live",)),
    (True, True, None, ("--account",)),
    (True, True, "", ("--account",)),
    (False, True, "1", ("live.enabled: true",)),
])
def test_real_money_takes_three_agreeing_opt_ins(  # each missing one is named, the others are not
    tmp_path: Path, *, enabled: bool, flag: bool, account: str | None, missing: tuple[str, ...],
) -> None:
    settings = read(tmp_path, LIVE + f"live: {{enabled: {str(enabled).lower()}}}\n")
    with pytest.raises(ConfigError) as caught:
        settings.require_opt_ins(live=flag, account=account)
    text = str(caught.value)
    assert [word for word in ("live.enabled: true", "--live", "--account") if word in text] == list(missing)


def test_three_opt_ins_open_the_way_and_elsewhere_none_is_wanted(tmp_path: Path) -> None:
    read(tmp_path, LIVE + "live: {enabled: true}\n").require_opt_ins(live=True, account="1")
    read(tmp_path).require_opt_ins(live=False, account=None)
    with pytest.raises(ConfigError, match="environment: is local, but --live was asked for"):
        read(tmp_path).require_opt_ins(live=True, account=None)


def test_settings_are_built_from_their_sources_and_the_first_that_speaks_wins(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + 'triggers: {open: "4pp", close: "2pp"}\nmargin: {on_margin: close}\n')
    file, follows = FromFile(Settings, path), Following(Settings, path)
    variables = FromVariables(Settings, {"HEDGEROW_TRIGGERS__OPEN": "6pp", "HEDGEROW_ENVIRONMENT": "demo"}, [])
    made = Settings.of(variables, file, follows)
    assert isinstance(made, BaseSettings)
    assert (made.triggers.open, made.triggers.close) == (Threshold(Decimal("0.06")), Threshold(Decimal("0.02")))
    assert (made.environment, made.poll) == (Environment.DEMO, 5 * SECOND)
    assert Settings.of(file, variables, follows).triggers.open == Threshold(Decimal("0.04"))


def test_settings_look_at_nothing_that_they_are_not_handed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL", "HEDGEROW_POLL", "VENUE", "JOURNAL"):
        monkeypatch.setenv(name, "nonsense")
    (tmp_path / ".env").write_text("POLL=nonsense\nHEDGEROW_POLL=nonsense\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert read(tmp_path).poll == 15 * MINUTE


def test_settings_do_not_change(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read(tmp_path).poll = 1


def test_a_variable_outdoes_a_value_that_the_file_may_not_hold(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL + "poll: 0.5\n", {"HEDGEROW_POLL": "7s"}).poll == 7 * SECOND


@pytest.mark.parametrize("text", ['journal: ""', "journal: ", "log: ", "log: 5", "log: {file: }"])
def test_an_empty_path_is_refused_and_never_guessed(tmp_path: Path, text: str) -> None:
    found = complaints(tmp_path, MINIMAL + text + "\n")
    assert len(found) == 1
    assert found[0].startswith(f"mine.yaml:7: {text.partition(':')[0]}")


def test_names_of_the_reading_machinery_are_no_keys(tmp_path: Path) -> None:
    text = MINIMAL + "_sources: 1\n_env_file: x\n_secrets_dir: y\nmodel_config: 1\n"
    found = complaints(tmp_path, text)
    assert [line.split(": ")[1] for line in found] == ["_sources", "_env_file", "_secrets_dir", "model_config"]
