"""`deeplab sample`."""

from pathlib import Path

import click

from worker.cli.options import number_option, seed_option


@click.group()
def sample() -> None:
    """Draw a sample dataset."""


@sample.command(epilog="Example: deeplab sample shapes data/shapes")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@number_option("--train", "n_train", default=240, text="Number of training images.")
@number_option("--val", "n_val", default=40, text="Number of validation images.")
@number_option("--size", default=128, at_least=32, at_most=2048, text="Height and width of the images, in pixels.")
@seed_option("Random seed. Equal seeds draw equal images.")
def shapes(directory: Path, n_train: int, n_val: int, size: int, seed: int) -> None:
    """Draw textured shapes on cluttered backgrounds into a new folder.

    DIR receives a dataset with masks and labels, larger images without masks in unlabelled/, and config.yaml for a
    model that learns the shapes within two minutes on two cores.
    """
    from deeplab.datasets.drawn.dataset import draw_dataset

    draw_dataset(directory, n_train=n_train, n_val=n_val, size=size, seed=seed)
    click.echo(f"Drew {n_train} training and {n_val} validation images in {directory}.")
    click.echo(f"Train on them: deeplab train -c {directory / 'config.yaml'}")
