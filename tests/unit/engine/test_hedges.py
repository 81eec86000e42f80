"""What is at hand of every coin's hedges is what looking through all of them finds."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.episode import Episode, EpisodeState
from bot.core.swift import changed
from bot.engine.hedges import Hedges, OfCoin

ASSETS = ("BTC", "ETH")
STATES = list(EpisodeState)
stamps = st.none() | st.integers(0, 40)
steps = st.lists(st.tuples(
    st.sampled_from(ASSETS), st.integers(0, 4), st.sampled_from(STATES), st.integers(0, 40), stamps, stamps),
    max_size=25)


def looked_through(every: dict[str, Episode], asset: str) -> OfCoin:
    mine = [one for one in every.values() if one.asset == asset]
    real = [one for one in mine if one.state is not EpisodeState.VOID]
    return OfCoin(
        next((one for one in mine if not one.state.ended), None),
        max(real, key=lambda one: one.started_at) if real else None,
        max((one.closed_at for one in mine if one.closed_at is not None), default=None))


def open_at(every: dict[str, Episode], symbol: str, at: int) -> Episode | None:
    return next((one for one in every.values() if one.symbol == symbol and one.opened_at is not None
                 and one.opened_at <= at and (one.closed_at is None or at <= one.closed_at)), None)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_what_is_at_hand_is_what_looking_through_all_of_them_finds(
    path: list[tuple[str, int, EpisodeState, int, int | None, int | None]],
) -> None:
    hedges, every = Hedges(()), dict[str, Episode]()
    for asset, number, state, started, opened, closed in path:
        name = f"{asset.lower()}{number}"
        known = every.get(name) or Episode(name, asset, f"{asset}/USDT:USDT", state, started)
        # What had contracts was opened, and has an end where it has ended.
        begun = (opened or started) if state in {EpisodeState.OPEN, EpisodeState.CLOSED} else None
        end = (closed or started) if state is EpisodeState.CLOSED else None
        every[name] = changed(known, state=state, opened_at=begun, closed_at=end, short=Decimal(number))
        hedges.put(every[name])
        for coin in ASSETS:
            assert hedges.of(coin) == looked_through(every, coin)
            for at in (0, 13, 40):
                assert hedges.at(f"{coin}/USDT:USDT", at) == open_at(every, f"{coin}/USDT:USDT", at)
        assert hedges.open_assets() == {one.asset for one in every.values() if not one.state.ended}
        assert list(hedges) == list(every.values())
        assert hedges.first_at == min(one.started_at for one in every.values())
