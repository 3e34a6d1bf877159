"""The pages hold together: links lead somewhere, and what the code has is described."""

import re
from pathlib import Path

import pytest

from kcity_flow.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_file_named_in_the_readme_exists() -> None:
    named = re.findall(r"`((?:kcity_flow|worker)[\w/]*\.py)`", (ROOT / "README.md").read_text(encoding="utf-8"))

    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_page_on_operations_has_every_setting_and_no_other() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(rf"^\| `({PREFIX}\w+)`", text, re.MULTILINE)

    assert rows == [f"{PREFIX}{name}".upper() for name in Settings.model_fields]


def test_every_page_is_found_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link).resolve() for link in re.findall(r"\]\(([^)]+)\)", index.read_text("utf-8"))}

    assert {page for page in PAGES if page not in (index, ROOT / "README.md")} - linked == set()
