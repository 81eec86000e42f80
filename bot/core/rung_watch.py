"""Which pushed prices bring the account to another rung of the margin ladder (DOMAIN §6.3).

The ladder acts from marks and positions alone, so these are followed from the last snapshot on. Where shorts are all
that the margin account has, a joint runway X ends at the same marks wherever they are: after a joint rise by u it is
(1 + X)/(1 + u) − 1, and after rises between d and u it lies between theirs. So within two rises, reckoned once, no
rung can change, and a pushed price costs a comparison; beyond them, and where there are longs or coins beside the
shorts, the runway is reckoned anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.core.decision import Rung
from bot.core.ladder import rung_of
from bot.core.margin import read_account
from bot.core.market import Asset, Instrument, Snapshot, WalletKind
from bot.core.money import ONE, ZERO
from bot.core.policy import MarginPolicy
from bot.core.portfolio import quantity_of
from bot.core.runway import Exposure, MarginAccount, joint_runway, maintenance_margin


@dataclass(frozen=True, slots=True)
class RungWatch:
    """The margin account at the last snapshot, and its rung there.

    `gains`: by asset, what the account's equity gains when the mark doubles. `quiet`: the rises of any mark between
    which the rung cannot be another one (None: without end that way); None: there are no such.
    """

    account: MarginAccount
    policy: MarginPolicy
    rung: Rung
    gains: Mapping[Asset, Decimal]
    quiet: tuple[Decimal | None, Decimal | None] | None

    def another(self, rises: Mapping[Asset, Decimal]) -> bool:
        """Whether the runway is on another rung after these rises of the marks (0.01: by one percent)."""
        if not rises or (self.quiet is not None and _between(rises, *self.quiet)):
            return False
        equity = self.account.equity + sum((self.gains.get(asset, ZERO) * rise for asset, rise in rises.items()), ZERO)
        moved = MarginAccount(
            equity, _all_risen(self.account.shorts, rises), self.account.standing,
            _all_risen(self.account.longs, rises), self.account.coins)
        return rung_of(joint_runway(moved), self.policy) is not self.rung


def watch_rungs(
    snapshot: Snapshot, instruments: Mapping[Asset, Instrument], policy: MarginPolicy,
    longs: Collection[Asset] = (),
) -> RungWatch | None:
    """What to look for after this snapshot; None without a hedge, or where a mark is unknown.

    `longs`: coins that may be hedged by a long.
    """
    account = read_account(snapshot, instruments, longs=longs)
    if account is None or not account.exposures:
        return None
    gains: dict[Asset, Decimal] = {}
    for asset, instrument in instruments.items():
        quote, position = snapshot.quotes.get(asset), snapshot.position(instrument.symbol)
        if quote is None or quote.mark is None:
            return None
        coins = quantity_of(snapshot, asset) if snapshot.wallet is WalletKind.UNIFIED else ZERO
        held = position.quantity if position is not None else ZERO
        gains[asset] = (held + coins * (instrument.collateral_ratio if coins > 0 else ONE)) * quote.mark
    left = joint_runway(account)
    plain = not account.standing and not account.longs and all(gain <= 0 for gain in gains.values()) and not any(
        short.collateral for short in account.shorts)
    quiet = _quiet(left, policy) if plain and left is not None and left > -1 else None
    return RungWatch(account, policy, rung_of(left, policy), gains, quiet)


def _quiet(left: Decimal, policy: MarginPolicy) -> tuple[Decimal | None, Decimal | None]:
    limits = (policy.full_runway, policy.reduce_runway, policy.stop_runway, policy.warn_runway)
    below = max((limit for limit in limits if limit <= left), default=None)
    above = min((limit for limit in limits if limit > left), default=None)
    return (None if above is None else (1 + left) / (1 + above) - 1,
            None if below is None else (1 + left) / (1 + below) - 1)


def _between(rises: Mapping[Asset, Decimal], lowest: Decimal | None, highest: Decimal | None) -> bool:
    return all((lowest is None or rise > lowest) and (highest is None or rise < highest) for rise in rises.values())


def _all_risen(exposures: Sequence[Exposure], rises: Mapping[Asset, Decimal]) -> tuple[Exposure, ...]:
    return tuple(one if one.asset is None else _risen(one, rises.get(one.asset, ZERO)) for one in exposures)


def _risen(short: Exposure, rise: Decimal) -> Exposure:
    notional = short.notional * (1 + rise)
    maintenance = short.maintenance * (1 + rise)
    if short.tiers:
        maintenance = short.maintenance + (
            maintenance_margin(notional, short.tiers) - maintenance_margin(short.notional, short.tiers))
    return replace(short, notional=notional, maintenance=maintenance, collateral=short.collateral * (1 + rise))
