"""The Dockerfile without an engine: its steps, one after the other, under a folder that stands for the image's root.

Files are copied as COPY says, RUN lines run in a shell with the stage's variables, and the second stage has only what
was copied into it. Absolute paths of the image are led into the folder; what the base image brings (python, pip) is
the Python of the tests. ENTRYPOINT, CMD and HEALTHCHECK then run as they will in a container: as another user, on files
that this user cannot change.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from container_tools import ROOT, parsed, pip

PARSE = """
import io, json, sys
from dockerfile_parse import DockerfileParser
print(json.dumps(DockerfileParser(fileobj=io.BytesIO(sys.stdin.read().encode())).structure))
"""
OURS = ("/opt/hedgerow", "/srv/hedgerow", "/src", "/var/lib/hedgerow", "/usr/share/hedgerow", "/etc/hedgerow")
"""The image's paths that the Dockerfile may name; all else is the base image's."""

MACHINE = {name: value for name, value in os.environ.items()
           if name in ("HOME", "SSL_CERT_FILE") or name.startswith("PIP_") or name.lower().endswith("_proxy")}
"""How this machine reaches its registry: a build has the same from its engine."""

NOBODY = 65534
CONFIG = """\
venue: binance
environment: local
assets: {BTC: {target: "50%"}, ETH: {target: "30%"}}
cash: {USDT: "20%"}
"""


@dataclass
class Image:
    """What the steps came to. Paths in `env` and in the commands are the image's."""

    root: Path
    base: Path
    args: dict[str, str]
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def here(self, text: str) -> str:
        """Words with the image's paths led into the folder."""
        return re.sub(rf"(?<![\w.])({'|'.join(OURS)})(?![\w-])", lambda found: f"{self.root}{found[1]}", text)

    def variables(self) -> dict[str, str]:
        """Nothing of this process but what the image sets, with the base image's programs at the end of the path."""
        env = {name: self.here(value) for name, value in self.env.items()}
        env["PATH"] = f"{env.get('PATH', '')}:{self.base}:/usr/bin:/bin".lstrip(":").replace(":/usr/local/bin:", ":")
        return env

    def start(self, *words: str, **extra: str) -> subprocess.Popen[str]:
        """A process of the container."""
        asked = int(self.user.partition(":")[0])
        user = NOBODY if switching() and asked else None
        return subprocess.Popen(
            [self.here(word) for word in words], env=self.variables() | extra, cwd=self.here(self.workdir),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, user=user, group=user,
            extra_groups=None if user is None else [],
        )

    def run(self, *words: str, **extra: str) -> tuple[int, str, str]:
        """One command of the container: (exit code, stdout, stderr)."""
        process = self.start(*words, **extra)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


def switching() -> bool:
    """Whether this process may become another user, and that user can run this Python."""
    if os.geteuid() != 0:
        return False
    python = getattr(sys, "_base_executable", sys.executable)
    try:
        return subprocess.run([python, "-c", ""], user=NOBODY, group=NOBODY, cwd="/", env={}, check=False,
                              stderr=subprocess.DEVNULL).returncode == 0
    except PermissionError:
        return False


def build(root: Path, base: Path, context: Path, steps: list[dict[str, Any]]) -> Image:
    """Every step of every stage; earlier stages lie beside the folder, under their names."""
    stages: dict[str, Path] = {}
    args: dict[str, str] = {}
    image, name = Image(root, base, args), ""
    for step in steps:
        word, value = step["instruction"], re.sub(r"\\\n", " ", step["value"])
        if word == "FROM":
            if name:
                stages[name] = root.with_name(f"stage-{name}")
                root.rename(stages[name])
            name = value.partition(" AS ")[2] or "last"
            root.mkdir()
            image = Image(root, base, args)
        elif word == "ARG":
            args.setdefault(*value.partition("=")[::2])
        elif word == "COPY":
            copy(image, stages, context, value)
        elif word == "RUN":
            done = subprocess.run(
                ["sh", "-c", image.here(value)], env=MACHINE | image.variables(), cwd=image.here(image.workdir),
                capture_output=True, text=True, check=False, timeout=300,
            )
            assert done.returncode == 0, f"RUN {value}\n{done.stdout}{done.stderr}"
        else:
            settle(image, word, value)
    return image


