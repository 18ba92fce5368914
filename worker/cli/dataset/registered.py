"""`deeplab dataset register`, `list`, `show`, `refresh`, `rename` and `remove`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from deeplab.catalog import DATASET_NAMES
from worker.cli import completion
from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store
from worker.jobs.plain_json import as_json as to_json

if TYPE_CHECKING:
    from worker.jobs.dataset_surveys import Surveyed
    from worker.jobs.datasets import Dataset

_SHOWN = 10  # jobs that a list names


@click.command(epilog="Example: deeplab dataset register street /path/to/datasets/street")
@click.argument("name")
@click.argument("root")
@click.option(
    "--labels", metavar="FILE", help="Labels file.  [default: ROOT/labels.txt, or that of a published layout]"
)
@click.option(
    "--layout",
    type=click.Choice(DATASET_NAMES),
    default="folder",
    show_default=True,
    help="How the files lie, as DATASET.NAME.",
)
@click.option(
    "--category-ids",
    type=click.Choice(("original", "contiguous")),
    help="Layout coco: as DATASET.CATEGORY_IDS.  [default: original]",
)
@json_option
def register(name: str, root: str, labels: str | None, layout: str, category_ids: str | None, as_json: bool) -> None:
    """Register a dataset under a name, for jobs to use.

    ROOT is a folder with images/, masks/, split lists and a labels file, or one of another layout. A text file of which
    no line names an image is no split list. Some images of each split are read with their masks; what no job could use
    is refused.
    """
    from worker.jobs import datasets

    surveyed = _survey(root, labels, layout, category_ids)
    with open_store(writes=True, create=True) as session:
        registered = datasets.register(session, name, surveyed)
    if as_json:
        print_json(_with_notes(registered, surveyed))
        return
    click.echo(f"Registered {name}: {registered.n_classes} classes, {_splits(registered.splits)}.")
    _print_notes(surveyed)


@click.command("list")
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


@click.command(epilog="Example: deeplab dataset show street")
@click.argument("name", shell_complete=completion.datasets)
@json_option
def show(name: str, as_json: bool) -> None:
    """Show a registered dataset: its splits, versions, and the jobs that used each version."""
    from worker.jobs import dataset_versions, datasets

    with open_store() as session:
        dataset = datasets.get_by_name(session, name)
        versions = dataset_versions.list_versions(session, dataset.id)
        uses = dataset_versions.count_uses(session, dataset.names)
    if as_json:
        print_json(
            {
                **to_json(dataset),
                "versions": [{**to_json(each), "n_jobs": uses.get(each.digest, 0)} for each in versions],
                "n_jobs": sum(uses.values()),
            }
        )
        return
    lines = {
        "Name": dataset.name,
        "Folder": dataset.root,
        "Layout": dataset.layout,
        "Classes": dataset.n_classes,
        "Splits": _splits(dataset.splits),
        "Former names": ", ".join(dataset.former_names),
    }
    for title, value in lines.items():
        if value:
            click.echo(f"{title}: {value}")
    rows = [
        (each.number, each.digest, len(each.class_names), _splits(_sizes(each.splits)), uses.get(each.digest, 0))
        for each in versions
    ]
    print_table(("VERSION", "DIGEST", "CLASSES", "SPLITS", "JOBS"), rows, "No version was recorded yet.")


@click.command(epilog="Example: deeplab dataset refresh street")
@click.argument("name", shell_complete=completion.datasets)
@json_option
def refresh(name: str, as_json: bool) -> None:
    """Read the splits and classes of a registered dataset anew.

    If lists, sizes or labels have changed, that is a new version. Jobs that were submitted before keep theirs.
    """
    from worker.jobs import datasets

    with open_store() as session:
        known = datasets.get_by_name(session, name)
    surveyed = _survey(known.root, known.labels, known.layout, known.category_ids)
    with open_store(writes=True) as session:
        refreshed, is_new = datasets.refresh(session, known.name, surveyed)
    if as_json:
        print_json({**_with_notes(refreshed, surveyed), "is_new_version": is_new})
        return
    state = "a new version" if is_new else "nothing has changed"
    click.echo(f"Refreshed {known.name}, {state}: {refreshed.n_classes} classes, {_splits(refreshed.splits)}.")
    _print_notes(surveyed)


@click.command(epilog="Example: deeplab dataset rename street streets-2026")
@click.argument("name", shell_complete=completion.datasets)
@click.argument("new_name")
@json_option
def rename(name: str, new_name: str, as_json: bool) -> None:
    """Give a registered dataset another name. Jobs that name it by the former one still find it."""
    from worker.jobs import datasets

    with open_store(writes=True) as session:
        renamed = datasets.rename(session, name, new_name)
    if as_json:
        print_json(renamed)
    else:
        click.echo(f"{name} is {renamed.name} now.")


@click.command(epilog="Example: deeplab dataset remove street")
@click.argument("name", shell_complete=completion.datasets)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def remove(name: str, yes: bool, as_json: bool) -> None:
    """Unregister a dataset. Its files stay, and so do the jobs that used it."""
    from worker.jobs import dataset_versions, datasets

    with open_store() as session:
        dataset = datasets.get_by_name(session, name)
        n_jobs = sum(dataset_versions.count_uses(session, dataset.names).values())
        uses = dataset_versions.list_uses(session, dataset.names, limit=_SHOWN)
    ids = [use.job_id for use in uses]
    sentence = describe_uses(dataset.name, ids, n_jobs)
    if not yes and not as_json:
        click.echo(sentence)
        click.confirm(f"Unregister {dataset.name}? Nothing in {dataset.root} is deleted.", abort=True)
    with open_store(writes=True) as session:
        datasets.remove(session, dataset.name)
    if as_json:
        print_json({"removed": dataset.name, "root": dataset.root, "n_jobs": n_jobs, "jobs": ids})
    else:
        click.echo(f"Unregistered {dataset.name}; its files stay in {dataset.root}.")


def describe_uses(name: str, ids: Sequence[int], n_jobs: int) -> str:
    """Say which jobs refer to a dataset; of many, the newest."""
    if not n_jobs:
        return f"No job refers to {name}."
    more = f" and {n_jobs - len(ids)} older ones" if n_jobs > len(ids) else ""
    jobs = f"Job {ids[0]} refers" if n_jobs == 1 else f"Jobs {', '.join(map(str, ids))}{more} refer"
    whose = "its results stay, and it" if n_jobs == 1 else "their results stay, and they"
    return f"{jobs} to {name}; {whose} cannot be submitted again under this name."


def _survey(root: str, labels: str | None, layout: str, category_ids: str | None) -> "Surveyed":
    from deeplab.mirrors import local_path
    from worker.jobs import storage
    from worker.jobs.dataset_surveys import survey
    from worker.jobs.settings import load_settings

    storage.mount(load_settings())
    return survey(local_path(root), local_path(labels) if labels else None, layout=layout, category_ids=category_ids)


def _with_notes(dataset: "Dataset", surveyed: "Surveyed") -> dict[str, Any]:
    return {**to_json(dataset), **surveyed.as_json()}


def _print_notes(surveyed: "Surveyed") -> None:
    for doubt in surveyed.doubts:
        click.echo(f"warning: {doubt}")
    for note in surveyed.folder.notes:
        click.echo(note)


def _sizes(splits: dict[str, dict[str, Any]]) -> dict[str, int]:
    return {name: split["n_images"] for name, split in splits.items()}


def _splits(splits: dict[str, int]) -> str:
    return ", ".join(f"{name} {n_images}" for name, n_images in splits.items())
