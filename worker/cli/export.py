"""`deeplab export`."""

from pathlib import Path

import click


@click.command()
@click.option("-c", "--config-path", type=click.Path(path_type=Path), required=True, help="The configuration.")
@click.option("-m", "--model-path", type=click.Path(path_type=Path), help="The weights.  [default: MODEL.WEIGHTS]")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The ONNX file.")
@click.option(
    "--size",
    type=click.IntRange(1),
    nargs=2,
    metavar="HEIGHT WIDTH",
    help="Of the only images that it takes, one at a time.  [default: any number of images of any size]",
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a key of the configuration.")
def export(
    config_path: Path,
    model_path: Path | None,
    output: Path,
    size: tuple[int, int] | None,
    overrides: tuple[str, ...],
) -> None:
    """Write a trained network as ONNX: BGR minus mean in, logits out."""
    from deeplab.config import load_config
    from deeplab.export import export_onnx
    from deeplab.inference.segmenter import Segmenter

    config = load_config(config_path, overrides)
    segmenter = Segmenter.from_checkpoint(config, model_path, "cpu")
    export_onnx(segmenter.model, config, segmenter.labels, output, size=size)
    click.echo(output)
