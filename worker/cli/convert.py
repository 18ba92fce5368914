"""`deeplab convert`."""

from pathlib import Path

import click

from deeplab.convert.targets import TARGETS


@click.group()
def convert() -> None:
    """Convert weights from other frameworks."""


@convert.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "-d", "--dataset", type=click.Choice(list(TARGETS)), required=True, help="Dataset the model was trained on."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write: .pth, .pt or .safetensors.  [default: beside the caffemodel]",
)
def caffemodel(file: Path | None, dataset: str, output: Path | None) -> None:
    """Convert a caffemodel published by DeepLab's authors.

    FILE is init.caffemodel (coco) or train2_iter_20000.caffemodel (voc12); by default, it is read from where the
    original keeps it under data/models. Caffe is not needed.
    """
    from deeplab.convert.caffe import convert_caffemodel
    from deeplab.files import make_folder
    from deeplab.models.weights.state_dict import save_weights

    target = TARGETS[dataset]
    source = file or target.caffemodel
    path = output or source.with_name(target.weights.name)
    weights = convert_caffemodel(source, dataset)
    make_folder(path.parent)
    save_weights(path, weights)
    click.echo(f"Wrote {path}: {len(weights)} tensors of {target.model} with {target.n_classes} classes.")
