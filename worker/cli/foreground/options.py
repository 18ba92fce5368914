"""Options that the foreground commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import click

from deeplab.catalog import InferenceMode, Precision
from worker.cli.options import key_option

_GPU_OR_CPU = "--cuda"  # a value of `device` within this module
F = TypeVar("F", bound=Callable[..., Any])


def model_option(command: F) -> F:
    """`-m`, which the command receives as `model_path`, and `--weights` as an alternative."""
    return click.option(
        "-m",
        "--model-path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Checkpoint or weights file.  [default: the weights named by MODEL.WEIGHTS]",
    )(weights_option(command))


def weights_option(command: F) -> F:
    """`--weights NAME`, the same as `--set MODEL.WEIGHTS=NAME`: it joins the `overrides` of `config_options`."""
    return key_option(
        "--weights",
        key="MODEL.WEIGHTS",
        metavar="NAME",
        help="Published weights, such as COCO_WITH_VOC_LABELS_V1, or to train from IMAGENET1K_V2.",
    )(command)


def train_bn_option(command: F) -> F:
    """`--train-bn`, the same as `--set SOLVER.FREEZE_BN=false`."""
    return key_option(
        "--train-bn",
        key="SOLVER.FREEZE_BN",
        flag_value="false",
        help="Also train batch norm, as v3 and v3+ need from random weights.",
    )(command)


def runtime_options(command: F) -> F:
    """`--precision` and `--compile`, the same as `--set RUNTIME.PRECISION=...` and `--set RUNTIME.COMPILE=true`."""
    command = key_option("--compile", key="RUNTIME.COMPILE", is_flag=True, help="Compile the model first.")(command)
    return key_option(
        "--precision",
        key="RUNTIME.PRECISION",
        type=click.Choice(get_args(Precision)),
        help="Precision of the model's computations.  [default: RUNTIME.PRECISION]",
    )(command)


def _saying_where(command: F) -> F:
    """Take `--cuda` for "auto", as the original does, but say so where there is no GPU."""

    @wraps(command)
    def run(*arguments: Any, device: str, **options: Any) -> Any:
        if device == _GPU_OR_CPU:
            from deeplab.models.device import choose_device

            device = "auto"
            if choose_device(device).type == "cpu":
                click.echo("--cuda: PyTorch finds no GPU on this machine, so the CPU is used.", err=True)
        return command(*arguments, device=device, **options)

    return cast(F, run)


def inference_options(command: F) -> F:
    """`--mode`, `--window`, `--scales` and `--flip`, the same as `--set INFERENCE.MODE=...` and so on."""
    command = key_option("--flip", key="INFERENCE.FLIP", is_flag=True, help="Average with the mirror image.")(command)
    command = key_option(
        "--scales",
        key="INFERENCE.SCALES",
        spell=lambda scales: f"[{scales}]",
        metavar="S,S,...",
        help="Average over these scales of the image, such as 0.75,1,1.25.  [default: INFERENCE.SCALES]",
    )(command)
    command = key_option(
        "--window",
        key="INFERENCE.WINDOW",
        type=click.IntRange(16),
        metavar="N",
        help="Side of the windows of --mode slide, pixels.  [default: INFERENCE.WINDOW]",
    )(command)
    return key_option(
        "--mode",
        key="INFERENCE.MODE",
        type=click.Choice(get_args(InferenceMode)),
        help="Look at images whole, or slide a window over them.  [default: INFERENCE.MODE]",
    )(command)


def split_option(command: F) -> F:
    """`-s`, which the command receives as `split`."""
    return click.option("-s", "--split", metavar="NAME", help="Split to use.  [default: DATASET.SPLIT.VAL]")(command)


def crf_option(command: F) -> F:
    """`--crf`, which the command receives as `crf`."""
    return click.option("--crf", is_flag=True, help="Refine the result with the dense CRF.")(command)


def device_options(command: F) -> F:
    """`--device`, and the original's `--cuda` and `--cpu` for two of its values; received as `device`."""
    command = _saying_where(command)
    command = click.option("--cpu", "device", flag_value="cpu", help="Same as --device cpu.")(command)
    command = click.option("--cuda", "device", flag_value=_GPU_OR_CPU, help="Same as --device auto.")(command)
    return click.option(
        "--device",
        metavar="NAME",
        default="auto",
        show_default=True,
        help="auto (a GPU if there is one), cpu, cuda or cuda:N.",
    )(command)
