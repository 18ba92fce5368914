"""The reference pages say what the sources say, and commands name what is there."""

import re
import runpy
import shlex
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import click
import pytest

from tests.paths import ROOT
from worker.cli import main

_DOCS = ROOT / "docs"
_PAGES: dict[str, Callable[[], str]] = runpy.run_path(str(_DOCS / "generate.py"))["PAGES"]


@pytest.mark.parametrize("name", _PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    written = (_DOCS / name).read_text(encoding="utf-8")
    assert written == _PAGES[name](), "The sources have changed: run `make docs`."


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *sorted(_DOCS.rglob("*.md"))], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [part.split(")")[0] for part in text.split("](")[1:]]
    missing = [
        target for target in targets if "://" not in target and not (page.parent / target.split("#")[0]).exists()
    ]
    assert not missing


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_are_named_are_there(page: str) -> None:
    """In backticks, a path that begins with a folder of ours."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:deeplab|worker|web|tests|docs|configs|migrations)/[\w./-]*)`", text)
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_tree_shows_every_room() -> None:
    """Folders of Python files in docs/architecture.md, by their indentation."""
    block = (_DOCS / "architecture.md").read_text(encoding="utf-8").partition("## The rooms")[2].split("```")[1]
    shown: list[Path] = []
    for line in block.strip("\n").splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        parents = [each for each in shown if len(each.parts) == depth]
        shown.append((parents[-1] if depth else Path()) / line.split("/")[0].strip())
    packages = ("deeplab", "worker", "web")
    existing = {path.parent.relative_to(ROOT) for name in packages for path in (ROOT / name).rglob("__init__.py")}
    assert {path for path in shown if path.parts[0] in packages} == existing


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *_DOCS.rglob("*.md")]), ids=lambda page: page.name)
def test_commands_name_only_files_that_exist(page: Path) -> None:
    named = {path for words in _commands(page.read_text(encoding="utf-8")) for path in _our_files(words)}
    assert not [path for path in named if not (ROOT / path).exists()]


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *_DOCS.rglob("*.md")]), ids=lambda page: page.name)
def test_commands_can_be_typed(page: Path) -> None:
    """Our command has every verb and option that a page shows, in blocks and in the tables of two pages."""
    text = page.read_text(encoding="utf-8")
    lines = [words[words.index("deeplab") :] for words in _commands(text) if "deeplab" in words]
    if page.name in ("from-deeplab-pytorch.md", "weights.md"):
        lines += [shlex.split(code) for code in re.findall(r"`(deeplab \w[^`]*)`", text)]
    for words in lines:
        _parse(words[1 : words.index("&") if "&" in words else None])


def _parse(words: list[str]) -> None:
    """Parse a command as click does, without running it. Raises click.ClickException or Exit (--help)."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
    if words:
        command.make_context(
            "deeplab", list(words), click.Context(main, **main.context_settings)
        )  # whose -h a command keeps


def _commands(page: str) -> list[list[str]]:
    """The words of each line that a reader is told to type."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return [shlex.split(line, comments=True) for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def _our_files(words: list[str]) -> set[str]:
    """What a command takes from the repository; `my.yaml` is the reader's own, and so is what lies in `data`."""
    configs = {path for option, path in pairwise(words) if option in {"-c", "--config"}} - {"my.yaml"}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"data"}
    return configs | {path for word in words for path in word.split("=") if path.partition("/")[0] in folders}
