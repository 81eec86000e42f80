from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from bot.core.times import HOUR, parse_iso
from bot.errors import ConfigError
from bot.testnet.market.panel import read_panel

HEADER = "ts_utc,btc_spot,btc_perp,btc_mark,btc_funding,eth_spot,eth_perp,eth_mark,eth_funding,spot_stale"
ROWS = (
    "2021-01-28T00:00:00Z,30000,30010.5,30009.25,0.0001,1200,1201,1200.5,-0.00012345,0",
    "2021-01-28T01:00:00Z,30300,30310,30309,,1210,1211,1210.5,,0",
    "2021-01-28T02:00:00Z,30300,30500,30501,,1210,1215,1214.5,,1",
    "2021-01-28T03:00:00Z,30450,30460,30459,0.0002,1220,1221,1220.5,0,0",
)
START = parse_iso("2021-01-28")


def panel(folder: Path, *lines: str, end: str = "\n", name: str = "panel.csv") -> Path:
    path = folder / name
    data = ("\n".join(lines) + end).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_panel(path)
    text = str(caught.value)
    assert str(path) in text
    assert "allowed: " in text
    return text


@pytest.mark.parametrize("name", ["panel.csv", "panel.csv.gz"])
def test_rows_are_read_plain_or_zipped(tmp_path: Path, name: str) -> None:
    rows = read_panel(panel(tmp_path, HEADER, *ROWS, name=name))
    assert (rows.start, rows.spacing, rows.count, rows.end) == (START, HOUR, 4, START + 3 * HOUR)
    btc, eth = rows.tracks["BTC"], rows.tracks["ETH"]
    assert btc.spot == (30000, 30300, 30300, 30450)
    assert btc.perp == (30010.5, 30310, 30500, 30460)
    assert btc.mark == (30009.25, 30309, 30501, 30459)
    assert btc.funding == {START: Decimal("0.0001"), START + 3 * HOUR: Decimal("0.0002")}
    assert eth.funding == {START: Decimal("-0.00012345"), START + 3 * HOUR: Decimal(0)}
    assert btc.stale == eth.stale == (False, False, True, False)


def test_both_ends_of_the_span_belong_to_it(tmp_path: Path) -> None:
    path = panel(tmp_path, HEADER, *ROWS)
    rows = read_panel(path, start=START + HOUR, end=START + 2 * HOUR, assets=("ETH",))
    assert (rows.start, rows.end, rows.count) == (START + HOUR, START + 2 * HOUR, 2)
    assert list(rows.tracks) == ["ETH"]
    assert rows.tracks["ETH"].spot == (1210, 1210)


def test_a_cut_does_not_change_what_is_kept(tmp_path: Path) -> None:
    path = panel(tmp_path, HEADER, *ROWS)
    whole, cut = read_panel(path).tracks["BTC"], read_panel(path, start=START + HOUR).tracks["BTC"]
    assert cut.sigma == whole.sigma[1:]
    assert cut.funding == {START + 3 * HOUR: Decimal("0.0002")}


def test_other_columns_than_btc_and_eth_make_other_coins(tmp_path: Path) -> None:
    path = panel(
        tmp_path, "spot_stale,sol_mark,sol_perp,sol_spot,sol_funding,ts_utc",
        "0,20.1,20.2,20,,2022-01-01T00:00:00Z", "0,21.1,21.2,21,,2022-01-01T00:15:00Z",
    )
    rows = read_panel(path)
    assert rows.spacing == HOUR // 4
    assert rows.tracks["SOL"].spot == (20, 21)


def changed(number: int, old: str, new: str) -> tuple[str, ...]:
    """The header and rows with one of them (0: the header) changed."""
    lines = [HEADER, *ROWS]
    assert old in lines[number]
    lines[number] = lines[number].replace(old, new, 1)
    return tuple(lines)


