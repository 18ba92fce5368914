"""`deeplab checkpoint`."""

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

    "best" marks the checkpoint with the highest mean IoU among the validations of its job.
    """
    from worker.jobs.records import checkpoints

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
            "best" if each.is_best else "",
            each.path,
        )
        for each in found
    ]
    print_table(("ID", "JOB", "ITERATION", "SIZE", "MEAN IOU", "", "FILE"), rows, "No checkpoints found.")


@checkpoint.command()
@click.argument("checkpoint_id", metavar="ID", type=int)
@json_option
def show(checkpoint_id: int, as_json: bool) -> None:
    """Show a checkpoint and the configuration it was trained with."""
    import yaml

    from worker.jobs.records import checkpoints

    with open_store() as session:
        found = checkpoints.get(session, checkpoint_id)
    if as_json:
        print_json(found)
        return
    click.echo(f"Checkpoint {found.id} of job {found.job_id}, iteration {found.iteration}")
    click.echo(f"File:      {found.path} ({size(found.n_bytes)})")
    click.echo(f"SHA-256:   {found.sha256}")
    best = ", the best of its job" if found.is_best else ""
    click.echo(f"Mean IoU:  {_score(found.mean_iou) or 'not evaluated'}{best}")
    click.echo(f"\n{yaml.safe_dump(found.config, sort_keys=False, allow_unicode=True)}", nl=False)


def _score(mean_iou: float | None) -> str:
    return "" if mean_iou is None else f"{mean_iou:.4f}"
