"""`deeplab dataset`."""

import click

from worker.cli.dataset import registered
from worker.cli.dataset.check import check
from worker.cli.dataset.download import download
from worker.cli.dataset.import_ import import_command
from worker.cli.dataset.preview import preview_command


@click.group()
def dataset() -> None:
    """Download, import, check, preview and register datasets."""


for _command in (
    download,
    import_command,
    check,
    preview_command,
    registered.register,
    registered.list_,
    registered.show,
    registered.refresh,
    registered.rename,
    registered.remove,
):
    dataset.add_command(_command)
