"""`deeplab checkpoint`."""

import click

from deeplab.formats import percent, plural, size
from worker.cli.checkpoint.alias import alias
from worker.cli.checkpoint.argument import checkpoint_argument
from worker.cli.checkpoint.delete import delete
from worker.cli.checkpoint.download import download
from worker.cli.options import number_option
from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store


@click.group()
def checkpoint() -> None:
    """List, show, name, fetch, add and delete checkpoints.

    CHECKPOINT is an id, an alias such as champion, or job:ID for the best checkpoint of a job.
    """


checkpoint.add_command(alias)
checkpoint.add_command(download)
checkpoint.add_command(delete)


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
            " ".join([*each.aliases, *["best"] * each.is_best, *["pinned"] * each.pinned]),
            "; ".join(
                f"{percent(score.mean_iou)} {describe_score(score, each.dataset)}" for score in each.other_scores
            ),
            each.path,
        )
        for each in found
    ]
    headings = ("ID", "JOB", "ITERATION", "SIZE", "MEAN IOU", "SPLIT", "", "OTHER SCORES", "FILE")
    print_table(headings, rows, "No checkpoints found.")


@checkpoint.command(epilog="Example: deeplab checkpoint show champion")
@checkpoint_argument
@json_option
def show(checkpoint: str, as_json: bool) -> None:
    """Show a checkpoint and the configuration it was trained with."""
    import yaml

    from worker.jobs.plain_json import as_json as to_json
    from worker.jobs.records import aliases, checkpoints
    from worker.jobs.records.scores import describe_score

    with open_store() as session:
        found = aliases.find_checkpoint(session, checkpoint)
        config = checkpoints.read_config(session, found)
    if as_json:
        print_json({**to_json(found), "config": config})
        return
    click.echo(f"Checkpoint {found.id} of job {found.job_id}, iteration {found.iteration}")
    click.echo(f"File:      {found.path} ({size(found.n_bytes)})")
    click.echo(f"SHA-256:   {found.sha256}")
    best = ", the best of its job" if found.is_best else ""
    if found.aliases:
        click.echo(f"Aliases:   {', '.join(found.aliases)}")
    if found.pinned:
        click.echo("Pinned:    yes, it is kept whatever rules say")
    on_split = f" on {found.split}" if found.mean_iou is not None else ""
    click.echo(f"Mean IoU:  {_score(found.mean_iou) or 'not evaluated'}{on_split}{best}")
    for score in found.other_scores:
        click.echo(
            f"           {_score(score.mean_iou)} on {describe_score(score, found.dataset)} (job {score.job_id})"
        )
    click.echo(f"\n{yaml.safe_dump(config, sort_keys=False, allow_unicode=True)}", nl=False)


@checkpoint.command()
@checkpoint_argument
def pin(checkpoint: str) -> None:
    """Keep a checkpoint, whatever its training's SOLVER.KEEP_LAST and `checkpoint prune` say."""
    _pin(checkpoint, pinned=True)


@checkpoint.command()
@checkpoint_argument
def unpin(checkpoint: str) -> None:
    """Let a checkpoint be deleted again by rules."""
    _pin(checkpoint, pinned=False)


@checkpoint.command(epilog="Example: deeplab checkpoint prune --job 3 --keep-best 2 --keep-last 1 --yes")
@click.option("--job", "job_id", type=int, metavar="ID", required=True, help="The train job.")
@number_option("--keep-best", default=1, at_least=0, text="Keep so many of the highest mean IoU.")
@number_option("--keep-last", default=1, text="Keep so many of the highest iterations.")
@click.option("--yes", is_flag=True, help="Delete them. Without this, only say which would be deleted.")
@json_option
def prune(job_id: int, keep_best: int, keep_last: int, yes: bool, as_json: bool) -> None:
    """Delete the checkpoints of a job but for the best and the last ones.

    Those stay that are pinned, the best or the result of a job, or that a job was submitted with.
    """
    from worker.jobs.cleaning import retention
    from worker.jobs.settings import load_settings

    settings, rules = load_settings(), retention.Rules(keep_best, keep_last)
    with open_store(settings) as session:
        found = retention.choose(session, job_id, rules)
    if yes:
        found = retention.prune(settings, job_id, rules)
    if as_json:
        print_json({"checkpoints": found, "deleted": yes, "n_bytes": retention.n_bytes(found)})
        return
    rows = [(each.id, each.iteration, size(each.n_bytes), _score(each.mean_iou)) for each in found]
    print_table(("ID", "ITERATION", "SIZE", "MEAN IOU"), rows, "Nothing to delete.")
    if found:
        total = f"{plural(len(found), 'checkpoint')}, {size(retention.n_bytes(found))}"
        click.echo(f"Deleted {total}." if yes else f"This would delete {total}; --yes does.")


def _pin(checkpoint: str, *, pinned: bool) -> None:
    from worker.jobs.records import aliases, checkpoints

    with open_store(writes=True) as session:
        found = checkpoints.pin(session, aliases.find_checkpoint(session, checkpoint).id, pinned=pinned)
    click.echo(f"Checkpoint {found.id} is {'pinned' if pinned else 'no longer pinned'}.")


def _score(mean_iou: float | None) -> str:
    return "" if mean_iou is None else percent(mean_iou)
