"""`deeplab login-link`."""

import click

from deeplab.errors import DeepLabError


class NoLinkError(DeepLabError):
    """No link would sign anybody in."""


@click.command("login-link")
def login_link() -> None:
    """Print a link that signs in to the dashboard once.

    It signs in the built-in admin `local`, and is valid for ten minutes. `deeplab up` prints one as well.
    """
    from worker.cli.store import open_store
    from worker.jobs.settings import load_settings
    from worker.platform import entrance, web_server
    from worker.platform.home_lock import platform_at

    settings = load_settings()
    if settings.auth != "auto":
        raise NoLinkError(f"DEEPLAB_AUTH is {settings.auth}: no link signs anybody in.")
    with open_store(settings):
        pass  # says so if there is no platform yet
    holder = platform_at(settings)
    address = holder.address if holder is not None and holder.address is not None else web_server.address(settings)
    click.echo(entrance.new_login_link(settings, address))
    if holder is None and settings.embedded_broker:
        click.echo(f"No platform is running in {settings.home}. Start it with: deeplab up", err=True)
