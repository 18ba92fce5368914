"""How the commands that read a data set are told which one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def config_argument(command: F) -> F:
    """CONFIG and `--set`, which the command receives as `config_path` and `overrides`."""
    command = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Configuration key to change, as DATASET.ROOT=/data; may be given several times.",
    )(command)
    return click.argument("config_path", metavar="CONFIG", type=click.Path(path_type=Path))(command)
