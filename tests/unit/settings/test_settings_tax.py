from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from bot.core.tax import Lot, LotMethod, TaxPolicy
from bot.core.times import parse_iso
from bot.errors import ConfigError
from bot.settings import load

D = Decimal
BASE = 'venue: binance\nenvironment: local\nassets: {BTC: {target: "80%"}}\ncash: {USDT: "20%"}\n'


def policy(folder: Path, text: str) -> TaxPolicy | None:
    file = folder / "mine.yaml"
    file.write_text(BASE + text, encoding="utf-8")
    return load(file, {}).tax_policy()


def test_without_a_rate_there_is_no_tax_to_speak_of(tmp_path: Path) -> None:
    assert policy(tmp_path, "") is None
    assert policy(tmp_path, "tax: {method: average}\n") is None


def test_lots_come_from_the_configuration_and_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "lots.csv").write_text(
        "bought,asset,quantity,price,note\n2019-03-01,btc,1.5,3900.25,first\n2021-01-28T12:00:00Z,ETH,10,1300,\n",
        encoding="utf-8-sig")
    found = policy(tmp_path, 'tax:\n  rate: "25%"\n  interest: "3%"\n  method: average\n  lots_file: lots.csv\n'
                             '  lots: {BTC: "0.5 at 30000 on 2020-05-01; 0.25 at 0 on 2013-01-01"}\n')
    assert found == TaxPolicy(D("0.25"), D("0.03"), LotMethod.AVERAGE, (
        Lot("BTC", D("0.5"), D(30_000), parse_iso("2020-05-01")), Lot("BTC", D("0.25"), D(0), parse_iso("2013-01-01")),
        Lot("BTC", D("1.5"), D("3900.25"), parse_iso("2019-03-01")),
        Lot("ETH", D(10), D(1_300), parse_iso("2021-01-28T12:00:00Z")),
    ))


@pytest.mark.parametrize("lots", ["0.5 for 30000", "0.5 at 30000", "-1 at 5 on 2020-01-01", "1 at 5 on someday", ""])
def test_a_lot_that_is_not_written_so_is_refused_with_its_line(tmp_path: Path, lots: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml:6: tax\.lots"):
        policy(tmp_path, f'tax:\n  lots: {{BTC: "{lots}"}}\n')


@pytest.mark.parametrize(("content", "said"), [
    ("asset,quantity\nBTC,1\n", "has no column price, bought"),
    ("asset,quantity,price,bought\nBTC,1,2,2020-01-01\nBTC,0,2,2020-01-01\n", "line 3"),
    ("asset,quantity,price,bought\nBTC,1\n", "line 2"),
    (None, "cannot be read"),
])
def test_a_file_of_lots_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, content: str | None, said: str,
) -> None:
    if content is not None:
        (tmp_path / "lots.csv").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        policy(tmp_path, 'tax: {rate: "25%", lots_file: lots.csv}\n')
