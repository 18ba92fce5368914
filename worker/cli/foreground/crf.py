"""`deeplab crf`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.foreground.options import device_options, split_option
from worker.cli.options import config_options, seed_option
from worker.cli.output import json_option

if TYPE_CHECKING:
    from deeplab.config import Config


@click.command(epilog="Example: deeplab crf -c configs/voc12.yaml --grid BI_W=2,4,8 --sample 100")
@config_options
@split_option
@click.option(
    "-j", "--n-jobs", type=click.IntRange(1), metavar="N", help="Images at a time on the CPU.  [default: one per core]"
)
@click.option(
    "--grid",
    multiple=True,
    metavar="KEY=V,V,...",
    help="Search: values to try for a CRF parameter, such as BI_W=2,4,8; repeatable.",
)
@click.option(
    "--sample", type=click.IntRange(1), metavar="N", help="Search: number of images to try them on.  [default: all]"
)
@seed_option("Search: random seed that picks those images.")
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

    Reads the logits that `deeplab test` saved, and writes the new scores to
    EXP.OUTPUT_DIR/scores/.../scores_crf.json. With --grid, searches for better parameters instead: tries every
    combination of the given values and writes crf_search.json.
    """
    from deeplab.config import load_config

    config = load_config(config_path, overrides)
    split = split or config.DATASET.SPLIT.VAL
    if grid:
        from worker.cli.foreground.crf_search import search_grid

        search_grid(config, split, grid, sample=sample, seed=seed, jobs=n_jobs, device=device, as_json=as_json)
        return
    if sample is not None:
        raise click.UsageError("--sample needs --grid.")
    _refine(config, split, n_jobs, device, as_json)


def _refine(config: "Config", split: str, jobs: int | None, device: str, as_json: bool) -> None:
    from deeplab.crf.refinement import refine
    from worker.cli.foreground.experiment import logits_dir, scores_path
    from worker.cli.foreground.scores import print_scores, save_scores
    from worker.cli.reporter import STARTS_OVER, report_progress

    with report_progress(STARTS_OVER) as reporter:
        scores = refine(config, logits_dir(config, split), reporter, split=split, jobs=jobs, device=device)
    path = scores_path(config, split, crf=True)
    save_scores(path, scores)
    print_scores(config, scores, path, as_json)
