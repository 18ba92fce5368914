"""`deeplab checkpoint download`."""

from pathlib import Path

import click

from worker.cli.checkpoint.argument import checkpoint_argument
from worker.cli.store import open_store


@click.command(epilog="Example: deeplab checkpoint download champion -o champion.pth")
@checkpoint_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write.  [default: checkpoint-ID.pth in this folder]",
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Also write its configuration (YAML).")
def download(checkpoint: str, output: Path | None, config: Path | None) -> None:
    """Copy the file of a checkpoint, wherever the platform keeps it, and compare the copy with its record."""
    import shutil

    import yaml

    from deeplab import remote
    from deeplab.errors import CheckpointError
    from deeplab.files import make_folder, replace_file, sha256_of, write_text
    from worker.jobs.records import aliases, checkpoints

    with open_store() as session:
        found = aliases.find_checkpoint(session, checkpoint)
        trained_with = checkpoints.read_config(session, found)
    path = output or Path(f"checkpoint-{found.id}{found.path.suffix}")
    make_folder(path.parent)
    try:
        if sha256_of(found.path) != found.sha256:
            raise CheckpointError(f"Checkpoint {found.id} is damaged: {found.path} has changed since it was recorded.")
        with remote.fetch(found.path).open("rb") as source, replace_file(path) as copy:
            shutil.copyfileobj(source, copy)
    except OSError as error:
        raise CheckpointError(f"Checkpoint {found.id} cannot be read: {found.path}: {error.strerror}.") from error
    click.echo(path)
    if config is not None:
        write_text(config, yaml.safe_dump(trained_with, sort_keys=False, allow_unicode=True))
        click.echo(config)
