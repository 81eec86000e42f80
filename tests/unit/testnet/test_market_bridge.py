from __future__ import annotations

import statistics
import subprocess
import sys

import pytest

from bot.testnet.market.bridge import Bridge
from bot.testnet.market.chance import Strip, gauss, uniform, words


def test_a_bridge_begins_and_ends_at_nothing() -> None:
    bridge = Bridge("place", 720)
    assert (bridge.at(0), bridge.at(720)) == (0.0, 0.0)
    assert bridge.at(360) != 0.0


def test_a_step_does_not_depend_on_the_steps_asked_before() -> None:
    forward, backward = Bridge("place", 100), Bridge("place", 100)
    ahead = [forward.at(step) for step in range(101)]
    behind = [backward.at(step) for step in reversed(range(101))]
    assert ahead == behind[::-1]
    assert ahead[37] == Bridge("place", 100).at(37)


def test_other_places_give_other_bridges() -> None:
    assert Bridge("one", 10).at(5) != Bridge("two", 10).at(5)


@pytest.mark.parametrize("step", [-1, 11])
def test_a_step_off_the_bridge_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match="not on a bridge of 10 steps"):
        Bridge("place", 10).at(step)


def test_a_bridge_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        Bridge("place", 0)


@pytest.mark.parametrize("step", [10, 45, 50, 83])
def test_its_variance_is_that_of_a_brownian_bridge(step: int) -> None:
    values = [Bridge(f"place {n}", 100).at(step) for n in range(2000)]
    share = step / 100
    assert statistics.pvariance(values) == pytest.approx(share * (1 - share), rel=0.12)
    assert statistics.fmean(values) == pytest.approx(0, abs=0.05)


def test_its_increments_are_alike_and_independent() -> None:
    squares, products = [], []
    for n in range(1000):
        bridge = Bridge(f"place {n}", 64)
        steps = [bridge.at(k + 1) - bridge.at(k) for k in range(64)]
        squares.append(sum(value * value for value in steps))
        products.append(steps[10] * steps[11])
    # A bridge of n steps has quadratic variation 1 − 1/n, and neighbours share only −1/n² of it.
    assert statistics.fmean(squares) == pytest.approx(1 - 1 / 64, rel=0.02)
    assert statistics.fmean(products) == pytest.approx(0, abs=0.003)


def test_chance_lies_strictly_between_0_and_1() -> None:
    values = [value for n in range(200) for value in map(uniform, words(f"place {n}"))]
    assert len(values) == 3200
    assert 0 < min(values) < max(values) < 1
    assert statistics.fmean(values) == pytest.approx(0.5, abs=0.02)
    assert statistics.pstdev(gauss(f"place {n}") for n in range(2000)) == pytest.approx(1, rel=0.05)


def test_another_process_draws_the_same() -> None:
    code = "from bot.testnet.market.chance import gauss; print(gauss('7:BTC:path:0'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(other.stdout) == gauss("7:BTC:path:0")


def test_a_strip_is_the_same_in_any_order() -> None:
    forward, backward = Strip("place"), Strip("place")
    ahead = [forward.uniform(position) for position in range(100)]
    assert ahead == [backward.uniform(position) for position in reversed(range(100))][::-1]
    assert len(set(ahead)) == 100
    assert 0 < min(ahead) < max(ahead) < 1
