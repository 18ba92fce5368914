"""`deeplab checkpoint`."""

from dataclasses import asdict

import click

from deeplab.formats import size
from worker.cli.options import number_option
from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store


@click.group()
def checkpoint() -> None:
    """List and show the checkpoints of train jobs."""


@checkpoint.command("list")
@click.option("--job", "job_id", type=int, metavar="ID", help="Only checkpoints of this job.")
@number_option("--limit", default=50, text="At most this many.")
@json_option
def list_(job_id: int | None, limit: int, as_json: bool) -> None:
    """List checkpoints, newest first.

    MEAN IOU is that on SPLIT, which the training validates on, by the network alone: of the newest such evaluation,
    else of the training's own validation. OTHER SCORES are those on other splits and datasets, under other settings
    and with a CRF. "best" marks the checkpoint with the highest mean IoU among the validations of its job.
    """
    from worker.jobs.records import checkpoints
    from worker.jobs.records.scores import describe_score

    with open_store() as session:
        found = checkpoints.list_checkpoints(session, job_id, limit)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.id,
            each.job_id,
            each.iteration,
            size(each.n_bytes),
            _score(each.mean_iou),
            each.split,
            "best" if each.is_best else "",
            "; ".join(f"{score.mean_iou:.4f} {describe_score(score, each.dataset)}" for score in each.other_scores),
            each.path,
        )
        for each in found
    ]
    headings = ("ID", "JOB", "ITERATION", "SIZE", "MEAN IOU", "SPLIT", "", "OTHER SCORES", "FILE")
    print_table(headings, rows, "No checkpoints found.")


@checkpoint.command()
@click.argument("checkpoint_id", metavar="ID", type=int)
@json_option
def show(checkpoint_id: int, as_json: bool) -> None:
    """Show a checkpoint and the configuration it was trained with."""
    import yaml

    from worker.jobs.records import checkpoints
    from worker.jobs.records.scores import describe_score

    with open_store() as session:
        found = checkpoints.get(session, checkpoint_id)
        config = checkpoints.read_config(session, found)
    if as_json:
        print_json({**asdict(found), "config": config})
        return
    click.echo(f"Checkpoint {found.id} of job {found.job_id}, iteration {found.iteration}")
    click.echo(f"File:      {found.path} ({size(found.n_bytes)})")
    click.echo(f"SHA-256:   {found.sha256}")
    best = ", the best of its job" if found.is_best else ""
    on_split = f" on {found.split}" if found.mean_iou is not None else ""
    click.echo(f"Mean IoU:  {_score(found.mean_iou) or 'not evaluated'}{on_split}{best}")
    for score in found.other_scores:
        click.echo(
            f"           {_score(score.mean_iou)} on {describe_score(score, found.dataset)} (job {score.job_id})"
        )
    click.echo(f"\n{yaml.safe_dump(config, sort_keys=False, allow_unicode=True)}", nl=False)


def _score(mean_iou: float | None) -> str:
    return "" if mean_iou is None else f"{mean_iou:.4f}"
