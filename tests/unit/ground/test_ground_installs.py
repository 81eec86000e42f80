"""Nothing is installed that is not pinned and hashed: every install command of the project is looked at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

INSTALLS = re.compile(
    r"\b(?:uv\s+)?pip3?\b[^\n|;&`]*\binstall\b[^\n|;&`]*|\$\(INSTALL\)[^\n]*|\bpipx\s+(?:install|run)\b[^\n]*"
    r"|\buvx\b[^\n]*|\b(?:npm|yarn|gem|cargo)\s+(?:install|add|i)\b[^\n]*")
PINNED = re.compile(r"--require-hashes")
ITSELF = re.compile(r"--no-deps --no-build-isolation (?:--editable )?\.")
"""The project follows its locked dependencies, among them its build backend: nothing is fetched."""


def scripts() -> list[Path]:
    """Whatever a user, a build or a check runs."""
    return [ROOT / "Makefile", ROOT / "Dockerfile", ROOT / "docker-compose.yml", ROOT / ".ci" / "run"]


def pages() -> list[Path]:
    """Whatever tells a reader what to type."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def commands(path: Path) -> list[str]:
    """The install commands of a file, continued lines joined."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return [found.group().strip() for found in INSTALLS.finditer(text)]


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.name)
def test_every_install_of_a_script_is_hashed_or_fetches_nothing(path: Path) -> None:
    found = [one for one in commands(path) if not re.match(r"(?:uv\s+)?pip\b[^$]*\binstall --quiet --python", one)]
    found = [one for one in found if not one.endswith("install -qq --disable-pip-version-check")]  # INSTALL's own text
    bad = [one for one in found if not PINNED.search(one) and not ITSELF.search(one)]
    assert bad == []


def test_the_scripts_do_install_something_so_that_the_test_above_can_fail() -> None:
    assert len([one for path in scripts() for one in commands(path) if PINNED.search(one)]) >= 4


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_no_page_tells_to_install_anything_unpinned(path: Path) -> None:
    assert [one for one in commands(path) if not PINNED.search(one) and not ITSELF.search(one)] == []


LOCKS = (*ROOT.glob("tests/fidelity/clients/*.lock"), *ROOT.glob("bench/peers/*.lock"))


@pytest.mark.parametrize("path", sorted(LOCKS), ids=lambda path: path.name)
def test_programs_of_others_are_pinned_and_hashed_too(path: Path) -> None:
    for entry in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if entry.strip():
            assert re.match(r"[a-z0-9._-]+==\S+", entry), entry
            assert "--hash=sha256:" in entry, entry


def test_the_build_takes_nothing_that_no_lock_names() -> None:
    for name in ("requirements.lock", "requirements-alerts.lock", "requirements-dask.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"^\s*(?:-e|-r|--(?:extra-)?index-url|--find-links|git\+)", text, re.MULTILINE)
