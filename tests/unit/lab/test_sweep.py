import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from panels import made_up_panel
from typer.testing import CliRunner

from bot.cli.main import CLI
from bot.core.policy import AssetPolicy, Policy
from bot.core.times import DAY, YEAR, parse_iso
from bot.errors import ConfigError
from bot.lab import sweep as lab
from bot.lab.grid import axis, points_of
from bot.lab.market import Fill
from bot.lab.stage import Wishes
from bot.lab.sweep import Figures, Job, Runner
from bot.lab.sweep_file import SweepFile

START = parse_iso("2021-01-01")
POLICY = Policy((AssetPolicy("BTC", Decimal("0.5")), AssetPolicy("ETH", Decimal("0.3"))), cash_target=Decimal("0.2"))
CONFIG = Path(__file__).parents[3] / "config" / "demo.yaml"
GRID = 'triggers:\n  open: ["3pp", "5pp"]\n  close: ["1pp", "4pp"]\n'


def jobs_of(panel: Path, *opens: str, days: int = 10) -> list[Job]:
    points = points_of([axis("open", opens)], POLICY).points
    return [Job(panel, lab.digest_of(panel), Wishes(point.policy), START, START + days * DAY) for point in points]


class Counted:
    """Runs jobs here, and counts them; stops after `most`."""

    def __init__(self, most: int = 1000) -> None:
        self.ran = 0
        self.most = most

    def __call__(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Figures]]:
        for place, figures in lab.here(jobs):
            if self.ran == self.most:
                raise KeyboardInterrupt
            self.ran += 1
            yield place, figures


def backwards(jobs: Sequence[Job]) -> Iterator[tuple[int, Figures]]:
    yield from reversed(list(lab.here(jobs)))


def test_a_point_of_a_sweep_is_the_replay_that_the_command_runs(tmp_path: Path) -> None:
    panel = made_up_panel(tmp_path, 240)
    [found] = lab.sweep(jobs_of(panel, "3pp"), lab.here)
    done = CliRunner().invoke(CLI, [
        "replay", str(panel), "--from", "2021-01-01", "--to", "2021-01-11", "--open", "0.03", "--json", "-c",
        _config(tmp_path)])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert found.hedges == sum(told["episodes"].values()) > 0
    assert (found.rows, found.trades, str(found.nav)) == (told["rows"], told["trades"], told["nav"])
    assert found.net_cost == sum(Decimal(cost) for cost in told["net_cost"].values())
    years = Decimal(239) / 24 * DAY / YEAR
    assert found.net_cost_bp == pytest.approx(found.net_cost / Decimal(told["mean_nav"]) / years * 10_000)
    assert found.off_pp == pytest.approx(sum(Decimal(off) for off in told["mean_net_off_pp"].values()) / 2)
    assert str(found.lowest_runway) == told["lowest_runway"]


def _config(folder: Path) -> str:
    """The defaults, as a file."""
    file = folder / "mine.yaml"
    file.write_text('venue: binance\nenvironment: local\nassets:\n  BTC: {target: "50%"}\n  ETH: {target: "30%"}\n'
                    'cash: {USDT: "20%"}\n')
    return str(file)


def test_processes_find_what_this_process_finds(tmp_path: Path) -> None:
    jobs = jobs_of(made_up_panel(tmp_path, 120), "3pp", "5pp", "10pp", days=5)
    assert lab.sweep(jobs, lab.on_cores(2)) == lab.sweep(jobs, lab.here)


def test_the_order_in_which_results_come_changes_nothing(tmp_path: Path) -> None:
    jobs = jobs_of(made_up_panel(tmp_path, 72), "3pp", "5pp", "10pp")
    assert lab.sweep(jobs, backwards) == lab.sweep(jobs, lab.here)


