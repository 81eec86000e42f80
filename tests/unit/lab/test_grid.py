from decimal import Decimal
from pathlib import Path

import pytest

from bot.core.policy import AssetPolicy, Direction, OnMargin, Policy, Rounding, Threshold
from bot.core.times import DAY
from bot.errors import ConfigError
from bot.lab.grid import axis, points_of, read_grid

POLICY = Policy((AssetPolicy("BTC", Decimal("0.5")), AssetPolicy("ETH", Decimal("0.3"))), cash_target=Decimal("0.2"))


def written(folder: Path, text: str) -> Path:
    file = folder / "grid.yaml"
    file.write_text(text)
    return file


def test_every_setting_reaches_the_policy(tmp_path: Path) -> None:
    axes = read_grid(written(tmp_path, """
triggers: {open: "10%", close: ["0.5pp"], resize: "2pp", rounding: nearest, direction: both}
finalise: {max_age: "30d", max_carry: "0%"}
margin: {on_margin: close, leverage: 7, max_leverage: "1.5"}
"""))
    [point] = points_of(axes, POLICY).points
    policy = point.policy
    for one in policy.assets:
        assert one.open == Threshold(Decimal("0.1"), relative=True)
        assert (one.close, one.resize) == (Threshold(Decimal("0.005")), Threshold(Decimal("0.02")))
        assert one.rounding is Rounding.NEAREST
        assert one.direction is Direction.BOTH
    assert (policy.finalise.max_age, policy.finalise.max_carry) == (30 * DAY, Decimal(0))
    assert policy.margin.on_margin is OnMargin.CLOSE
    assert (policy.margin.leverage, policy.margin.max_leverage) == (Decimal(7), Decimal("1.5"))


def test_points_are_every_combination_in_the_order_of_the_file_but_the_impossible() -> None:
    found = points_of([axis("open", ("3pp", "5pp")), axis("close", ("1pp", "4pp"))], POLICY)
    assert [str(point) for point in found.points] == [
        "open 3pp, close 1pp", "open 5pp, close 1pp", "open 5pp, close 4pp"]
    assert [point.number for point in found.points] == [0, 1, 2]
    assert found.left_out == 1


def test_leverage_at_its_cap_is_impossible() -> None:
    with pytest.raises(ConfigError, match=r"no combination of the grid is possible. Allowed: .*leverage above"):
        points_of([axis("leverage", ("2",))], POLICY)


@pytest.mark.parametrize(("text", "complaint"), [
    ("", "holds no grid. Allowed: triggers, finalise, margin"),
    ("- 1", "holds no grid"),
    ("guards: {max_carry: '1%'}", "1: guards: is no part of a grid. Allowed: triggers"),
    ("triggers: 5pp", "1: triggers: is no section. Allowed: keys among open, close"),
    ("triggers:\n  opens: 5pp", "2: triggers.opens: cannot be tried. Allowed: open, close"),
    ("triggers:\n  open: []", "2: triggers.open: has no values"),
    ("triggers:\n  open: ['3pp',\n    '5']", "3: triggers.open: .*Allowed: .5pp"),
    ("triggers: {open: 0pp}", "triggers.open: .0pp. is zero. Allowed: a level above zero"),
    ("triggers: {open: [5pp, 5pp]}", "triggers.open: .5pp. stands twice"),
    ("triggers: {open: 5pp, open: 3pp}", "triggers.open: stands twice"),
    ("triggers: {open: {a: b}}", "triggers.open: holds what is no value"),
    ("triggers: {rounding: up}", "triggers.rounding: .up. is not known. Allowed: down or nearest"),
    ("margin: {on_margin: sell}", "Allowed: finalise or close"),
    ("margin: {leverage: '2.5'}", "margin.leverage: .2.5. is no whole number"),
    ("margin: {max_leverage: 1.5}", "margin.max_leverage: .*quotes"),
    ("triggers: {open: [", "is no valid YAML"),
])
def test_a_grid_that_is_wrong_is_refused_with_line_key_and_what_is_allowed(
    tmp_path: Path, text: str, complaint: str,
) -> None:
    with pytest.raises(ConfigError, match=complaint) as refused:
        read_grid(written(tmp_path, text))
    assert "grid.yaml:" in str(refused.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read_grid(written(tmp_path, "triggers:\n  open: x\n  close: y\n"))
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == ["triggers.open", "triggers.close"]


def test_a_grid_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no such file. Allowed: a grid"):
        read_grid(tmp_path / "none.yaml")
