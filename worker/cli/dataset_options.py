"""What the commands share that read a data set in the foreground."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

config_argument = click.argument("config", type=click.Path(path_type=Path))
set_option = click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change a key of the config.")


def stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """Let Ctrl-C end a command as it ends others: exit code 130, and no traceback."""

    @wraps(command)
    def run(**values: Any) -> None:
        from deeplab.reporter import Stopped

        try:
            command(**values)
        except Stopped:
            raise SystemExit(130) from None

    return run
