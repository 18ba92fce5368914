"""`deeplab dataset`."""

import click

from worker.cli.dataset.check import check
from worker.cli.dataset.download import download
from worker.cli.dataset.import_ import import_command
from worker.cli.dataset.preview import preview_command
from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store


@click.group()
def dataset() -> None:
    """Download, import, check, preview and register datasets."""


dataset.add_command(download)
dataset.add_command(import_command)
dataset.add_command(check)
dataset.add_command(preview_command)


@dataset.command(epilog="Example: deeplab dataset register street /path/to/datasets/street")
@click.argument("name")
@click.argument("root")
@click.option("--labels", metavar="FILE", help="Labels file.  [default: ROOT/labels.txt]")
@json_option
def register(name: str, root: str, labels: str | None, as_json: bool) -> None:
    """Register a dataset under a name, for jobs to use.

    ROOT is a folder with images/, masks/, split lists and a labels file. A text file of which no line names an image is
    no split list.
    """
    from deeplab.datasets.layouts.survey import survey_folder
    from deeplab.mirrors import local_path
    from worker.jobs import datasets, storage
    from worker.jobs.plain_json import as_json as to_json
    from worker.jobs.settings import load_settings

    storage.mount(load_settings())
    folder = survey_folder(local_path(root), local_path(labels) if labels else None)
    with open_store(writes=True, create=True) as session:
        registered = datasets.register(session, name, folder)
    if as_json:
        print_json({**to_json(registered), "passed_over": folder.passed_over, "other_texts": folder.other_texts})
        return
    click.echo(f"Registered {name}: {registered.n_classes} classes, {_splits(registered.splits)}.")
    for note in folder.notes:
        click.echo(note)


@dataset.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the registered datasets."""
    from worker.jobs import datasets

    with open_store() as session:
        found = datasets.list_datasets(session)
    if as_json:
        print_json(found)
        return
    rows = [(each.name, each.n_classes, _splits(each.splits), each.root) for each in found]
    print_table(("NAME", "CLASSES", "SPLITS", "FOLDER"), rows, "No datasets found.")


def _splits(splits: dict[str, int]) -> str:
    return ", ".join(f"{name} {n_images}" for name, n_images in splits.items())
