"""`deeplab test` and `deeplab crf`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from deeplab.catalog import LogitsDtype
from worker.cli.foreground.options import config_options, device_options, model_option, runtime_options, split_option
from worker.cli.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from deeplab.config import Config


@click.command()
@config_options
@model_option
@split_option
@click.option("--logits/--no-logits", default=True, show_default=True, help="Save what `deeplab crf` needs.")
@click.option(
    "--logits-dtype",
    type=click.Choice(get_args(LogitsDtype)),
    default="float32",
    show_default=True,
    help="Of the saved logits; float16 takes half the disk.",
)
@runtime_options
@device_options
@json_option
def test(
    config_path: Path,
    overrides: tuple[str, ...],
    model_path: Path | None,
    split: str | None,
    logits: bool,
    logits_dtype: LogitsDtype,
    device: str,
    as_json: bool,
) -> None:
    """Score a checkpoint on a split.

    Writes EXP.OUTPUT_DIR/scores/.../scores.json and, for the CRF, EXP.OUTPUT_DIR/features/.../logit/<id>.npy.
    """
    from deeplab.config import load_config
    from deeplab.evaluate import evaluate
    from worker.cli.foreground.experiment import logits_dir, save_scores, scores_path
    from worker.cli.reporting import console

    config = load_config(config_path, overrides)
    split = split or config.DATASET.SPLIT.VAL
    folder = logits_dir(config, split) if logits else None
    with console(lambda _: "The same command starts over.") as reporter:
        scores = evaluate(
            config, model_path, reporter, split=split, device=device, logits_dir=folder, logits_dtype=logits_dtype
        )
    path = scores_path(config, split, crf=False)
    save_scores(path, scores)
    _print_scores(config, scores, path, as_json)


@click.command()
@config_options
@split_option
@click.option("-j", "--n-jobs", type=click.IntRange(1), help="Images at a time on the processor.  [default: all cores]")
@click.option(
    "--grid",
    multiple=True,
    metavar="KEY=V,V,...",
    help="Values to try for a CRF parameter, as BI_W=2,4,8; may be given several times.",
)
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Images to try them on.  [default: all]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides which images those are.")
@device_options
@json_option
def crf(
    config_path: Path,
    overrides: tuple[str, ...],
    split: str | None,
    n_jobs: int | None,
    grid: tuple[str, ...],
    sample: int | None,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Refine saved logits with a dense CRF.

    Reads what `deeplab test` saved, and writes EXP.OUTPUT_DIR/scores/.../scores_crf.json. With --grid it tries every
    combination of the values on a sample of the images instead, and writes crf_search.json.
    """
    from deeplab.config import load_config

    config = load_config(config_path, overrides)
    split = split or config.DATASET.SPLIT.VAL
    if grid:
        from worker.cli.foreground.crf_search import search_grid

        search_grid(config, split, grid, sample=sample, seed=seed, jobs=n_jobs, device=device, as_json=as_json)
        return
    if sample is not None:
        raise click.UsageError("--sample is for a search; give --grid too.")
    _refine(config, split, n_jobs, device, as_json)


def _refine(config: "Config", split: str, jobs: int | None, device: str, as_json: bool) -> None:
    from deeplab.crf.refinement import refine
    from worker.cli.foreground.experiment import logits_dir, save_scores, scores_path
    from worker.cli.reporting import console

    with console(lambda _: "The same command starts over.") as reporter:
        scores = refine(config, logits_dir(config, split), reporter, split=split, jobs=jobs, device=device)
    path = scores_path(config, split, crf=True)
    save_scores(path, scores)
    _print_scores(config, scores, path, as_json)


def _print_scores(config: "Config", scores: Mapping[str, Any], path: Path, as_json: bool) -> None:
    from deeplab.datasets.class_names import class_names_of
    from worker.cli.foreground.experiment import scores_as_original

    if as_json:
        print_json(scores_as_original(scores))
        return
    class_iou = scores["class_iou"]
    names = class_names_of(config.DATASET)
    rows = [
        (name, "does not occur" if iou != iou else f"{iou:.1%}") for name, iou in zip(names, class_iou, strict=True)
    ]
    print_table(("CLASS", "IOU"), rows, "")
    click.echo(
        f"\nMean IoU {scores['mean_iou']:.1%}, pixel accuracy {scores['pixel_accuracy']:.1%},"
        f" mean accuracy {scores['mean_accuracy']:.1%},"
        f" frequency-weighted IoU {scores['frequency_weighted_iou']:.1%} over {scores['n_images']} images."
    )
    click.echo(f"Scores: {path}")
