"""What the ledger says a hedge cost, held against the account of the testnet that it was had on."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from rig import Rig

from bot.core.counterfactual import counterfactual
from bot.core.ledger import Costs, Event, Traded, Valuation
from bot.core.market import Asset
from bot.core.money import CONTEXT
from bot.core.orders import Fill, FundingPayment
from bot.journal import fold
from bot.journal.reader import read_costs, read_episodes
from bot.journal.rows import from_row

COINS = ("BTC", "ETH")


def cash(rig: Rig) -> Decimal:
    """Settle coin in both wallets, each once."""
    wallets = rig.testnet.exchange.wallets
    return wallets.spot["USDT"] + (wallets.futures["USDT"] if wallets.futures is not wallets.spot else Decimal(0))


def coins(rig: Rig) -> dict[Asset, Decimal]:
    """What the spot wallet holds of each coin."""
    return {coin: rig.testnet.exchange.wallets.spot[coin] for coin in COINS}


def happened(rig: Rig) -> dict[str, tuple[Event, ...]]:
    """Every hedge's events, out of the journal."""
    rows = rig.rows("SELECT f.*, i.episode, i.spot_mid, i.perp_mid FROM fills f JOIN intents i USING (client_order_id) "
                    "ORDER BY f.seq")
    paid = rig.rows("SELECT * FROM funding ORDER BY seq")
    return fold.events(
        read_episodes(rig.settings.journal),
        [(row["episode"], from_row(Fill, dict(row)), Decimal(row["spot_mid"]),
          None if row["perp_mid"] is None else Decimal(row["perp_mid"])) for row in rows],
        [(from_row(FundingPayment, dict(row)), row["episode"]) for row in paid])


class Books:
    """The account when the hedge began, and what is to be true of it when it has ended."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.cash, self.coins = cash(rig), coins(rig)

    def withdraw_all(self) -> None:
        """The user takes the settle coin out of the spot wallet: money that no hedge cost."""
        spot = self.rig.testnet.exchange.wallets.spot["USDT"]
        self.rig.testnet.exchange.deposit("USDT", -spot)
        self.cash -= spot

    def agree(self, name: str) -> Costs:
        """One ended hedge: its costs are what the two accounts differ by, and what the testnet's account has."""
        found = self._costs(name)
        events = happened(self.rig)[name]
        last = [event for event in events if isinstance(event, Traded) and not event.bought][-1]
        assert last.spot_mid is not None
        both = counterfactual(list(events), "USDT")
        prices = Valuation(last.fill.at, last.spot_mid)
        assert found.net_cost == found.net_by_parts == both.difference(prices)
        assert found.against_holding == both.against_nothing(prices)
        mids = {"BTC": last.spot_mid} | {
            event.bought: event.spot_mid for event in events if isinstance(event, Traded) and event.bought}
        assert found.against_holding == self.more_than_nothing(mids), "the account's NAV less that of doing nothing"
        return found

    def _costs(self, name: str) -> Costs:
        costs = read_costs(self.rig.settings.journal)
        assert costs.keys() == {name}, "nothing else moved cash"
        assert costs[name].unknown == {}
        return costs[name]

    def more_than_nothing(self, mids: Mapping[Asset, Decimal | None]) -> Decimal:
        """By how much the testnet's account is worth more than one that did nothing, coins at these prices."""
        more, now = CONTEXT.subtract(cash(self.rig), self.cash), coins(self.rig)
        for coin, held in self.coins.items():
            mid = mids.get(coin)
            if now[coin] != held:
                assert mid is not None, coin
                more = CONTEXT.add(more, CONTEXT.multiply(now[coin] - held, mid))
        return more
