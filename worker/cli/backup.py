"""`deeplab backup` and `deeplab restore`."""

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--files", is_flag=True, help="Add what jobs have written into the home: checkpoints, masks, logs.")
def backup(file: Path, files: bool) -> None:
    """Write a backup of the database into FILE, while the platform runs.

    PostgreSQL takes pg_dump of its own version. The home's secrets are left out: whoever is signed in has to sign in
    again after a restore.
    """
    from deeplab.formats import size
    from worker.jobs.operations.backup import back_up
    from worker.jobs.settings import load_settings

    description = back_up(load_settings(), file, files=files)
    what = "the database and the files of all jobs" if description.has_files else "the database"
    click.echo(f"{file}: {what}, {size(file.stat().st_size)}, revision {description.revision}.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def restore(file: Path) -> None:
    """Fill an empty home and an empty database from FILE, which `deeplab backup` wrote.

    The home may be another folder than before. An older backup is brought up to date.
    """
    from worker.jobs.operations import backup as backups
    from worker.jobs.settings import load_settings

    settings = load_settings()
    description = backups.restore(settings, file)
    click.echo(f"Restored revision {description.revision} into {settings.home}; jobs that were running start again.")
