"""docker-compose.yml by the Compose specification, and what it promises."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from container_tools import ROOT, parsed

VALIDATE = "import sys; from compose_spec import PyCompose; PyCompose.from_json(sys.stdin.read())"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as compose reads it: variables have their defaults."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)))


def test_it_is_valid_by_the_specification(compose: dict[str, Any], parsers: Path) -> None:
    parsed(parsers, VALIDATE, json.dumps(compose))


@pytest.mark.parametrize(("key", "value"), [
    ("initt", True), ("init", 3), ("read_only", "x"), ("stop_grace_period", "soon"), ("cap_drop", "ALL"),
    ("ports", ["127.0.0.1:x:8421"]), ("logging", {"drivr": "json-file"}), ("tmpfs", 5),
])
def test_what_the_specification_lacks_would_be_noticed(
    compose: dict[str, Any], parsers: Path, key: str, value: object,
) -> None:
    wrong = copy.deepcopy(compose)
    wrong["services"]["rehearsal"][key] = value
    with pytest.raises(ValueError, match=r"."):
        parsed(parsers, VALIDATE, json.dumps(wrong))


def test_up_without_a_name_rehearses_and_needs_no_key(compose: dict[str, Any]) -> None:
    started = {name: service for name, service in compose["services"].items() if not service.get("profiles")}
    assert [service["command"] for service in started.values()] == [["run", "--dry-run"]]
    assert all("secrets" not in service for service in started.values())


def test_no_service_has_more_than_it_needs(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["init"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not {"privileged", "network_mode", "pid", "cap_add", "devices", "env_file"} & set(service)
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert {"max-size", "max-file"} <= set(service["logging"]["options"])
        assert service["stop_grace_period"] == "30s"
        writable = [each["source"] for each in service["volumes"] if not each.get("read_only")]
        assert writable == list(compose["volumes"]) == ["var"]


def test_keys_are_files_and_a_rehearsal_has_a_journal_of_its_own(compose: dict[str, Any]) -> None:
    orders, rehearsal = compose["services"]["orders"], compose["services"]["rehearsal"]
    assert set(orders["secrets"]) == set(compose["secrets"]) == {"api_key", "api_secret"}
    assert all(list(secret) == ["file"] for secret in compose["secrets"].values())
    assert orders["environment"]["HEDGEROW_SECRETS_DIR"] == "/run/secrets"
    assert rehearsal["environment"]["HEDGEROW_JOURNAL"] == "/var/lib/hedgerow/rehearsal.db"
    assert "HEDGEROW_JOURNAL" not in orders["environment"], "the image's own"
    assert not re.search(r"(?i)api_(key|secret)\s*[:=]\s*['\"]?[a-z0-9]{16}", json.dumps(compose))
