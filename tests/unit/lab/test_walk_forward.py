import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from panels import made_up_panel
from typer.testing import CliRunner

from bot.cli.main import CLI
from bot.core.policy import AssetPolicy, Policy
from bot.core.times import DAY, iso, parse_iso
from bot.errors import ConfigError
from bot.lab import heatmap, tune, walk
from bot.lab.grid import axis, points_of
from bot.lab.sweep import Figures, Span
from bot.lab.walk import Length, Wish

CONFIG = Path(__file__).parents[3] / "config" / "demo.yaml"
POLICY = Policy((AssetPolicy("BTC", Decimal("0.5")), AssetPolicy("ETH", Decimal("0.3"))), cash_target=Decimal("0.2"))
POINTS = points_of([axis("open", ("2pp", "3pp", "5pp")), axis("close", ("0pp", "1pp"))], POLICY)
BASE = Figures(rows=10, years=Decimal(1), hedges=2, hedges_a_year=Decimal(2), off_pp=Decimal(1))


def costs(*values: str) -> list[Figures]:
    return [replace(BASE, net_cost_bp=Decimal(value)) for value in values]


def test_no_window_is_judged_on_what_it_was_chosen_on_and_none_reaches_past_the_end() -> None:
    span = Span(0, parse_iso("2020-01-31"), parse_iso("2021-01-30T23:00:00Z"), parse_iso("2021-01-31"))
    found = walk.windows(span, Length(6, months=True), Length(1, months=True))
    assert [(iso(each.turn)[:10], iso(each.end)[:10]) for each in found][:2] == [
        ("2020-07-31", "2020-08-31"), ("2020-08-29", "2020-09-29")]
    assert all(each.begin < each.turn < each.end <= span.until for each in found)


def test_calendar_months_end_with_their_last_day() -> None:
    assert iso(Length(1, months=True).after(parse_iso("2024-01-31"))) == "2024-02-29T00:00:00Z"
    assert Length(3, months=False).after(0) == 3 * DAY


def test_windows_longer_than_history_are_refused() -> None:
    with pytest.raises(ConfigError, match="longer than the 10 days that there are"):
        walk.windows(Span(0, 0, 10 * DAY, 10 * DAY), Length(1, months=True), Length(1, months=True))


@pytest.mark.parametrize("text", ["", "12", "0m", "1y", "m", "-1d"])
def test_a_length_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: "):
        walk.length_of(text)


def test_the_cheapest_is_chosen_the_first_among_equals_and_none_that_was_liquidated_or_refused() -> None:
    found = costs("5", "3", "3", "1", "0", "9")
    found[3] = replace(found[3], liquidations=1)
    found[4] = replace(found[4], refused="too large")
    assert walk.best(POINTS.points, found, Wish()) == 1


def test_what_tracks_too_loosely_is_not_chosen() -> None:
    found = costs("5", "3", "3", "1", "0", "9")
    loose = [replace(each, off_pp=Decimal(number)) for number, each in enumerate(found)]
    assert walk.best(POINTS.points, loose, Wish(most_off=Decimal(1))) == 1
    assert walk.best(POINTS.points, loose, Wish(most_off=Decimal(-1))) is None


def test_means_weigh_stretches_by_their_length() -> None:
    short, long = costs("4", "1")
    found = walk.summed([replace(short, years=Decimal(1)), replace(long, years=Decimal(2)), Figures(refused="no")])
    assert found is not None
    assert (found.years, found.net_cost_bp) == (Decimal(3), Decimal(2))


