"""docs/plan-and-explain.md shows what the commands on it print, and every key of a portfolio file."""

from pathlib import Path

from doc_scripts import doc_script

from bot.settings.portfolio import WISHES, PortfolioSettings
from bot.settings.schema import leaves

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_of_plan_and_explain_is_current() -> None:
    module = doc_script("generate_plan")
    assert (DOCS / "plan-and-explain.md").read_text(encoding="utf-8") == module.page(), "run `make docs`"


def test_every_key_of_a_portfolio_file_has_a_meaning_and_stands_on_the_page() -> None:
    page = (DOCS / "plan-and-explain.md").read_text(encoding="utf-8")
    for key, field in leaves(PortfolioSettings):
        if key[0] not in WISHES:
            assert field.description, key
            assert f"`{'.'.join(key).replace('tiers.COIN', 'tiers.FROM')}`" in page


def test_output_on_the_page_fits_80_columns() -> None:
    page = (DOCS / "plan-and-explain.md").read_text(encoding="utf-8")
    for block in page.split("```text\n")[1:]:
        assert max(len(line) for line in block.partition("```")[0].splitlines()) <= 80
