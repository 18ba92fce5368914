"""`deeplab dataset download`."""

from pathlib import Path

import click

from deeplab.files import real_path
from worker.cli.output import json_option, print_json

_NAMES = ("voc12", "cocostuff10k", "cocostuff164k")


@click.command(epilog="Example: deeplab dataset download voc12 data/datasets")
@click.argument("name", type=click.Choice(_NAMES))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--mirror", metavar="URL", help="Download the archives from this address instead.")
@json_option
def download(name: str, folder: Path, mirror: str | None, as_json: bool) -> None:
    """Download a public dataset into FOLDER and unpack it.

    An interrupted download continues when the command is run again. The archives are kept.
    """
    from worker.cli.reporter import CONTINUES, report_progress
    from worker.downloads.datasets import PUBLISHED, fetch

    with report_progress(CONTINUES) as reporter:
        root = fetch(PUBLISHED[name], real_path(folder), reporter, mirror=mirror)
    if as_json:
        print_json({"name": name, "root": root})
    else:
        click.echo(f"{name} is complete. Set DATASET.ROOT to: {root}")