def test_what_is_kept_is_not_run_again(tmp_path: Path) -> None:
    jobs, kept = jobs_of(made_up_panel(tmp_path, 72), "3pp", "5pp", "10pp"), SweepFile(tmp_path / "out.jsonl")
    with pytest.raises(KeyboardInterrupt):
        lab.sweep(jobs, Counted(most=2), kept)
    rest = Counted()
    found = lab.sweep(jobs, rest, kept)
    assert rest.ran == 1
    assert found == lab.sweep(jobs, lab.here)
    assert lab.sweep(jobs, Counted(most=0), kept) == found


def test_another_panel_another_setting_and_another_span_are_other_jobs(tmp_path: Path) -> None:
    [job, other] = jobs_of(made_up_panel(tmp_path, 24), "3pp", "5pp")
    changed = [other, replace(job, digest="0"), replace(job, end=job.end + 1), replace(job, start=1),
               replace(job, wishes=replace(job.wishes, fill=Fill.IMMEDIATE))]
    assert len({each.key for each in (job, *changed)}) == 6
    assert replace(job, panel=tmp_path / "moved.csv").key == job.key


def test_a_torn_last_line_is_taken_off_and_run_again(tmp_path: Path) -> None:
    jobs, file = jobs_of(made_up_panel(tmp_path, 48), "3pp", "5pp"), tmp_path / "out.jsonl"
    found = lab.sweep(jobs, lab.here, SweepFile(file))
    whole = file.read_bytes()
    file.write_bytes(whole[:-30])
    again = Counted()
    assert lab.sweep(jobs, again, SweepFile(file)) == found
    assert again.ran == 1
    assert file.read_bytes() == whole


@pytest.mark.parametrize("content", ["ts_utc,btc_spot\n1,2\n", "no line end", '{"kind": "else", "key": "1"}\n'])
def test_a_file_that_no_sweep_has_written_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"mine.csv, line 1: is no result of a sweep. Allowed"):
        lab.sweep(jobs_of(made_up_panel(tmp_path, 24), "3pp"), lab.here, SweepFile(file))
    assert file.read_text() == content


def test_a_worker_with_another_panel_at_the_same_place_refuses(tmp_path: Path) -> None:
    [job] = jobs_of(made_up_panel(tmp_path, 24), "3pp")
    with pytest.raises(ConfigError, match="is not the panel that was asked for"):
        lab.run_job(replace(job, digest="0" * 64))


def test_a_point_that_does_not_fit_the_account_is_refused_and_the_others_run(tmp_path: Path) -> None:
    [job, other] = jobs_of(made_up_panel(tmp_path, 24), "3pp", "5pp")
    large = tuple(replace(one, contract=Decimal(1)) for one in job.wishes.policy.assets)
    unfit = replace(job, wishes=replace(job.wishes, policy=replace(job.wishes.policy, assets=large)))
    refused, ran = lab.sweep([unfit, other], lab.here)
    assert refused.refused is not None
    assert "contract" in refused.refused
    assert ran.rows == 24


def test_the_table_begins_with_the_least_net_cost_and_json_is_the_same_twice(tmp_path: Path) -> None:
    panel, grid = made_up_panel(tmp_path, 120), tmp_path / "grid.yaml"
    grid.write_text(GRID)
    words = ["sweep", str(panel), "-c", str(CONFIG), "--grid", str(grid), "--jobs", "1", "--json"]
    first, second = CliRunner().invoke(CLI, words), CliRunner().invoke(CLI, words)
    assert first.exit_code == 0, first.output
    assert first.stdout == second.stdout
    assert first.stderr == ""
    told = json.loads(first.stdout)
    costs = [Decimal(line["figures"]["net_cost_bp"]) for line in told["points"]]
    assert costs == sorted(costs)
    assert len(costs) == 3
    assert told["left_out"] == 1


def test_a_cluster_of_two_workers_finds_what_this_process_finds(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason='Dask is not installed: pip install "hedgerow[dask]"')
    jobs = jobs_of(made_up_panel(tmp_path, 72), "3pp", "5pp", "10pp")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        lab.on_cluster(cluster.scheduler_address) as runner,
    ):
        checked: Runner = runner
        assert lab.sweep(jobs, checked) == lab.sweep(jobs, lab.here)
