"""The reference pages say what the sources say."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

_DOCS = Path(__file__).parents[1] / "docs"
_PAGES: dict[str, Callable[[], str]] = runpy.run_path(str(_DOCS / "generate.py"))["PAGES"]


@pytest.mark.parametrize("name", _PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    written = (_DOCS / name).read_text(encoding="utf-8")
    assert written == _PAGES[name](), "The sources have changed: run `make docs`."


@pytest.mark.parametrize("page", sorted(_DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [part.split(")")[0] for part in text.split("](")[1:]]
    missing = [
        target for target in targets if "://" not in target and not (page.parent / target.split("#")[0]).exists()
    ]
    assert not missing
