"""`deeplab dataset preview`."""

from pathlib import Path

import click

from worker.cli.dataset_options import config_argument, set_option, stoppable


@click.command()
@config_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The PNG to write.")
@click.option("--split", help="Which split.  [default: DATASET.SPLIT.TRAIN]")
@click.option("--images", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many samples.")
@click.option("--columns", type=click.IntRange(1, 100), default=10, show_default=True, help="Samples per row.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the order and augmentation.")
@set_option
@stoppable
def preview(
    config: Path, output: Path, split: str | None, images: int, columns: int, seed: int, overrides: tuple[str, ...]
) -> None:
    """Draw augmented images beside their labels, as training sees them.

    The grid holds the first samples of a training run with this seed.
    """
    from deeplab.config import load_config
    from deeplab.console import ConsoleReporter
    from deeplab.datasets.preview import preview as draw

    settings = load_config(config, overrides)
    with ConsoleReporter() as reporter:
        draw(settings, output, reporter, split=split, n_images=images, n_columns=columns, seed=seed)
    click.echo(f"Wrote {output}.")
