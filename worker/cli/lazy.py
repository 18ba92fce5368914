"""Command groups whose commands are imported only when they are used, so that `--help` is instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from deeplab.errors import DeepLabError
from deeplab.files import visible


@dataclass(frozen=True)
class Entry:
    """Where a command is defined, and its line in the list of commands."""

    module: str
    attribute: str
    help: str  # the first line of the command's own help


class ComputedGroup(click.Group):
    """A group that finds its commands by `list_commands` and `get_command`, and suggests them like any other."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first argument, or suggest the one that was probably meant."""
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.NoSuchCommand(name, possibilities=known, ctx=ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(ComputedGroup):
    """A group of commands under headings, each named by its module."""

    def __init__(self, sections: Mapping[str, Mapping[str, Entry]], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.sections = sections
        self.entries = {name: entry for section in sections.values() for name, entry in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the headings."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(entry.module), entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}.{entry.attribute} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands under their headings, without importing them."""
        for heading, entries in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a `DeepLabError` ends it with its message and exit code 1."""
        try:
            return super().invoke(ctx)
        except DeepLabError as error:
            raise click.ClickException(visible(" ".join(str(error).split()))) from error
