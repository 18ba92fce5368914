"""`deeplab single`."""

from pathlib import Path

import click

from worker.cli.foreground.options import crf_option, device_options, inference_options, model_option, runtime_options
from worker.cli.options import config_options
from worker.cli.output import json_option, print_json


@click.command(epilog="Example: deeplab single -c configs/voc12.yaml -m model.pth -i image.jpg")
@config_options
@model_option
@click.option(
    "-i", "--image-path", type=click.Path(path_type=Path), metavar="FILE", required=True, help="Image to segment."
)
@crf_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a figure instead of opening a window.  [default without a display: NAME_labels.png]",
)
@inference_options
@runtime_options
@device_options
@json_option
def single(
    config_path: Path,
    overrides: tuple[str, ...],
    model_path: Path | None,
    image_path: Path,
    crf: bool,
    output: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Segment one image.

    Resizes the image so that its longer side is IMAGE.SIZE.TEST, unless --mode is slide. Shows it and the region of
    each class in a window, or writes them as a figure if there is no display.
    """
    from deeplab.config import load_config
    from deeplab.errors import LabelError
    from deeplab.files import printable
    from deeplab.images.bands import Reading
    from deeplab.images.files import read_image
    from deeplab.inference.label_maps import count_classes
    from deeplab.inference.panels import draw_panels, save_figure
    from deeplab.inference.segmenter import Segmenter
    from deeplab.inference.single import segment_image
    from worker.cli.foreground.shares import class_shares, print_shares
    from worker.cli.foreground.window import open_window
    from worker.cli.reporter import log_to, say_on_stderr

    config = load_config(config_path, overrides)
    image = read_image(image_path, Reading.of(config.IMAGE))
    with log_to(say_on_stderr):
        segmenter = Segmenter.from_checkpoint(config, model_path, device, crf=crf)
    try:
        result = segment_image(segmenter, image)
    except LabelError as error:
        raise LabelError(f"{printable(image_path)}: {error}") from error
    shares = class_shares(count_classes(result.label_map), segmenter.class_names)
    figure = draw_panels(*result, segmenter.class_names, segmenter.class_colours)
    window = None if output or as_json else open_window(image_path.name)
    if window is not None:
        print_shares(shares)
        window.show(figure)
        window.run()
        return
    output = output or Path(f"{image_path.stem}_labels.png")
    save_figure(output, figure)
    if as_json:
        print_json({"figure": output, "classes": shares})
        return
    print_shares(shares)
    click.echo(f"Figure: {output}")
