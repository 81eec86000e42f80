"""The configuration that `hedgerow init` writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.environment import OFFERS, Environment
from bot.settings import Settings, Venue, load
from bot.settings.problems import Key
from bot.settings.sample import sample
from bot.settings.schema import leaves

EVERY = [(venue, environment) for venue in Venue for environment in OFFERS[venue].environments]


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, {})


@pytest.mark.parametrize(("venue", "environment"), EVERY)
def test_the_written_file_is_right_as_it_stands(tmp_path: Path, venue: Venue, environment: Environment) -> None:
    settings = loaded(tmp_path, sample(venue, environment, "mine"))
    assert (settings.venue, settings.environment) == (venue, environment)
    assert set(settings.assets) == {"BTC", "ETH"}
    assert not settings.live.enabled
    assert settings.looking_credentials(), "a dry run starts without a key"


@pytest.mark.parametrize(("venue", "environment"), EVERY)
def test_what_stands_behind_a_sign_is_the_default(tmp_path: Path, venue: Venue, environment: Environment) -> None:
    written = sample(venue, environment, "mine")
    everything = re.sub(r"^( *)#(?=[a-z_])", r"\1", written, flags=re.MULTILINE)
    plain, full = loaded(tmp_path, written), loaded(tmp_path, everything)
    assert full.model_fields_set > plain.model_fields_set
    assert full.policy() == plain.policy()
    assert full.testnet_story() == plain.testnet_story()
    same = set(Settings.model_fields) - {"assets", "story", "starting_balances"}  # optional, or compared above
    assert {name: getattr(full, name) for name in same} == {name: getattr(plain, name) for name in same}


@pytest.mark.parametrize(("venue", "environment"), EVERY)
def test_every_key_stands_in_it_with_its_meaning(venue: Venue, environment: Environment) -> None:
    text = sample(venue, environment, "mine")
    words = " ".join(re.sub(r"\n *#", " ", text).split())
    elsewhere = {"testnet", "story"} if environment is not Environment.LOCAL else set()
    elsewhere |= {"live"} if environment is not Environment.LIVE else set()

    def missing(key: Key) -> bool:
        name = key[0] if key == ("cash", "COIN") else key[-2] if key[-1] == "COIN" else key[-1]
        return re.search(rf"^ *#?{name}: ?", text, re.MULTILINE) is None

    asked = [(key, field) for key, field in leaves(Settings) if key[0] not in elsewhere]
    assert [key for key, field in asked if missing(key) or (field.description or "") not in words] == []
    assert "Undefined" not in text
    assert max(len(line) for line in text.splitlines()) <= 120