def settle(image: Image, word: str, value: str) -> None:
    """A step that makes no file but a folder."""
    if word == "WORKDIR":
        image.workdir = value
        Path(image.here(value)).mkdir(parents=True, exist_ok=True)
    elif word == "ENV":
        image.env |= dict(pair.split("=", 1) for pair in value.split())
    elif word == "USER":
        image.user = filled(value, image.args)
    elif word == "ENTRYPOINT":
        image.entrypoint = json.loads(value)
    elif word == "CMD":
        image.command = json.loads(value)
    elif word == "HEALTHCHECK":
        image.health = json.loads(value.partition("CMD ")[2])
    else:
        assert word in ("COMMENT", "VOLUME", "STOPSIGNAL"), f"{word} is not tried here"


def copy(image: Image, stages: dict[str, Path], context: Path, value: str) -> None:
    words = value.split()
    options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    *sources, target = [word for word in words if not word.startswith("--")]
    for source in sources:
        origin = stages[options["from"]] if "from" in options else context
        goal = Path(image.here(target)) if target.startswith("/") else Path(image.here(image.workdir)) / target
        found = origin / source.lstrip("/")
        if found.is_dir():
            shutil.copytree(found, goal, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(found, goal if not target.endswith("/") else goal / found.name)
        if "chown" in options and switching():
            assert filled(options["chown"], image.args) == "1000:1000"
            os.chown(goal, NOBODY, NOBODY)


def filled(text: str, args: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda found: args[found[1]], text)


def sent(target: Path) -> None:
    """The build context: what .dockerignore lets through."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    never = [rule.removeprefix("**/") for rule in rules if rule.startswith("**/")]
    assert rules[0] == "*"
    for name in kept:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=lambda _, names: {
                each for each in names if any(fnmatch(each, rule) for rule in never)})
        else:
            shutil.copy2(ROOT / name, target / name)


@pytest.fixture(scope="module")
def image(parsers: Path) -> Iterator[Image]:
    """The image, made once; in a folder that any user may enter."""
    command = pip()
    assert command is not None
    steps = json.loads(parsed(parsers, PARSE, (ROOT / "Dockerfile").read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory(prefix="hedgerow-image-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        base, context = folder / "base", folder / "context"
        base.mkdir()
        context.mkdir()
        (base / "python").symlink_to(getattr(sys, "_base_executable", sys.executable))
        (base / "pip").write_text(f'#!/bin/sh\nexec {" ".join(command)} "$@"\n', encoding="utf-8")
        (base / "pip").chmod(0o755)
        sent(context)
        yield build(folder / "image", base, context, steps)


pytestmark = pytest.mark.slow


def test_every_step_of_the_dockerfile_works_and_what_it_makes_is_compiled_and_lean(image: Image) -> None:
    site = next((image.root / "opt/hedgerow/lib").glob("python3*/site-packages"))
    sources = list((site / "bot").rglob("*.py"))
    assert sources
    assert [path for path in sources if not list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))] == []
    assert not (site / "pip").exists()
    assert not (image.root / "src").exists()
    assert sorted(path.name for path in (image.root / "usr/share/hedgerow").iterdir()) == ["config"]
    assert image.user == "1000:1000"
    assert image.command == ["run", "--dry-run"]


def test_the_container_answers_rehearses_and_tells_its_health_without_changing_a_file_of_its_own(image: Image) -> None:
    before = listing(image.root / "opt"), listing(image.root / "usr")
    code, out, err = image.run(*image.entrypoint, "version")
    assert (code, err) == (0, "")
    assert out.startswith("hedgerow ")

    config = image.root / "etc/hedgerow/hedgerow.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(CONFIG, encoding="utf-8")
    assert image.run(*image.health)[0] == 3, "nothing has run yet"

    exchange = image.start(*image.entrypoint, "testnet", "serve", "-c", "config/demo.yaml", "--port", "0")
    try:
        assert exchange.stdout is not None
        url = exchange.stdout.readline().strip().rpartition(" ")[2]
        code, out, err = image.run(*image.entrypoint, *image.command, "--once", HEDGEROW_TESTNET__URL=url)
        assert code == 0, err
    finally:
        exchange.terminate()
        exchange.communicate(timeout=20)

    code, out, err = image.run(*image.health)
    assert (code, err) == (0, "")
    assert out.startswith("alive")
    assert before == (listing(image.root / "opt"), listing(image.root / "usr"))
    kept = {path.name: path.stat().st_uid for path in (image.root / "var/lib/hedgerow").iterdir()}
    assert {"hedgerow.db", "hedgerow.log"} <= set(kept)
    assert set(kept.values()) == {NOBODY if switching() else os.geteuid()}


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and the time of its last change."""
    found = ((path, path.lstat()) for path in folder.rglob("*"))
    return {str(path): (one.st_size, one.st_mtime_ns) for path, one in found if not stat.S_ISDIR(one.st_mode)}
