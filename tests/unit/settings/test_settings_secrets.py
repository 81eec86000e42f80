import logging
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from bot.errors import ConfigError
from bot.settings import Credentials, Settings, load
from bot.settings.secrets import KeyFiles, Keys, KeyVariables

BASE = """\
venue: binance
environment: {environment}
assets: {{BTC: {{target: "80%"}}}}
cash: {{USDT: "20%"}}
margin: {{on_margin: close}}
"""


def settings(folder: Path, environ: Mapping[str, str] | None = None, *, environment: str = "demo") -> Settings:
    path = folder / "mine.yaml"
    path.write_text(BASE.format(environment=environment) + "secrets_dir: secrets\n", encoding="utf-8")
    return load(path, environ or {})


def put(folder: Path, name: str, text: str, mode: int = 0o600) -> None:
    path = folder / "secrets" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def refusal(folder: Path, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(folder, environ).credentials()
    return str(caught.value)


def test_missing_keys_are_named_in_one_line_with_the_way_to_give_them(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        "environment demo of binance needs api_key and api_secret: set HEDGEROW_API_KEY and HEDGEROW_API_SECRET, or "
        f"write each to a file of that name in {tmp_path}/secrets (mode 600)")
    assert refusal(tmp_path, {"HEDGEROW_API_KEY": "abc"}) == (
        "environment demo of binance needs api_secret: set HEDGEROW_API_SECRET, or write it to a file of that name in "
        f"{tmp_path}/secrets (mode 600)")


def test_keys_come_from_the_environment_or_from_files_and_the_environment_wins(tmp_path: Path) -> None:
    put(tmp_path, "api_key", "from-file\n")
    put(tmp_path, "api_secret", "secret-file\n")
    assert settings(tmp_path).credentials() == Credentials("from-file", "secret-file")
    assert settings(tmp_path, {"HEDGEROW_API_KEY": "given"}).credentials() == Credentials("given", "secret-file")


@pytest.mark.fault(86)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    put(tmp_path, "api_key", "k")
    put(tmp_path, "api_secret", "hunter2", mode)
    text = refusal(tmp_path)
    assert text == (f"{tmp_path}/secrets/api_secret: others can read it (mode {mode:o}). "
                    f"Allowed: chmod 600 {tmp_path}/secrets/api_secret")


@pytest.mark.fault(87)
@pytest.mark.parametrize(("content", "wrong"), [
    ("", "is empty"), ("two words", "characters that no key has"), ("k\x1b[0m", "characters that no key has"),
])
def test_a_secret_that_cannot_be_one_is_refused_without_showing_it(tmp_path: Path, content: str, wrong: str) -> None:
    put(tmp_path, "api_key", "k")
    put(tmp_path, "api_secret", content)
    text = refusal(tmp_path)
    assert wrong in text
    assert not content or content not in text


def test_a_folder_in_a_secrets_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secrets" / "api_key").mkdir(parents=True)
    assert "api_key: is no file" in refusal(tmp_path)


def test_the_local_testnet_needs_no_key_and_takes_one(tmp_path: Path) -> None:
    assert settings(tmp_path, environment="local").credentials() == Credentials("local-key", "local-secret")
    given = {"HEDGEROW_API_KEY": "a", "HEDGEROW_API_SECRET": "b"}
    assert settings(tmp_path, given, environment="local").credentials() == Credentials("a", "b")


@pytest.mark.fault(87)
def test_no_way_of_printing_shows_a_secret(tmp_path: Path) -> None:
    put(tmp_path, "api_secret", "file-hunter2")
    made = settings(tmp_path, {"HEDGEROW_API_KEY": "key-hunter2"})
    shown = f"{made!r} {made} {made.credentials()!r} {made.credentials()} {dict(made)}"
    assert "hunter2" not in shown


def test_a_variable_in_any_case_is_the_key(tmp_path: Path) -> None:
    given = {"hedgerow_api_key": "k", "Hedgerow_Api_Secret": "s"}
    assert settings(tmp_path, given).credentials() == Credentials("k", "s")


def test_one_key_given_by_two_spellings_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, {"HEDGEROW_API_KEY": "hunter2", "hedgerow_api_key": "hunter3"})
    assert str(caught.value) == "hedgerow_api_key: is set by HEDGEROW_API_KEY too. Allowed: one of them"


def test_an_empty_variable_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    put(tmp_path, "api_key", "from-file")
    put(tmp_path, "api_secret", "s")
    assert refusal(tmp_path, {"HEDGEROW_API_KEY": ""}) == "HEDGEROW_API_KEY: is empty"


def test_a_file_that_a_variable_outdid_is_not_opened(tmp_path: Path) -> None:
    put(tmp_path, "api_key", "old", 0o644)
    put(tmp_path, "api_secret", "s")
    assert settings(tmp_path, {"HEDGEROW_API_KEY": "new"}).credentials() == Credentials("new", "s")


def test_a_secret_may_be_a_link_as_orchestrators_mount_them(tmp_path: Path) -> None:
    put(tmp_path, "api_secret", "s")
    put(tmp_path / "mounted", "elsewhere", "k")
    (tmp_path / "secrets" / "api_key").symlink_to(tmp_path / "mounted" / "secrets" / "elsewhere")
    assert settings(tmp_path).credentials() == Credentials("k", "s")


@pytest.mark.fault(87)
def test_no_log_or_repr_on_the_way_shows_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    put(tmp_path, "api_secret", "file-hunter2")
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    variables, files = KeyVariables({"HEDGEROW_API_KEY": "key-hunter2"}), KeyFiles(tmp_path / "secrets")
    with caplog.at_level(logging.DEBUG):
        keys = Keys.of(variables, files)
    assert keys.api_key is not None
    assert keys.api_key.get_secret_value() == "key-hunter2"
    assert isinstance(keys, BaseSettings)
    assert "hunter2" not in f"{caplog.text} {keys!r} {keys} {variables!r} {variables()} {files!r} {files()}"
