from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from kept_books import WORKED, Deal, kept

from bot.core.orders import FundingPayment
from bot.core.times import DAY
from bot.journal.day import read_day
from bot.telemetry.console import sentence

D = Decimal


def test_a_day_tells_what_it_cost_and_what_all_hedges_have(tmp_path: Path) -> None:
    path = kept(tmp_path, WORKED)
    told = read_day(path, 3 * DAY)
    assert (told["day_fees"], told["day_funding"]) == (D("1.0399") + D("1.40997"), D("0.77985"))
    assert (told["net_cost"], told["against_holding"]) == (D("-3.4624"), D("553.4624"))
    assert sentence("daily.summed", told).endswith(
        "the last day: funding paid 0.78, fees 2.45; all hedges so far: net cost -3.46, against holding 553.46")


def test_a_day_counts_what_a_fee_in_another_coin_was_worth_and_says_where_that_is_not_known(tmp_path: Path) -> None:
    first = WORKED[0]
    assert isinstance(first, Deal)
    in_bnb = replace(first, fee_currency="BNB", fee_value="2.5")
    for folder, deal, fees in (("one", in_bnb, D("2.5")), ("other", replace(in_bnb, fee_value=None), None)):
        (tmp_path / folder).mkdir()
        assert read_day(kept(tmp_path / folder, (deal,)), 0)["day_fees"] == fees


def test_a_settlement_in_another_coin_is_not_summed_with_the_rest(tmp_path: Path) -> None:
    told = read_day(kept(tmp_path, (*WORKED, FundingPayment("f3", "BTC/USDT:USDT", D(1), "BTC", 6 * DAY))), 0)
    assert told["day_funding"] is None
    assert "the last day: unknown, fees" in sentence("daily.summed", told)
