"""Which dataset a command reads: a registered one, or that of a configuration."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from deeplab.errors import DatasetError
from worker.cli import completion
from worker.cli.options import config_option, set_option
from worker.cli.store import NoPlatformError, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deeplab.config import Config
    from worker.jobs.datasets import Dataset

F = TypeVar("F", bound=Callable[..., Any])


def dataset_options(command: F) -> F:
    """An argument that names the dataset, or `-c`, and `--set`, for `load_dataset`."""
    return click.argument("dataset", required=False, shell_complete=completion.datasets)(
        config_option(required=False)(set_option(command))
    )


def load_dataset(
    dataset: str | None, config_path: Path | None, overrides: "Sequence[str]"
) -> "tuple[Config, Sequence[str]]":
    """Read the configuration of the dataset that the options name.

    Args:
        dataset: the path of a configuration file or, where no such file is, the name of a registered dataset.
        config_path: the path of a configuration file, instead of `dataset`.
        overrides: of the configuration's keys.

    Returns:
        The configuration, and all splits of a registered dataset; those of others are what the configuration says.

    Raises:
        UsageError: if there is not exactly one of `dataset` and `config_path`.
        ConfigError: if the configuration is not valid.
        DatasetError: if there is neither such a file nor such a dataset.
    """
    from deeplab.config import load_config
    from worker.jobs.datasets import config_of

    if (dataset is None) == (config_path is None):
        raise click.UsageError("Expected either a dataset or '-c' / '--config-path'.")
    if config_path is not None:
        return load_config(config_path, overrides), ()
    name = str(dataset)
    if os.path.exists(name) and not os.path.isdir(name):  # noqa: PTH110, PTH112 -- these raise nothing
        return load_config(Path(name), overrides), ()
    registered = _registered()
    if name not in registered:
        names = ", ".join(registered) or "none"
        raise DatasetError(f"{name} is neither a configuration file nor a registered dataset (registered: {names}).")
    return config_of(registered[name], overrides), list(registered[name].splits)


def _registered() -> "dict[str, Dataset]":
    """The registered datasets by name; none if there is no platform."""
    from worker.jobs import datasets

    with suppress(NoPlatformError), open_store() as session:
        return {dataset.name: dataset for dataset in datasets.list_datasets(session)}
    return {}
