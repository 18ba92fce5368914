"""How commands take a checkpoint: by its id, an alias, or the job whose best one is meant."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from worker.cli import completion

F = TypeVar("F", bound=Callable[..., Any])


def checkpoint_argument(command: F) -> F:
    """`CHECKPOINT`, which the command receives as a text for `worker.jobs.records.aliases.find_checkpoint`."""
    return click.argument("checkpoint", metavar="CHECKPOINT", shell_complete=completion.checkpoints)(command)
