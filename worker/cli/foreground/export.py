"""`deeplab export`."""

from pathlib import Path

import click

from worker.cli.foreground.options import model_option
from worker.cli.options import config_options


@click.command(epilog="Example: deeplab export -c configs/voc12.yaml -m model.pth -o model.onnx")
@config_options
@model_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", required=True, help="ONNX file to write."
)
@click.option(
    "--size",
    type=click.IntRange(1),
    nargs=2,
    metavar="HEIGHT WIDTH",
    help="Fix the input to one image of this size.  [default: any number of images of any size]",
)
def export(
    config_path: Path,
    overrides: tuple[str, ...],
    model_path: Path | None,
    output: Path,
    size: tuple[int, int] | None,
) -> None:
    """Export a trained model as ONNX.

    The exported model takes BGR images minus IMAGE.MEAN and returns logits.

    Needs: pip install 'deeplab-platform[export]'
    """
    from deeplab.config import load_config
    from deeplab.datasets.class_names import class_names_of
    from deeplab.models.load import load_model
    from deeplab.models.onnx_export import export_onnx
    from worker.cli.reporter import log_to, say_on_stderr

    config = load_config(config_path, overrides)
    class_names = class_names_of(config.DATASET)
    with log_to(say_on_stderr):
        model = load_model(config, model_path)
    export_onnx(model, config, class_names, output, size=size)
    click.echo(output)
