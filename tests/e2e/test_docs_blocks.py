"""Every command of README and docs is typed as it stands there, page by page, in the order of the page.

How a page says what to expect:

- a block marked `sh` is run, one marked `console` is not: `NOT_RUN` says why;
- a command ends with 0 unless a comment behind it says otherwise: `# exit 4`;
- `testnet serve`, `run` (but not `run --once`) and `status --watch` go on until they are stopped, so they are started
  beside the others. The next command is typed once they have begun, or once they have said what a comment waits for:
  `# wait for hedge.opened`;
- a comment line `# Ctrl-C` interrupts the latest of them but a testnet; what is left at the end of the page is
  interrupted then, the latest first. Each must end with 0.

`hedgerow` is this Python with `-m bot`. Port 8420 becomes a free one.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from play import ROOT, serving

from bot.demo import READY

PAGES = sorted(["README.md", *(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))])

NOT_RUN: Mapping[str, str] = {
    "README.md": "prices and orders of Binance's demo trading need the network, and orders a key",
    "docs/costs.md": "needs history that is no part of the project; tests/unit/lab/test_costs_page.py replays it",
    "docs/container.md": "needs a Docker engine; tests/container tries every step of the image without one",
    "docs/tuning.md": "needs a cluster; tests/unit/lab/test_sweep.py has one of two workers",
    "docs/venues.md": "looks at an account of Bybit's, which needs a key and the network",
    "docs/history.md": "downloads, which needs the network; tests/e2e/test_fetched_panel.py does it on a testnet",
    "docs/testnet.md": "needs market history that is not part of the project; tests/e2e/test_history.py plays it",
}
"""Pages with `console` blocks, and why those are not run here."""

SKIPPED: Mapping[str, str] = {
    "make": "Makefile targets are what runs these tests, or are tried in a fresh clone",
    ".": "there is an environment already",
}
"""First words of commands that are left out in `sh` blocks, and why."""

LIVED = frozenset({"docs/configuration.md", "docs/doctor.md", "docs/journal.md", "docs/plan-and-explain.md"})
"""Pages whose `mine.yaml` has a bot that ran for a week, and whose exchange goes on standing there."""
REHEARSED = frozenset({"docs/dry-run.md", "docs/operations.md"})
"""Pages whose `mine.yaml` is fresh, with an exchange whose time passes by itself."""

SHORTENED: Mapping[str, Mapping[str, str]] = {"docs/venues.md": {"HEDGEROW_STORY__DAYS": "4"}}
"""Pages whose demo plays fewer days: tests/e2e/test_demo.py and test_venues_alike.py play them all."""

BEGUN: Mapping[str, str] = {"testnet serve": READY, "run": "daemon.healthy", "status": "last decision"}
"""What a command that goes on has said once it has begun."""
OVERWEIGHT = ("--weights", "BTC=60%,ETH=25%,USDT=15%")
PATIENCE = 150.0  # on a machine that is busy with other tests


@dataclass(frozen=True)
class Line:
    """One command as the page has it, and what the page says of it."""

    number: int
    words: str
    code: int = 0
    until: str | None = None

    @property
    def stops(self) -> bool:
        return self.words.startswith("# Ctrl-C")

    @property
    def goes_on(self) -> str | None:
        """Which kind of command that goes on it is, if any."""
        typed = re.match(r"(?:\w+=\S+ )*hedgerow (.*)", self.words)
        words = shlex.split(typed[1], comments=True) if typed else []
        if words[:2] == ["testnet", "serve"]:
            return "testnet serve"
        if words[:1] == ["run"] and "--once" not in words:
            return "run"
        return "status" if words[:1] == ["status"] and "--watch" in words else None


def blocks(page: str) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """The fenced blocks of a page: their mark, and their lines with numbers."""
    mark: str | None = None
    lines: list[tuple[int, str]] = []
    for number, text in enumerate((ROOT / page).read_text(encoding="utf-8").splitlines(), 1):
        if not text.lstrip().startswith("```"):
            lines.append((number, text))
        elif mark is None:
            mark, lines = text.strip().removeprefix("```"), []
        else:
            yield mark, lines
            mark = None
    assert mark is None, f"{page}: a block is not closed"


def commands(page: str) -> list[Line]:
    found = []
    for mark, lines in blocks(page):
        for number, text in lines if mark == "sh" else ():
            words = text.strip()
            if not words or words.split()[0] in SKIPPED:
                continue
            code, until = re.search(r"# exit (\d)", words), re.search(r"# wait for (\S+)", words)
            found.append(Line(number, words, int(code[1]) if code else 0, until[1] if until else None))
    return found


@dataclass
class Terminals:
    """A reader with as many terminals as a page wants, in a folder of their own."""

    folder: Path
    environment: Mapping[str, str]
    port: int
    running: list[tuple[Line, subprocess.Popen[str], Path]] = field(default_factory=list)

    def type(self, line: Line) -> None:
        if line.stops:
            self.interrupt(next(one for one in reversed(self.running) if one[0].goes_on != "testnet serve"))
        elif line.words.startswith("#"):
            return
        elif line.goes_on is not None:
            self._start(line, line.until or BEGUN[line.goes_on])
        else:
            done = subprocess.run(
                self._bash(line), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False,
                timeout=PATIENCE, stdin=subprocess.DEVNULL,
            )
            assert done.returncode == line.code, f"line {line.number}: {line.words}\n{done.stdout}{done.stderr}"

    def _bash(self, line: Line) -> list[str]:
        return ["bash", "-c", line.words.replace("8420", str(self.port))]

    def _start(self, line: Line, until: str) -> None:
        said = self.folder / f"terminal-{line.number}"
        with said.open("w", encoding="utf-8") as out:
            process = subprocess.Popen(
                self._bash(line), cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, text=True, start_new_session=True,
            )
        self.running.append((line, process, said))
        ends = time.monotonic() + PATIENCE
        while until not in said.read_text(encoding="utf-8"):
            assert process.poll() is None, f"line {line.number} ended: {line.words}\n{said.read_text(encoding='utf-8')}"
            assert time.monotonic() < ends, f"line {line.number} never said {until}: {said.read_text(encoding='utf-8')}"
            time.sleep(0.05)

    def interrupt(self, one: tuple[Line, subprocess.Popen[str], Path]) -> None:
        line, process, said = one
        self.running.remove(one)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        code = process.wait(timeout=20)
        assert code == 0, f"line {line.number} ended with {code}: {line.words}\n{said.read_text(encoding='utf-8')}"

    def leave(self) -> None:
        """End what a failed page left."""
        for _, process, _ in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=20)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `hedgerow`. An interrupt reaches it whatever the terminal of these tests does with one."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "hedgerow"
    command.write_text(
        f"#!{sys.executable}\nimport runpy, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sys.path[0] = {str(ROOT)!r}\nrunpy.run_module('bot', run_name='__main__', alter_sys=True)\n")
    command.chmod(0o755)
    return folder


def surroundings(tools: Path, folder: Path, url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEROW_")}
    return {**kept, "PATH": f"{tools}{os.pathsep}{kept['PATH']}", "HOME": str(folder), "PYTHONUNBUFFERED": "1",
            "COLUMNS": "80", "HEDGEROW_TESTNET__URL": url,
            "PYTHONPATH": str(ROOT)}  # for the testnet that the demo starts, where the project is not installed


def clone(folder: Path) -> Path:
    """What a command of the documentation finds in a clone."""
    folder.mkdir(exist_ok=True)
    shutil.copytree(ROOT / "docs" / "examples", folder / "docs" / "examples")
    shutil.copytree(ROOT / "config", folder / "config")
    return folder


@pytest.fixture(scope="module")
def lived(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A clone whose bot ran for a week and has a hedge, and the exchange on which it did."""
    folder = clone(tmp_path_factory.mktemp("lived") / "clone")
    subprocess.run([tools / "hedgerow", "init", "--environment", "local", "mine.yaml"], cwd=folder, check=True,
                   capture_output=True, env=surroundings(tools, folder, "http://127.0.0.1:9"), timeout=60)
    with serving(folder / "mine.yaml", *OVERWEIGHT, "--scenario", "demo", "--days", "7", "--seed", "7") as url:
        done = subprocess.run(
            [tools / "hedgerow", "run", "-c", "mine.yaml"], cwd=folder, env=surroundings(tools, folder, url),
            capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        yield folder, url


@contextmanager
def given(page: str, folder: Path, tools: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Path, str]]:
    """The clone in which a page is typed, and where its exchange is or will be."""
    if page in LIVED:
        lived, url = request.getfixturevalue("lived")
        yield Path(shutil.copytree(lived, folder / "clone")), url
    elif page in REHEARSED:
        here = clone(folder / "clone")
        subprocess.run([tools / "hedgerow", "init", "--environment", "local", "mine.yaml"], cwd=here, check=True,
                       capture_output=True, env=surroundings(tools, folder, "http://127.0.0.1:9"), timeout=60)
        with serving(here / "mine.yaml", *OVERWEIGHT, "--speed", "300") as url:
            yield here, url
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        yield clone(folder / "clone"), f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_every_command_of_the_page_does_what_the_page_says(
    page: str, tmp_path: Path, tools: Path, request: pytest.FixtureRequest,
) -> None:
    with ExitStack() as stack:
        folder, url = stack.enter_context(given(page, tmp_path, tools, request))
        around = {**surroundings(tools, folder, url), **SHORTENED.get(page, {})}
        reader = Terminals(folder, around, int(url.rpartition(":")[2]))
        stack.callback(reader.leave)
        for line in commands(page):
            reader.type(line)
        for one in reversed(list(reader.running)):
            reader.interrupt(one)


def test_every_block_that_is_not_run_has_its_reason() -> None:
    marks = {page: {mark for mark, _ in blocks(page)} for page in PAGES}
    assert {page for page, found in marks.items() if "console" in found} == set(NOT_RUN)
    assert set().union(*marks.values()) <= {"sh", "console", "text", "yaml"}, "a block has another mark, or none"


def test_every_page_is_reached_from_the_readme_and_every_link_leads_somewhere() -> None:
    reached = set()
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", text):
            led = (ROOT / page).parent / target if target else ROOT / page
            assert led.exists(), f"{page}: {target}"
            if anchor:
                titles = re.findall(r"^#+ (.*)$", led.read_text(encoding="utf-8").lower(), flags=re.MULTILINE)
                assert anchor[1:] in {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in titles}, anchor
            if page == "README.md":
                reached.add(led.resolve())
    assert {(ROOT / page).resolve() for page in PAGES} - {ROOT / "README.md"} <= reached