@pytest.mark.fault(94)
@pytest.mark.parametrize(("lines", "line", "words"), [
    (changed(2, "30300", "x"), 3, "btc_spot is 'x'; allowed: a number"),
    (changed(2, "30300", ""), 3, "btc_spot is ''; allowed: a number"),
    (changed(2, "30300", "nan"), 3, "btc_spot is 'nan'; allowed: a number"),
    (changed(2, "30300", "inf"), 3, "btc_spot is 'inf'; allowed: a number"),
    (changed(2, "30300", "30_300"), 3, "characters that are in no number"),
    (changed(2, "30300", "٣"), 3, "characters that are in no number"),
    (changed(2, "1210.5", "0"), 3, "eth_mark is '0'; allowed: a price above 0"),
    (changed(2, "1210.5", "-1210.5"), 3, "eth_mark is '-1210.5'; allowed: a price above 0"),
    (changed(1, "0.0001,", "1.5,"), 2, "btc_funding is '1.5'; allowed: a fraction"),
    (changed(1, "0.0001,", "none,"), 2, "btc_funding is 'none'; allowed: a number"),
    (changed(4, ",0,0", ",0,2"), 5, "spot_stale is '2'; allowed: 0 or 1"),
    (changed(4, ",0,0", ",0,"), 5, "spot_stale is ''; allowed: 0 or 1"),
    (changed(4, "30459,", ""), 5, "9 columns; allowed: 10"),
    (changed(4, "30459,", "30459,,"), 5, "11 columns; allowed: 10"),
    ((HEADER, ROWS[0], "", *ROWS[1:]), 3, "1 columns; allowed: 10"),
    (changed(2, "2021-01-28T01", "28 January"), 3, "ts_utc is '28 January:00:00Z'; allowed: a date"),
    ((HEADER, ROWS[0], ROWS[1], ROWS[1]), 4, "2021-01-28T01:00:00Z appears twice"),
    ((HEADER, ROWS[1], ROWS[0]), 3, "2021-01-28T00:00:00Z comes after 2021-01-28T01:00:00Z"),
    ((HEADER, ROWS[0], ROWS[1], ROWS[3]), 4, "a gap: 2021-01-28T03:00:00Z where 2021-01-28T02:00:00Z is due"),
    ((HEADER, ROWS[0], ROWS[2], ROWS[3]), 4, "a gap: 2021-01-28T03:00:00Z where 2021-01-28T04:00:00Z is due"),
    (changed(0, "eth_mark,", ""), 1, "missing column eth_mark"),
    (changed(0, "eth_funding,", ""), 1, "missing column eth_funding"),
    (changed(0, ",spot_stale", ""), 1, "missing column spot_stale"),
    (changed(0, "ts_utc,", ""), 1, "missing column ts_utc"),
    (("ts_utc,spot_stale",), 1, "missing column of any coin"),
    (changed(0, "eth_mark", "eth_price"), 1, "unknown column 'eth_price'"),
    (changed(0, "eth_mark", "eth_spot"), 1, "column 'eth_spot' appears twice"),
    ((HEADER, ROWS[0]), 2, "1 rows in the span asked for; allowed: at least 2; the file holds 2021-01-28T00:00:00Z"),
    ((HEADER,), 1, "0 rows in the span asked for; allowed: at least 2; the file holds nothing"),
])
def test_a_bad_panel_is_refused_with_its_line(
    tmp_path: Path, lines: tuple[str, ...], line: int, words: str,
) -> None:
    text = refusal(panel(tmp_path, *lines))
    assert f", line {line}: " in text
    assert words in text


@pytest.mark.fault(94)
def test_a_line_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    text = refusal(panel(tmp_path, HEADER, *ROWS, end=""))
    assert ", line 5: the line is cut off" in text


@pytest.mark.fault(94)
def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    path.write_bytes(b"")
    assert "line 1: the file is empty" in refusal(path)


@pytest.mark.fault(94)
def test_a_cut_off_gzip_is_refused_where_it_ends(tmp_path: Path) -> None:
    path = panel(tmp_path, HEADER, *ROWS, name="panel.csv.gz")
    path.write_bytes(path.read_bytes()[:-6])
    assert ", line 6: the gzip data ends early" in refusal(path)


@pytest.mark.fault(94)
def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    path = panel(tmp_path, HEADER, *ROWS, name="panel.csv.gz")
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(bytes(data))
    assert "the gzip data ends early or is damaged" in refusal(path)


@pytest.mark.fault(94)
def test_a_plain_file_that_calls_itself_gzip_is_refused(tmp_path: Path) -> None:
    path = panel(tmp_path, HEADER, *ROWS)
    assert "damaged" in refusal(path.rename(tmp_path / "panel.csv.gz"))


@pytest.mark.fault(94)
def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read (No such file or directory)" in refusal(tmp_path / "none.csv.gz")


def test_a_bad_row_outside_the_span_still_counts(tmp_path: Path) -> None:
    path = panel(tmp_path, *changed(4, "30459", "x"))
    with pytest.raises(ConfigError, match="line 5: btc_mark"):
        read_panel(path, end=START + HOUR)


def test_a_coin_that_is_not_in_the_file_is_refused(tmp_path: Path) -> None:
    path = panel(tmp_path, HEADER, *ROWS)
    with pytest.raises(ConfigError, match=r"line 1: no columns of SOL; allowed: one of BTC, ETH"):
        read_panel(path, assets=("BTC", "SOL"))


def test_a_span_outside_the_file_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    path = panel(tmp_path, HEADER, *ROWS)
    with pytest.raises(ConfigError, match=r"the file holds 2021-01-28T00:00:00Z to 2021-01-28T03:00:00Z"):
        read_panel(path, start=parse_iso("2022-01-01"))