def test_a_walk_forward_reports_what_it_chose_beside_what_followed(tmp_path: Path) -> None:
    panel, grid = made_up_panel(tmp_path, 240), tmp_path / "grid.yaml"
    grid.write_text('triggers: {open: ["3pp", "10pp"]}\n')
    words = ["sweep", str(panel), "-c", str(CONFIG), "--grid", str(grid), "--jobs", "1"]
    done = CliRunner().invoke(CLI, [*words, "--train", "4d", "--test", "3d", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [(each["begin"][:10], each["turn"][:10], each["end"][:10]) for each in told["windows"]] == [
        ("2021-01-01", "2021-01-05", "2021-01-08"), ("2021-01-04", "2021-01-08", "2021-01-11")]
    for each in told["windows"]:
        alone = CliRunner().invoke(CLI, [*words, "--from", each["begin"], "--to", each["turn"], "--json"])
        first = json.loads(alone.stdout)["points"][0]
        assert (each["settings"], each["in_sample"]) == (first["settings"], first["figures"])
        assert each["out_of_sample"]["rows"] == 72


WALK = ("--train", "4d", "--test", "3d")


@pytest.mark.parametrize(("words", "said"), [
    (WALK[:2], "go together"), (WALK[2:], "go together"), (("--train", "0d", "--test", "3d"), "90d"),
    ((*WALK, "--heatmap", "map.svg"), "a walk forward has no map"), ((*WALK, "--within", "-1"), "above 0"),
    (("--within", "1.5"), "belongs to --train"), (("--axes", "open,resize"), "belongs to --heatmap"),
    (("--heatmap", "nowhere/map.svg"), "no folder nowhere"), (("--out", "."), "is a folder"),
    (("--by", "luck"), "is none of net_cost_bp"), (("--figure", "luck"), "is none of net_cost_bp"),
    (("--fill", "never"), "touch"), (("--from", "someday"), "no date"), (("--jobs", "0"), "--jobs"),
    (("--scheduler", "10.0.0.5"), "tcp://HOST:PORT"),
])
def test_what_cannot_be_meant_is_refused_before_anything_runs(
    words: tuple[str, ...], said: str, tmp_path: Path,
) -> None:
    panel, grid = made_up_panel(tmp_path, 24), tmp_path / "grid.yaml"
    grid.write_text('triggers: {open: ["3pp", "10pp"]}\n')
    done = CliRunner().invoke(CLI, ["sweep", str(panel), "-c", str(CONFIG), "--grid", str(grid), *words])
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_a_heat_map_shows_every_cell_and_is_the_same_bytes_twice() -> None:
    across, down = heatmap.axes_of(POINTS.axes, [])
    found = heatmap.map_of(POINTS.points, costs("1", "2", "3", "4", "-5", "600"), across, down, "net_cost_bp")
    assert found.cells == ((1, 3, -5), (2, 4, 600))
    drawn = heatmap.draw(found)
    assert drawn == heatmap.draw(found)
    assert all(f">{text}<" in drawn for text in ("1", "600", "-5", "2pp", "5pp", "open", "close"))
    assert "<dc:date>" not in drawn


def test_a_cell_is_the_mean_over_the_other_axes_and_empty_where_nothing_ran() -> None:
    points = points_of([axis("open", ("2pp", "3pp")), axis("close", ("0pp", "1pp")),
                        axis("leverage", ("5", "10"))], POLICY)
    figures = costs(*"12345678")
    figures[6:] = [replace(each, refused="no") for each in figures[6:]]
    found = heatmap.map_of(points.points, figures, *heatmap.axes_of(points.axes, ["close", "open"]), "net_cost_bp")
    assert found.averaged
    assert found.cells == ((1.5, 3.5), (5.5, None))


def test_a_heat_map_of_axes_that_the_grid_has_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="Allowed: two of open, close"):
        heatmap.axes_of(POINTS.axes, ["open", "leverage"])


def test_tune_tells_of_the_users_own_triggers_and_of_others(tmp_path: Path) -> None:
    panel = made_up_panel(tmp_path, 120)
    done = CliRunner().invoke(CLI, ["tune", str(panel), "-c", str(CONFIG), "--jobs", "1", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["yours"]["settings"] == {"yours": "3/1/1pp"}
    same = next(each for each in told["others"] if each["settings"]["open"] == "3pp")
    assert told["yours"]["figures"] == same["figures"]
    assert told["meaning"].endswith("tells what such a choice is worth.")


def test_the_meaning_names_what_tracks_closer_and_what_costs_less() -> None:
    yours, closer, cheaper, ruined = costs("10", "20", "-5", "-50")
    others = [replace(closer, off_pp=Decimal("0.5")), replace(cheaper, off_pp=Decimal(2)),
              replace(ruined, liquidations=1)]
    said = tune.meaning(yours, tuple(zip(POINTS.points[::2], others, strict=True)))
    assert "your triggers came to 2.0 hedges a year, a net cost of 10.0 bp" in said
    assert "open 2pp would have kept them at 0.50pp" in said
    assert "cheapest was open 3pp with 5.0 bp of NAV a year earned" in said
