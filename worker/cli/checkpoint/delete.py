"""`deeplab checkpoint delete`."""

import click

from worker.cli.checkpoint.argument import checkpoint_argument
from worker.cli.store import open_store


@click.command(epilog="Example: deeplab checkpoint delete 12 --yes")
@checkpoint_argument
@click.option("--yes", is_flag=True, help="Delete it. Without this, only say what would be deleted.")
def delete(checkpoint: str, yes: bool) -> None:
    """Delete a checkpoint with its file, unless it is pinned, has an alias, or other jobs used it."""
    from worker.jobs.cleaning import checkpoint_deletion
    from worker.jobs.records import aliases
    from worker.jobs.settings import load_settings

    settings = load_settings()
    with open_store(settings) as session:
        loss = checkpoint_deletion.foresee(session, aliases.find_checkpoint(session, checkpoint).id)
    if yes:
        checkpoint_deletion.delete_checkpoint(settings, loss.checkpoint_id)
        click.echo(f"{loss} Done.")
    else:
        click.echo(f"{loss} To do it: deeplab checkpoint delete {loss.checkpoint_id} --yes")
