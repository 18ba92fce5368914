"""`deeplab test`."""

from pathlib import Path
from typing import get_args

import click

from deeplab.catalog import LogitsDtype
from worker.cli.foreground.devices import DeviceCommand, devices_option, is_shared_out
from worker.cli.foreground.options import device_options, model_option, runtime_options, split_option
from worker.cli.options import config_options
from worker.cli.output import json_option


@click.command(cls=DeviceCommand, epilog="Example: deeplab test -c configs/voc12.yaml -m model.pth")
@config_options
@model_option
@split_option
@click.option("--logits/--no-logits", default=True, show_default=True, help="Save the logits that `deeplab crf` needs.")
@click.option(
    "--logits-dtype",
    type=click.Choice(get_args(LogitsDtype)),
    default="float32",
    show_default=True,
    help="Precision of the saved logits; float16 takes half the space.",
)
@runtime_options
@device_options
@devices_option
@json_option
def test(
    config_path: Path,
    overrides: tuple[str, ...],
    model_path: Path | None,
    split: str | None,
    logits: bool,
    logits_dtype: LogitsDtype,
    device: str,
    devices: int | str | None,
    as_json: bool,
) -> None:
    """Evaluate a checkpoint on a split.

    Writes the scores to EXP.OUTPUT_DIR/scores/.../scores.json and the logits to
    EXP.OUTPUT_DIR/features/.../logit/<id>.npy. Uses all visible GPUs.
    """
    from deeplab.config import load_config
    from deeplab.evaluate import evaluate
    from deeplab.processes import is_main_process
    from worker.cli.foreground.experiment import logits_dir, scores_path
    from worker.cli.foreground.scores import print_scores, save_scores
    from worker.cli.reporter import STARTS_OVER, report_progress

    config = load_config(config_path, overrides)
    if is_shared_out(devices, device):
        return
    split = split or config.DATASET.SPLIT.VAL
    folder = logits_dir(config, split) if logits else None
    with report_progress(STARTS_OVER) as reporter:
        scores = evaluate(
            config, model_path, reporter, split=split, device=device, logits_dir=folder, logits_dtype=logits_dtype
        )
    if not is_main_process():
        return
    path = scores_path(config, split, crf=False)
    save_scores(path, scores)
    print_scores(config, scores, path, as_json)
