import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def locked(name: str) -> dict[str, str]:
    """Each pinned distribution's version; every one carries at least one hash."""
    pins: dict[str, str] = {}
    for entry in (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if entry.strip():
            match = re.match(r"([a-z0-9.-]+)==(\S+)", entry)
            assert match is not None, entry
            assert "--hash=sha256:" in entry, entry
            pins[match[1]] = match[2]
    return pins


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=! ]", text)[0].lower().replace("_", "-") for text in requirements}


def test_the_run_lock_holds_every_dependency_and_the_build_backend() -> None:
    wanted = names(PROJECT["project"]["dependencies"]) | names(PROJECT["build-system"]["requires"])
    assert wanted <= locked("requirements.lock").keys()


def test_the_dev_lock_is_the_run_lock_and_the_tools() -> None:
    run, dev = locked("requirements.lock"), locked("requirements-dev.lock")
    assert run.items() <= dev.items()
    assert names(PROJECT["project"]["optional-dependencies"]["dev"]) <= dev.keys()


def test_the_lock_with_alerts_is_the_run_lock_and_what_alerts_need() -> None:
    run, alerts, dev = (locked(f"requirements{kind}.lock") for kind in ("", "-alerts", "-dev"))
    assert run.items() <= alerts.items() <= dev.items()
    assert names(PROJECT["project"]["optional-dependencies"]["alerts"]) <= alerts.keys() - run.keys()


def test_no_lock_names_a_place_on_some_machine() -> None:
    for name in ("requirements.lock", "requirements-alerts.lock", "requirements-dask.lock", "requirements-dev.lock"):
        assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_make_help_lists_every_target_within_80_columns() -> None:
    text = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets is not None
    assert {line.split()[1] for line in text.splitlines()} == set(targets[1].split())
    assert max(len(line) for line in text.splitlines()) <= 80
