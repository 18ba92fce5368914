"""`deeplab convert`."""

from pathlib import Path

import click

from deeplab.convert.targets import TARGETS


@click.group()
def convert() -> None:
    """Turn weights of other frameworks into files of ours."""


@convert.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "-d", "--dataset", type=click.Choice(list(TARGETS)), required=True, help="The data set that it was trained on."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A .pth, .pt or .safetensors file.  [default: beside FILE]"
)
def caffemodel(file: Path | None, dataset: str, output: Path | None) -> None:
    """Convert a caffemodel of DeepLab's authors, without Caffe.

    FILE is init.caffemodel (coco) or train2_iter_20000.caffemodel (voc12); it is looked for below data/models unless
    given, where the original keeps it.
    """
    from deeplab.convert.caffe import convert_caffemodel
    from deeplab.files import make_folder
    from deeplab.models.weights import save_weights

    target = TARGETS[dataset]
    source = file or target.caffemodel
    path = output or source.with_name(target.weights.name)
    weights = convert_caffemodel(source, dataset)
    make_folder(path.parent)
    save_weights(path, weights)
    click.echo(f"Wrote {path}: {len(weights)} tensors of {target.model} with {target.n_classes} classes.")
