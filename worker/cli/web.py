"""`deeplab web`."""

import os

import click

from worker.cli.options import address_options, insecure_option

_DATABASE_SECONDS = 30  # that a database may take to come up, which a machine starts at the same time


@click.command()
@address_options
@insecure_option
def web(host: str | None, port: int | None, insecure: bool) -> None:
    """Start only the web server.

    It serves the dashboard and the JSON API of a platform that spans several machines. On one machine, `deeplab up`
    starts everything.
    """
    from worker.jobs.data_roots import warn_of_roots
    from worker.jobs.database import retry_for
    from worker.jobs.home import close_home
    from worker.jobs.settings import load_settings
    from worker.platform import entrance, web_server

    settings = close_home(load_settings(host=host, port=port, auth="off" if insecure else None))
    warn_of_roots(settings, writes=False)
    listener = web_server.listen(settings.host, settings.port)
    listener.set_inheritable(True)
    retry_for(lambda: entrance.prepare_entrance(settings, listener), _DATABASE_SECONDS)
    click.echo("\n".join([*entrance.greeting(settings, listener), "Ctrl-C stops it."]))
    command = web_server.command(listener)
    os.execve(command[0], command, settings.environment())  # noqa: S606  (no shell is wanted)
