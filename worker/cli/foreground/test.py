"""`deeplab test`."""

from pathlib import Path
from typing import Any, get_args

import click

from deeplab.catalog import LogitsDtype
from deeplab.formats import plural
from worker.cli.foreground.devices import DeviceCommand, devices_option, is_shared_out
from worker.cli.foreground.options import device_options, inference_options, model_option, runtime_options, split_option
from worker.cli.options import config_options
from worker.cli.output import json_option, print_json


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
@click.option(
    "--masks",
    "masks_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the predicted masks there, as ID.png; the split then needs no ground truth.",
)
@click.option(
    "--confidence",
    "confidence_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the probability of each pixel's class there, as grey ID.png.",
)
@click.option("--boundary-iou", is_flag=True, help="Also score single images and the boundaries of the classes.")
@inference_options
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
    masks_dir: Path | None,
    confidence_dir: Path | None,
    boundary_iou: bool,
    device: str,
    devices: int | str | None,
    as_json: bool,
) -> None:
    """Evaluate a checkpoint on a split.

    Writes the scores to EXP.OUTPUT_DIR/scores/.../scores.json and the logits to
    EXP.OUTPUT_DIR/features/.../logit/<id>.npy. With --masks, a split without ground truth is labelled, not scored. Uses
    all visible GPUs.
    """
    from deeplab.config import load_config
    from deeplab.datasets.split import has_ground_truth
    from deeplab.evaluation.evaluate import evaluate, label_split
    from deeplab.processes import is_main_process
    from worker.cli.foreground.experiment import logits_dir, scores_path
    from worker.cli.foreground.scores import print_scores, save_scores
    from worker.cli.reporter import STARTS_OVER, report_progress

    config = load_config(config_path, overrides)
    if is_shared_out(devices, device):
        return
    split = split or config.DATASET.SPLIT.VAL
    options: dict[str, Any] = {
        "split": split,
        "device": device,
        "logits_dir": logits_dir(config, split) if logits else None,
        "logits_dtype": logits_dtype,
        "confidence_dir": confidence_dir,
    }
    if masks_dir is not None and not has_ground_truth(config, split):
        with report_progress(STARTS_OVER) as reporter:
            n_images = label_split(config, model_path, reporter, masks_dir, **options)
        if not is_main_process():
            return
        if as_json:
            print_json({"masks": masks_dir, "n_images": n_images})
            return
        click.echo(f"No scores: the split {split!r} has no ground truth.")
        click.echo(f"Masks of {plural(n_images, 'image')}: {masks_dir}")
        return
    with report_progress(STARTS_OVER) as reporter:
        scores = evaluate(config, model_path, reporter, masks_dir=masks_dir, boundary_iou=boundary_iou, **options)
    if not is_main_process():
        return
    path = scores_path(config, split, crf=False)
    save_scores(path, scores)
    print_scores(config, scores, path, as_json)
    if masks_dir is not None and not as_json:
        click.echo(f"Masks: {masks_dir}")
