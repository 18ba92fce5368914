"""`deeplab train`."""

from pathlib import Path

import click

from worker.cli.foreground.devices import DeviceCommand, devices_option, is_shared_out
from worker.cli.foreground.options import (
    device_options,
    runtime_options,
    train_bn_option,
    weights_option,
)
from worker.cli.options import config_options, seed_option
from worker.cli.output import json_option, print_json


@click.command("train", cls=DeviceCommand, epilog="Example: deeplab train -c configs/voc12.yaml")
@config_options
@weights_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for checkpoints and logs.  [default: under EXP.OUTPUT_DIR]",
)
@click.option("--resume", type=click.Path(path_type=Path), metavar="FILE", help="Checkpoint to resume from.")
@seed_option("Random seed. On a CPU, equal seeds give equal results.")
@train_bn_option
@runtime_options
@device_options
@devices_option
@json_option
def train_command(
    config_path: Path,
    overrides: tuple[str, ...],
    output: Path | None,
    resume: Path | None,
    seed: int,
    device: str,
    devices: int | str | None,
    as_json: bool,
) -> None:
    """Train a model.

    Saves checkpoints under EXP.OUTPUT_DIR/models and TensorBoard scalars under EXP.OUTPUT_DIR/logs, or both in the
    folder given by -o. With SOLVER.EVAL_EVERY, validates the model during training and names the best checkpoint at
    the end. Ctrl-C saves a checkpoint; --resume continues from it with the same result as an uninterrupted run.

    Uses all visible GPUs that can share SOLVER.BATCH_SIZE.TRAIN equally; the result is that of one.
    """
    from deeplab.config import load_config
    from deeplab.processes import is_main_process
    from deeplab.training.train import train
    from worker.cli.foreground.experiment import logs_dir, models_dir
    from worker.cli.reporter import report_progress

    config = load_config(config_path, overrides)
    if is_shared_out(devices, device, config.SOLVER.BATCH_SIZE.TRAIN):
        return
    with report_progress("Continue with --resume {checkpoint}") as reporter:
        logs = output / "logs" if output else logs_dir(config)
        output = output or models_dir(config)
        trained = train(config, output, reporter, logs_dir=logs, device=device, resume=resume, seed=seed)
    if not is_main_process():
        return
    if as_json:
        print_json(trained)
        return
    if trained.early_end is not None:
        click.echo(trained.early_end)
    click.echo(f"Trained: {trained.checkpoint}")
    click.echo(f"Weights: {trained.weights} (alone, for other code)")
    if trained.best is not None:
        where = "checkpoint deleted" if trained.best_checkpoint is None else trained.best_checkpoint
        click.echo(f"Best:    {where} (mean IoU {trained.best.mean_iou:.1%} at iteration {trained.best.iteration})")
