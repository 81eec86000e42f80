import re
from pathlib import Path

from doc_scripts import doc_script

from bot.settings import Settings, load
from bot.settings.schema import leaves

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_of_the_configuration_is_current() -> None:
    module = doc_script("generate")
    assert (DOCS / "configuration.md").read_text(encoding="utf-8") == module.configuration(), "run `make docs`"


def test_every_key_has_a_meaning_and_stands_on_the_page() -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    for key, field in leaves(Settings):
        assert field.description, key
        assert f"`{'.'.join(key)}`" in page


def test_the_smallest_file_on_the_page_is_right(tmp_path: Path) -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    found = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    (tmp_path / "mine.yaml").write_text(found[1], encoding="utf-8")
    assert load(tmp_path / "mine.yaml", {}).local
