"""What `hedgerow export --format bittytax` writes, read by BittyTax itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from fidelity import REQUIRED
from kept_books import FINALISED, kept
from play import ROOT
from typer.testing import CliRunner

from bot.cli.main import CLI

PYTHON = ROOT / ".fidelity" / "bittytax" / "bin" / "python"
READ = """
import sys
from bittytax.import_records import ImportRecords

records = ImportRecords()
records.import_csv(open(sys.argv[1], newline=""))
print()
print((records.success_cnt, records.failure_cnt, [one.t_type.value for one in records.get_records()]))
"""


def test_bittytax_takes_every_row_for_what_it_is(tmp_path: Path) -> None:
    if not PYTHON.is_file():
        (pytest.fail if REQUIRED else pytest.skip)("bittytax is not set up: make fidelity-setup")
    out = tmp_path / "mine.csv"
    written = CliRunner().invoke(CLI, [
        "export", "--journal", str(kept(tmp_path, FINALISED)), "--format", "bittytax", "--out", str(out)])
    assert written.exit_code == 0, written.output
    done = subprocess.run([PYTHON, "-c", READ, out], capture_output=True, text=True, check=True,
                          env={**os.environ, "HOME": str(tmp_path)})
    kinds = ["Margin-Fee", "Margin-Fee", "Trade", "Margin-Loss", "Margin-Fee-Rebate"]
    assert done.stdout.splitlines()[-1] == str((5, 0, kinds))
