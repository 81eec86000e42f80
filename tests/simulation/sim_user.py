"""The user of a simulated bot: looks in now and then, reads why it waits, and says the word that it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.core.market import spot_coin
from bot.core.orders import OrderRecord
from bot.core.states import Mode
from bot.core.times import Millis
from bot.errors import JournalError
from bot.journal.reader import read_status, submit_command
from bot.journal.views import StatusReport
from bot.paper.records import MarketName
from bot.ports import FOUND, NEVER
from bot.testnet.build import Testnet

WORDS: Mapping[str, tuple[str, bool]] = {
    "holdings_changed": ("accept", True), "cash_changed": ("accept", False), "position_mismatch": ("adopt", True),
    "long_position": ("ignore", True), "unknown_order": ("ignore", True),
}
"""The command that ends a refusal, by the refusal's code, and whether it names the coin."""


def speak(journal: Path, testnet: Testnet, at: Millis) -> list[str]:
    """Leave what the bot waits for as commands in its journal; in words what was said."""
    try:
        status = read_status(journal)
    except JournalError:
        return []  # it has never run
    if status.commands:
        return []  # the last words were not heard yet
    said = []
    for kind, asset in dict.fromkeys(_words(status)):
        submit_command(journal, kind, asset, at)
        said.append(f"{kind} {asset or ''}".strip())
    for record in status.orders:
        if record.state.unresolved and record.misses:
            name = record.intent.client_order_id
            says = FOUND if _known(testnet, record) else NEVER
            submit_command(journal, "resolve", None, at, order=name, says=says, by="user")
            said.append(f"resolve {name} {says}")
    return said


def _words(status: StatusReport) -> Iterator[tuple[str, str | None]]:
    if status.state.mode is not Mode.ACTIVE:
        yield "resume", None
    for one in status.assets:
        if one.disarmed is not None:  # said of it whether or not there is a drift that waits for the word
            yield "rearm", one.asset
        for refusal in one.refusals:
            if refusal.guard in WORDS:
                kind, named = WORDS[refusal.guard]
                yield kind, one.asset if named else None


def _known(testnet: Testnet, record: OrderRecord) -> bool:
    """Whether the exchange's own pages show the order."""
    market: MarketName = "perp" if spot_coin(record.intent.symbol) is None else "spot"
    return testnet.exchange.find(market, record.intent.symbol, record.intent.client_order_id) is not None
