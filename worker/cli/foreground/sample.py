"""`deeplab sample`."""

from pathlib import Path

import click


@click.group()
def sample() -> None:
    """Draw sample data."""


@sample.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--train", "n_train", type=click.IntRange(1), default=240, show_default=True, help="Images to train on.")
@click.option("--val", "n_val", type=click.IntRange(1), default=40, show_default=True, help="Images to validate on.")
@click.option("--size", type=click.IntRange(32, 2048), default=128, show_default=True, help="Their sides, pixels.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Equal seeds draw equal images.")
def shapes(directory: Path, n_train: int, n_val: int, size: int, seed: int) -> None:
    """Draw textured shapes on cluttered backgrounds into a new folder.

    DIR gets a data set with masks and labels, larger images without masks in unlabelled/, and config.yaml with a
    network that learns the shapes within two minutes on two cores.
    """
    from deeplab.datasets.drawn.dataset import draw_dataset

    draw_dataset(directory, n_train=n_train, n_val=n_val, size=size, seed=seed)
    click.echo(f"Drew {n_train} images to train on and {n_val} to validate on in {directory}.")
    click.echo(f"Train on them: deeplab train -c {directory / 'config.yaml'}")
