"""How long a command takes before it does anything: a command line that is asked often must answer at once."""

import subprocess
import sys
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from bot.settings import load

ROOT = Path(__file__).parents[1]


def _python(*words: str) -> None:
    subprocess.run([sys.executable, *words], check=True, capture_output=True, cwd=ROOT)


def test_an_empty_interpreter(benchmark: BenchmarkFixture) -> None:
    benchmark.pedantic(_python, args=("-c", "pass"), rounds=10, warmup_rounds=1)


def test_help(benchmark: BenchmarkFixture) -> None:
    benchmark.pedantic(_python, args=("-m", "bot", "--help"), rounds=10, warmup_rounds=1)


def test_health_up_to_its_journal(benchmark: BenchmarkFixture) -> None:
    benchmark.pedantic(_python, args=("-c", "import bot.app, bot.journal.reader, bot.cli.render"), rounds=10,
                       warmup_rounds=1)


def test_reading_a_configuration(benchmark: BenchmarkFixture) -> None:
    settings = benchmark(load, ROOT / "config" / "demo.yaml", {})
    assert settings.local
