"""`deeplab dataset preview`."""

from pathlib import Path

import click

from worker.cli.dataset.options import dataset_options, load_dataset
from worker.cli.options import number_option, seed_option
from worker.cli.output import json_option, print_json


@click.command("preview", epilog="Example: deeplab dataset preview configs/voc12.yaml -o preview.png")
@dataset_options
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", required=True, help="PNG file to write."
)
@click.option("--split", metavar="NAME", help="Split to show.  [default: DATASET.SPLIT.TRAIN]")
@number_option("--images", default=100, at_most=1000, text="Number of samples.")
@number_option("--columns", default=10, at_most=100, text="Samples per row.")
@seed_option("Random seed for order and augmentation.")
@json_option
def preview_command(
    dataset: str | None,
    config_path: Path | None,
    overrides: tuple[str, ...],
    output: Path,
    split: str | None,
    images: int,
    columns: int,
    seed: int,
    as_json: bool,
) -> None:
    """Draw a preview of the samples that training sees.

    DATASET is a configuration file, or the name of a registered dataset.

    Shows augmented images beside their masks: the first samples of a training with this seed.
    """
    from deeplab.datasets.preview import write_preview
    from worker.cli.reporter import STARTS_OVER, report_progress

    config, _ = load_dataset(dataset, config_path, overrides)
    with report_progress(STARTS_OVER) as reporter:
        write_preview(config, output, reporter, split=split, n_images=images, n_columns=columns, seed=seed)
    if as_json:
        print_json({"preview": output})
    else:
        click.echo(f"Preview: {output}")
