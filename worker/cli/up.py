"""`deeplab up`."""

from pathlib import Path

import click


@click.command()
@click.option("--host", help="Address to bind to.  [default: 127.0.0.1, or DEEPLAB_HOST]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8000, or DEEPLAB_PORT]")
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Folder of the database, broker, logs and job files.  [default: ~/.deeplab, or DEEPLAB_HOME]",
)
@click.option(
    "--data",
    "data",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    multiple=True,
    help="A folder whose contents the dashboard may list and jobs may use; may be given several times.",
)
@click.option("--no-web", is_flag=True, help="Run the workers without the dashboard.")
def up(host: str | None, port: int | None, home: Path | None, data: tuple[Path, ...], no_web: bool) -> None:
    """Run the whole platform on this machine until Ctrl-C.

    Starts the database, a broker, a GPU-or-CPU worker, a CPU worker and the web server, starts again what dies,
    and stops everything on Ctrl-C. A running job then saves a checkpoint, and continues when the platform is
    started again.
    """
    from worker.jobs.settings import load_settings
    from worker.platform.up import Platform, run

    settings = load_settings(host=host, port=port, home=home)
    if data:
        settings = load_settings(host=host, port=port, home=home, data_roots=(*settings.roots, *data))
    run(Platform(settings, web=not no_web, say=click.echo))
