"""Every hedge that the books know, at hand by coin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bot.core.episode import Episode, EpisodeState
from bot.core.market import Asset
from bot.core.times import Millis


class OfCoin(NamedTuple):
    """One coin's: the hedge that is opening or open, the newest that had a contract, and when the last one ended."""

    open: Episode | None
    newest: Episode | None
    closed_at: Millis | None


class Hedges:
    """Episodes by name, in the order in which they came. What a coin has is found once after each change to it."""

    def __init__(self, episodes: Iterable[Episode]) -> None:
        self._all: dict[str, Episode] = {}
        self._names: dict[Asset, dict[str, None]] = {}
        self._assets: dict[str, Asset] = {}
        self._found: dict[Asset, OfCoin] = {}
        self.first_at: Millis | None = None
        for episode in episodes:
            self.put(episode)

    def put(self, episode: Episode) -> None:
        """Take an episode as it is now."""
        before = self._all.get(episode.id)
        if before is None:
            self._names.setdefault(episode.asset, {})[episode.id] = None
            self._assets[episode.symbol] = episode.asset
            if self.first_at is None or episode.started_at < self.first_at:
                self.first_at = episode.started_at
        self._all[episode.id] = episode
        found = self._found.pop(episode.asset, None)
        if found is not None and found.open is before and not episode.state.ended and episode.closed_at is None:
            # The one that is open goes on, or one begins: nothing else of the coin has changed.
            newer = found.newest is None or found.newest is before or episode.started_at > found.newest.started_at
            self._found[episode.asset] = OfCoin(episode, episode if newer else found.newest, found.closed_at)

    def get(self, name: str) -> Episode | None:
        """The episode of this name."""
        return self._all.get(name)

    def __getitem__(self, name: str) -> Episode:
        return self._all[name]

    def __contains__(self, name: str) -> bool:
        return name in self._all

    def __iter__(self) -> Iterator[Episode]:
        return iter(self._all.values())

    def of(self, asset: Asset) -> OfCoin:
        """What there is of a coin."""
        found = self._found.get(asset)
        if found is None:
            found = self._found[asset] = self._look(asset)
        return found

    def at(self, symbol: str, at: Millis) -> Episode | None:
        """The hedge on a perpetual that was open at an instant; of two, the first."""
        asset = self._assets.get(symbol)
        if asset is None:
            return None
        now, _, closed_at = self.of(asset)
        late = closed_at is None or closed_at < at
        if late and now is not None and now.symbol == symbol and now.opened_at is not None and now.opened_at <= at:
            return now  # and all others had ended
        mine = (self._all[name] for name in self._names[asset])
        return next((one for one in mine if one.symbol == symbol and one.opened_at is not None and one.opened_at <= at
                     and (one.closed_at is None or at <= one.closed_at)), None)

    def open_assets(self) -> set[Asset]:
        """Coins whose hedge is opening or open."""
        return {asset for asset in self._names if self.of(asset).open is not None}

    def _look(self, asset: Asset) -> OfCoin:
        begun: Episode | None = None
        newest: Episode | None = None
        closed_at: Millis | None = None
        for name in self._names.get(asset, ()):
            one = self._all[name]
            if begun is None and not one.state.ended:
                begun = one
            if one.state is not EpisodeState.VOID and (newest is None or one.started_at > newest.started_at):
                newest = one
            if one.closed_at is not None and (closed_at is None or one.closed_at > closed_at):
                closed_at = one.closed_at
        return OfCoin(begun, newest, closed_at)
