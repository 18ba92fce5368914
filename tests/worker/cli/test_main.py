import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from tests.worker.cli.conftest import Deeplab
from worker.cli import main
from worker.cli.lazy import Entry, LazyGroup

_ASK_ALL_FOR_HELP = """
import json, sys
from worker.cli import main
heavy = {"torch", "sqlalchemy", "celery", "numpy", "flask", "rich", "redis"}
for path in json.loads(sys.argv[1]):
    try:
        main([*path, "--help"], prog_name="deeplab")
    except SystemExit as end:
        assert end.code == 0, path
    assert not heavy & set(sys.modules), (path, heavy & set(sys.modules))
"""


def command_paths(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command: (), ("up",), ("job",), ("job", "list") ..."""
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from command_paths(command, (*path, name))
        else:
            yield (*path, name)


def test_help_imports_nothing_heavy() -> None:
    paths = list(command_paths())
    command = [sys.executable, "-c", _ASK_ALL_FOR_HELP, json.dumps(paths)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    for path in paths:
        assert f"Usage: {' '.join(('deeplab', *path))} " in ended.stdout


@pytest.mark.parametrize(("name", "entry"), list(main.entries.items()), ids=list(main.entries))
def test_list_of_commands_says_what_each_says_of_itself(name: str, entry: Entry) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert (command.help or "").splitlines()[0] == entry.help


@pytest.mark.parametrize("path", list(command_paths()), ids=" ".join)
def test_example_is_a_valid_call(path: tuple[str, ...]) -> None:
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    if command.epilog is not None:
        assert len(command.epilog) <= 76  # fits into a line of a terminal with 80 columns
        label, program, *arguments = shlex.split(command.epilog)
        assert (label, program, *arguments[: len(path)]) == ("Example:", "deeplab", *path)
        try:
            command.make_context(command.name, arguments[len(path) :], click.Context(main, **main.context_settings))
        except click.BadParameter as error:  # the reader's own files are not here
            if not error.message.endswith("does not exist."):
                raise


def test_help_has_a_heading_for_each_kind_of_command(deeplab: Deeplab) -> None:
    text = deeplab("--help").output
    assert text.index("Run locally:") < text.index("  train ") < text.index("Platform:") < text.index("  up ")
    assert deeplab("-h").output == text


def test_version(deeplab: Deeplab) -> None:
    assert deeplab("--version").output == f"deeplab {version('deeplab-platform')}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["jbo"], "Error: No such command 'jbo'. Did you mean 'job'?\n"),
        (["job", "lits"], "Error: No such command 'lits'. Did you mean 'list'?\n"),
        (["job", "submit", "trian"], "Error: No such command 'trian'. Did you mean 'train'?\n"),
        (["job", "list", "--stat", "queued"], "Error: No such option '--stat'. Did you mean '--state'?\n"),
    ],
)
def test_suggests_what_was_probably_meant(deeplab: Deeplab, arguments: list[str], sentence: str) -> None:
    ended = deeplab(*arguments)
    assert ended.exit_code == 2
    assert ended.stderr.endswith(sentence)


def test_failure_with_a_sentence_ends_with_it(
    deeplab: Deeplab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPLAB_HOME", str(tmp_path))
    ended = deeplab("job", "list")
    assert ended.exit_code == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        f"Error: There is no platform in {tmp_path}. Start one with `deeplab up`, or set DEEPLAB_HOME.\n"
    )


def test_entry_must_be_a_command() -> None:
    group = LazyGroup({"": {"path": Entry("os", "path", "")}})
    with pytest.raises(TypeError, match=r"os\.path is not a command"):
        group.get_command(click.Context(group), "path")
