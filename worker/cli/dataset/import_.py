"""`deeplab dataset import`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deeplab.datasets.importing.catalog import FORMATS, Unlabelled
from deeplab.files import printable, real_path
from worker.cli.options import seed_option
from worker.cli.output import json_option, print_json

if TYPE_CHECKING:
    from deeplab.datasets.importing.writing import Written


@click.command("import", epilog="Example: deeplab dataset import export.zip data/street")
@click.argument("source", metavar="ARCHIVE", type=click.Path(path_type=Path))
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    metavar="NAME",
    help=f"Format of the export: {', '.join(FORMATS)}.  [default: as its files tell]",
)
@click.option(
    "--images", type=click.Path(path_type=Path), metavar="FOLDER", help="Where images lie that the export lacks."
)
@click.option(
    "--colours",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Table of colours, if the export has none: 'class R G B', 'R G B name' or 'name R G B' per line.",
)
@click.option(
    "--unlabelled",
    type=click.Choice(["background", "ignore"]),
    default="background",
    show_default=True,
    help="What pixels become that nobody labelled.",
)
@click.option(
    "--val",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Share of the images for validation, drawn by chance.  [default: the export's own split, else 0.2]",
)
@seed_option("Random seed of the draw.")
@json_option
def import_command(
    source: Path,
    target: Path,
    format_: str | None,
    images: Path | None,
    colours: Path | None,
    unlabelled: Unlabelled,
    val: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Make a dataset in DIR out of the export of another tool.

    ARCHIVE is a .zip or .tar file as the tool made it, its unpacked folder, or its one JSON or XML file. DIR must not
    exist or be empty; it is made as a whole or not at all. It holds images/, masks/, labels.txt and a list for each
    split, ready for 'deeplab dataset register'.
    """
    from deeplab.datasets.importing.whole import Choices, import_export
    from worker.cli.reporter import STARTS_OVER, report_progress

    target = real_path(target)
    choices = Choices(format_, images, colours, unlabelled == "ignore", val, seed)
    with report_progress(STARTS_OVER) as reporter:
        imported = import_export(source, target, reporter, choices)
    name, written = imported.format, imported.written
    if as_json:
        print_json({"format": name, "root": target, **asdict(written)})
    else:
        _print(name, target, written)


def _print(name: str, target: Path, written: "Written") -> None:
    splits = ", ".join(f"{split} {n_images}" for split, n_images in written.splits.items())
    click.echo(f"Imported {sum(written.splits.values())} images from the format {name}: {splits}.")
    _print_all("Classes:", [f"{index} {class_name}" for index, class_name in enumerate(written.class_names)])
    _print_all("Notes:", written.notes)
    click.echo(f"Next: deeplab dataset register NAME {printable(target)}")


def _print_all(heading: str, lines: Sequence[str]) -> None:
    if lines:
        click.echo(heading)
    for line in lines:
        click.echo(f"  {line}")
