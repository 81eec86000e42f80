"""What an examination comes to: checks by part, and the worst of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.core.hygiene import Check, Verdict


class Part(StrEnum):
    """What a check is about."""

    CONFIGURATION = "configuration"
    FILES = "files"
    REACH = "reach"
    ACCOUNT = "account"
    MARKETS = "markets"
    FUNDS = "funds"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one part."""

    part: Part
    check: Check


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was looked at. `verdict`: the worst of it."""

    verdict: Verdict
    findings: tuple[Finding, ...]

    def failed(self, *parts: Part) -> bool:
        """Whether something of these parts failed."""
        return any(found.check.verdict is Verdict.FAIL and found.part in parts for found in self.findings)


def examined(findings: Iterable[Finding]) -> Examination:
    """Part by part, with the worst of it."""
    order = list(Part)
    every = tuple(sorted(findings, key=lambda found: order.index(found.part)))
    verdicts = {found.check.verdict for found in every}
    worst = next((grade for grade in (Verdict.FAIL, Verdict.WARN) if grade in verdicts), Verdict.OK)
    return Examination(worst, every)


def ok(part: Part, name: str, found: str, wanted: str, asset: str | None = None) -> Finding:
    """A check that is well."""
    return Finding(part, Check(name, Verdict.OK, found, wanted, asset=asset))


def bad_config(name: str, found: str, wanted: str = "as docs/configuration.md has it") -> Finding:
    """What is wrong with the configuration."""
    return Finding(Part.CONFIGURATION, Check(
        name, Verdict.FAIL, found, wanted, "change the configuration where this says so"))
