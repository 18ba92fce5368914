"""Options that the local verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from deeplab.catalog import Precision
from worker.cli.options import key_option

F = TypeVar("F", bound=Callable[..., Any])


def model_option(command: F) -> F:
    """`-m`, which the command receives as `model_path`, and `--weights` to stand in for it."""
    return click.option(
        "-m",
        "--model-path",
        type=click.Path(path_type=Path),
        help="Checkpoint or weights file.  [default: what MODEL.WEIGHTS names]",
    )(weights_option(command))


def weights_option(command: F) -> F:
    """`--weights NAME`, the same as `--set MODEL.WEIGHTS=NAME`: it joins the `overrides` of `config_options`."""
    return key_option(
        "--weights",
        key="MODEL.WEIGHTS",
        metavar="NAME",
        help="Published weights of a model of torchvision's, as COCO_WITH_VOC_LABELS_V1.",
    )(command)


def train_bn_option(command: F) -> F:
    """`--train-bn`, the same as `--set SOLVER.FREEZE_BN=false`."""
    return key_option(
        "--train-bn",
        key="SOLVER.FREEZE_BN",
        flag_value="false",
        help="Train batch norm too, as v3 and v3+ from random weights need.",
    )(command)


def runtime_options(command: F) -> F:
    """`--precision` and `--compile`, the same as `--set RUNTIME.PRECISION=...` and `--set RUNTIME.COMPILE=true`."""
    command = key_option("--compile", key="RUNTIME.COMPILE", is_flag=True, help="Compile the network first.")(command)
    return key_option(
        "--precision",
        key="RUNTIME.PRECISION",
        type=click.Choice(get_args(Precision)),
        help="Of the network's arithmetic.  [default: RUNTIME.PRECISION]",
    )(command)


def split_option(command: F) -> F:
    """`-s`, which the command receives as `split`."""
    return click.option("-s", "--split", help="Name of the split list.  [default: DATASET.SPLIT.VAL]")(command)


def crf_option(command: F) -> F:
    """`--crf`, which the command receives as `crf`."""
    return click.option("--crf", is_flag=True, help="Refine the result with the dense CRF.")(command)


def device_options(command: F) -> F:
    """`--device`, and the original's `--cuda` and `--cpu` for two of its values; received as `device`."""
    command = click.option("--cpu", "device", flag_value="cpu", help="The same as --device cpu.")(command)
    command = click.option("--cuda", "device", flag_value="auto", help="The same as --device auto.")(command)
    return click.option(
        "--device", default="auto", show_default=True, help="auto (a GPU where there is one), cpu, cuda or cuda:N."
    )(command)
