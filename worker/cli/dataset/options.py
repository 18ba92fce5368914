"""The configuration option of the commands that read a dataset."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from worker.cli.options import config_options

F = TypeVar("F", bound=Callable[..., Any])


def dataset_options(command: F) -> F:
    """`config_options`, where the configuration file may also be given as an argument, without `-c`."""
    return click.argument(
        "config",
        cls=_UnlistedArgument,
        type=click.Path(path_type=Path),
        required=False,
        expose_value=False,
        is_eager=True,  # before -c, for which it stands in
        callback=_stand_in,
    )(config_options(command))


class _UnlistedArgument(click.Argument):
    """An argument that `--help` does not mention."""

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return nothing, so that the usage line leaves the argument out."""
        return []


def _stand_in(context: click.Context, _argument: click.Parameter, path: Path | None) -> None:
    if path is not None:
        context.default_map = {"config_path": path}
