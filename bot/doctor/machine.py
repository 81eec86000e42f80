"""What can be looked at without the venue: configuration, keys, journal, disk."""
# ruff: noqa: PLC0415 -- imports inside functions keep what needs no venue light

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bot import answers, app
from bot.core.hygiene import Check, Verdict
from bot.doctor.findings import Finding, Part, bad_config, ok
from bot.environment import OFFERS, Environment
from bot.errors import ConfigError, JournalError
from bot.settings import Settings

ENOUGH_DISK = 200 * 1024 * 1024
"""Bytes; a journal of a year takes some ten megabytes, its log may take more."""


def configuration(settings: Settings, *, dry_run: bool) -> Iterator[Finding]:
    """What the configuration says of itself."""
    where = str(settings.file) if settings.file is not None else "HEDGEROW_* variables"
    yield ok(Part.CONFIGURATION, "configuration", where, "readable, every key known")
    yield ok(Part.CONFIGURATION, "environment", _world(settings, dry_run=dry_run), "the one that is meant")
    if settings.environment is Environment.LIVE and not settings.live.enabled and not dry_run:
        yield bad_config("opt_ins", "live without live.enabled", "live: {enabled: true}")


def _world(settings: Settings, *, dry_run: bool) -> str:
    hosts = OFFERS[str(settings.venue)].hosts.get(settings.environment, frozenset())
    at = settings.testnet.url if settings.local else ", ".join(sorted(hosts))
    return f"{settings.venue} {settings.environment}{', dry run' if dry_run else ''} at {at}"


def files(settings: Settings, *, dry_run: bool) -> Iterator[Finding]:
    """Keys, journal, its lock, and the disk."""
    from bot.journal.lock import holder

    try:
        if dry_run:
            settings.looking_credentials()
        else:
            settings.credentials()
        yield ok(Part.FILES, "secrets", "both keys given, no file of them readable by others", "given, and private")
    except ConfigError as error:
        yield Finding(Part.FILES, Check(
            "secrets", Verdict.FAIL, str(error), "both keys given, private", "do as it says"))
    yield from _journal(settings, dry_run=dry_run)
    process = holder(settings.journal)
    yield ok(Part.FILES, "lock", "free" if process is None else f"a bot runs (process {process})", "one bot a journal")
    yield _disk(settings.journal)


def _journal(settings: Settings, *, dry_run: bool) -> Iterator[Finding]:
    path = settings.journal
    if not path.is_file():
        folder = next(each for each in path.absolute().parents if each.exists())
        good = os.access(folder, os.W_OK)
        yield Finding(Part.FILES, Check(
            "journal", Verdict.OK if good else Verdict.FAIL, f"none yet at {path}" + ("" if good else ", not writable"),
            "a file that can be written", "" if good else f"give yourself the right to write to {folder}",
        ))
        return
    try:
        binding = answers.read_status(settings).binding
    except JournalError as error:
        yield Finding(Part.FILES, Check(
            "journal", Verdict.FAIL, str(error), "readable",
            "hedgerow journal check says more; hedgerow journal rebuild makes a new one from the account",
        ))
        return
    theirs = (binding.environment, binding.venue)
    ours = (app.bound_environment(settings, dry_run=dry_run), str(settings.venue))
    good = theirs == ours and os.access(path, os.W_OK)
    yield Finding(Part.FILES, Check(
        "journal", Verdict.OK if good else Verdict.FAIL, f"{path}, of {' / '.join(theirs)}",
        f"writable, of {' / '.join(ours)}", "" if good else "name another journal file",
    ))


def _disk(journal: Path) -> Finding:
    folder = next(each for each in journal.absolute().parents if each.exists())
    free = shutil.disk_usage(folder).free
    good = free >= ENOUGH_DISK
    return Finding(Part.FILES, Check(
        "disk", Verdict.OK if good else Verdict.WARN, f"{free // 1024 // 1024:,} MB free",
        f"{ENOUGH_DISK // 1024 // 1024} MB free", "" if good else f"make room on the disk of {folder}",
    ))
