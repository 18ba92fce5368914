"""`deeplab web`."""

import os

import click


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1, or DEEPLAB_HOST]")
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="N", help="Port to listen on.  [default: 8000, or DEEPLAB_PORT]"
)
def web(host: str | None, port: int | None) -> None:
    """Start only the web server.

    It serves the dashboard and the JSON API of a platform that spans several machines. On one machine, `deeplab up`
    starts everything.
    """
    from worker.jobs.home import close_home
    from worker.jobs.settings import load_settings
    from worker.platform import web_server

    settings = close_home(load_settings(host=host, port=port))
    listener = web_server.listen(settings.host, settings.port)
    listener.set_inheritable(True)
    click.echo(f"DeepLab listens on {web_server.address(settings)}. Ctrl-C stops it.")
    command = web_server.command(listener)
    os.execve(command[0], command, settings.environment())  # noqa: S606  (no shell is wanted)
