"""In which world orders are placed: one value of one enum, chosen by the configuration, asked by the venue's door."""

from __future__ import annotations

from enum import StrEnum


class Environment(StrEnum):
    """`local`: the testnet on this machine. `demo`, `testnet`: the venue's own, with play money. `live`: real money."""

    LOCAL = "local"
    DEMO = "demo"
    TESTNET = "testnet"
    LIVE = "live"
