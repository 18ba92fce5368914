"""`deeplab up`."""

from pathlib import Path

import click

from worker.cli.options import address_options, insecure_option


@click.command(epilog="Example: deeplab up --data /path/to/datasets")
@address_options
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the database, broker, logs and job files.  [default: ~/.deeplab, or DEEPLAB_HOME]",
)
@click.option(
    "--data",
    "data",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    metavar="DIR",
    multiple=True,
    help="Folder that the dashboard may list and jobs may use; repeatable.",
)
@insecure_option
@click.option("--no-web", is_flag=True, help="Start no web server.")
def up(
    host: str | None, port: int | None, home: Path | None, data: tuple[Path, ...], insecure: bool, no_web: bool
) -> None:
    """Start the platform on this machine.

    Runs the database, the broker, a worker for each queue and the web server, and restarts any that dies. Ctrl-C stops
    everything; a running train job saves a checkpoint first. Jobs continue when the platform is started again.

    Open the link that it prints to sign in to the dashboard. An address that others can reach needs an admin, whom
    `deeplab user add` creates.
    """
    from worker.jobs.home import close_home
    from worker.jobs.settings import load_settings
    from worker.platform.up import Platform, run

    click.echo("Starting the platform; this takes a few seconds.")
    given = {"host": host, "port": port, "home": home, "auth": "off" if insecure else None}
    settings = load_settings(**given)
    if data:
        settings = load_settings(**given, data_roots=(*settings.roots, *data))
    run(Platform(close_home(settings), web=not no_web, say=click.echo))
