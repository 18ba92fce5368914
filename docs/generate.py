"""Writes the reference pages from the sources: `make docs`. A test fails when they are stale."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from deeplab.schema import Config
from web.api.description import WHOLE
from web.api.openapi import parameters_of, path_of
from worker.cli import main
from worker.jobs.outcomes import ENDINGS, PAUSED, Ending
from worker.jobs.settings import Settings

DOCS = Path(__file__).parent


def configuration() -> str:
    """The page of every configuration key."""
    lines = [
        "# Configuration",
        "",
        "An experiment is one YAML file in the original's upper-case schema; `--set SOLVER.LR=1e-3` changes a key for",
        "one run. An unknown key, a wrong type or a contradiction is refused with the path of the key. An empty key",
        "means its default. Relative paths are meant from the current folder. Keys marked (Extension.) are not in the",
        "original.",
    ]
    for name, field in Config.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        lines += ["", f"## {name}", "", str(section.__doc__), ""]
        lines += ["| key | default | limits | meaning |", "|---|---|---|---|"]
        lines += [f"| `{key}` | {' | '.join(columns)} |" for key, *columns in _keys(section, f"{name}.")]
    return "\n".join(lines) + "\n"


def settings() -> str:
    """The page of every environment variable."""
    lines = [
        "# Settings",
        "",
        "Read from the environment by every part of the platform. Nothing has to be set on one machine.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "`~/.deeplab`" if name == "home" else _shown(field.default)
        lines.append(f"| `DEEPLAB_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def commands() -> str:
    """The page of every command's help."""
    lines = ["# Commands", "", "The text that `--help` prints."]
    for path, command in _commands(main, "deeplab"):
        context = click.Context(
            command, info_name=path, terminal_width=100, help_option_names=main.context_settings["help_option_names"]
        )
        lines += ["", f"## {path}", "", "```", command.get_help(context), "```"]
    return "\n".join(lines) + "\n"


def api() -> str:
    """The page of the JSON API: what holds for all of it stays as it was written, below it every address."""
    written, heading, _ = (DOCS / "api.md").read_text(encoding="utf-8").partition("## Addresses\n")
    lines = [written + heading]
    for endpoint in WHOLE:
        names = [f"`{parameter['name']}`" for parameter in parameters_of(endpoint)]
        given = f" Takes {', '.join(names)}." if names else ""
        lines.append(f"- `{endpoint.method} {path_of(endpoint)}`: {endpoint.summary}{given}")
    return "\n".join(lines) + "\n"


def outcomes() -> str:
    """The page of how attempts end, and what follows."""
    lines = [
        "# Outcomes",
        "",
        "How an attempt at a job ends, and what follows. What is no end of the job is counted, and each count has a",
        "bound of its own; the job fails when so many attempts in a row got no further. An attempt that got further",
        "than every one before it (a newer checkpoint, another finished shard) starts all counts anew; a preemption",
        "that saved something new does not count at all.",
        "",
        "| outcome | what it means | tried again | bound |",
        "|---|---|---|---|",
    ]
    for name, ending in ENDINGS.items():
        bound = "" if ending.count is None else f"`DEEPLAB_{ending.count.bound.upper()}`"
        lines.append(f"| {name} | {ending.meaning} | {_tried_again(ending)} | {bound} |")
    lines += [
        "",
        "Crashes, stalls and lack of memory share a count: `attempts` of a job. A pause is twice as long after each",
        "further attempt that got no further, at most 300 s, a quarter more or less by chance, and by the database's",
        "clock. The page of a job says in one sentence why it waits; the outcome of each attempt is in its history.",
    ]
    return "\n".join(lines) + "\n"


def _tried_again(ending: Ending) -> str:
    if ending is ENDINGS[PAUSED]:
        return "when it is resumed"
    if ending.count is None:
        return "no"
    pause = f"after `DEEPLAB_RETRY_SECONDS`{'' if ending.pace == 1 else f' x {ending.pace:g}'}"
    return f"at once, and from the second in a row on {pause}" if ending.n_at_once else pause


def _keys(section: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for key, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{key}.")
        else:
            limits = _limits([*_metadata(field.annotation), *field.metadata])
            yield f"{prefix}{key}", _shown(field.default), limits, field.description or ""


def _metadata(annotation: Any) -> Iterator[Any]:
    """The constraints on a type, and on the types that it is made of: those of a list's numbers."""
    for constraint in getattr(annotation, "__metadata__", ()):
        yield from getattr(constraint, "metadata", (constraint,))
    for part in get_args(annotation):
        yield from _metadata(part)


def _limits(constraints: Iterable[Any]) -> str:
    """Limits as people write them: "1 to 100", "above 0, to 16, at most 32 of them"; nothing for texts."""
    found = {name: getattr(each, name) for each in constraints for name in _LIMITS if hasattr(each, name)}
    words = []
    if "ge" in found and "le" in found:
        words.append(f"{found['ge']:,.10g} to {found['le']:,.10g}")
    else:
        words += [f"{word} {found[name]:,.10g}" for name, word in _LIMITS.items() if name in found and word]
    if "max_length" in found and words:
        words.append(f"at most {found['max_length']:,} of them")
    return ", ".join(words)


_LIMITS = {"ge": "from", "gt": "above", "le": "to", "lt": "below", "max_length": ""}


def _shown(default: object) -> str:
    if default is PydanticUndefined:
        return "required"
    if default in (None, "", (), {}):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"  # as YAML writes it
    return f"`{list(default) if isinstance(default, tuple) else default}`"


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def house() -> str:
    """The page of every module: what it says of itself."""
    lines = [
        "# The map",
        "",
        "Every Python file, in its own words. [How it is built](architecture.md) says how they work together.",
        "The templates and styles of the dashboard lie in `web/templates/` and `web/static/`.",
    ]
    for package in ("deeplab", "worker", "web"):
        for folder in [DOCS.parent / package, *sorted(_packages(DOCS.parent / package))]:
            lines += ["", f"## {folder.relative_to(DOCS.parent)}/", "", _summary(folder / "__init__.py"), ""]
            modules = sorted(path for path in folder.glob("*.py") if not path.name.startswith("__"))
            lines += [f"- `{path.name}`: {_summary(path)}" for path in modules]
    return "\n".join(lines) + "\n"


def _packages(folder: Path) -> list[Path]:
    return [path.parent for path in folder.rglob("__init__.py") if path.parent != folder]


def _summary(path: Path) -> str:
    """The first sentence of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split())


PAGES = {
    "map.md": house,
    "configuration.md": configuration,
    "settings.md": settings,
    "commands.md": commands,
    "api.md": api,
    "outcomes.md": outcomes,
}

if __name__ == "__main__":
    for file_name, page in PAGES.items():
        (DOCS / file_name).write_text(page(), encoding="utf-8")
