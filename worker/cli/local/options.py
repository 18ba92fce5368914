"""Options that the local verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def config_options(command: F) -> F:
    """`-c` and `--set`, which the command receives as `config_path` and `overrides`."""
    command = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Configuration key to change, as SOLVER.LR=1e-3; may be given several times.",
    )(command)
    return click.option(
        "-c", "--config-path", type=click.Path(path_type=Path), required=True, help="Configuration file, YAML."
    )(command)


def model_option(command: F) -> F:
    """`-m`, which the command receives as `model_path`."""
    return click.option(
        "-m", "--model-path", type=click.Path(path_type=Path), required=True, help="Checkpoint or weights file."
    )(command)


def split_option(command: F) -> F:
    """`-s`, which the command receives as `split`."""
    return click.option("-s", "--split", help="Name of the split list.  [default: DATASET.SPLIT.VAL]")(command)


def device_options(command: F) -> F:
    """`--device`, and the original's `--cuda` and `--cpu` for two of its values; received as `device`."""
    command = click.option("--cpu", "device", flag_value="cpu", help="The same as --device cpu.")(command)
    command = click.option("--cuda", "device", flag_value="auto", help="The same as --device auto.")(command)
    return click.option(
        "--device", default="auto", show_default=True, help="auto (a GPU where there is one), cpu, cuda or cuda:N."
    )(command)
