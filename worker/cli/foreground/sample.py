"""`deeplab sample`."""

from pathlib import Path

import click


@click.group()
def sample() -> None:
    """Draw a sample dataset."""


@sample.command(epilog="Example: deeplab sample shapes data/shapes")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--train",
    "n_train",
    type=click.IntRange(1),
    metavar="N",
    default=240,
    show_default=True,
    help="Number of training images.",
)
@click.option(
    "--val",
    "n_val",
    type=click.IntRange(1),
    metavar="N",
    default=40,
    show_default=True,
    help="Number of validation images.",
)
@click.option(
    "--size",
    type=click.IntRange(32, 2048),
    metavar="N",
    default=128,
    show_default=True,
    help="Height and width of the images, in pixels.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    default=0,
    show_default=True,
    help="Random seed. Equal seeds draw equal images.",
)
def shapes(directory: Path, n_train: int, n_val: int, size: int, seed: int) -> None:
    """Draw textured shapes on cluttered backgrounds into a new folder.

    DIR receives a dataset with masks and labels, larger images without masks in unlabelled/, and config.yaml for a
    model that learns the shapes within two minutes on two cores.
    """
    from deeplab.datasets.drawn.dataset import draw_dataset

    draw_dataset(directory, n_train=n_train, n_val=n_val, size=size, seed=seed)
    click.echo(f"Drew {n_train} training and {n_val} validation images in {directory}.")
    click.echo(f"Train on them: deeplab train -c {directory / 'config.yaml'}")
