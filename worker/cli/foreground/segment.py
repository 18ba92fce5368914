"""`deeplab single` and `deeplab segment`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from deeplab.formats import duration
from worker.cli.foreground.options import config_options, crf_option, device_options, model_option, runtime_options
from worker.cli.output import json_option, print_json, print_table


@click.command()
@config_options
@model_option
@click.option("-i", "--image-path", type=click.Path(path_type=Path), required=True, help="Image to segment.")
@crf_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Figure to write, in the place of a window.  [default without a display: NAME_labels.png here]",
)
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

    The image is resized so that its longer side is IMAGE.SIZE.TEST. Shows the image and the region of each class that
    was found in a window, or writes them as a figure where there is no display.
    """
    from deeplab.config import load_config
    from deeplab.images.files import read_image
    from deeplab.inference.label_maps import count_classes
    from deeplab.inference.panels import draw_panels, save_panels
    from deeplab.inference.segmenter import Segmenter
    from deeplab.inference.single import segment_image
    from worker.cli.foreground.window import open_window

    config = load_config(config_path, overrides)
    image = read_image(image_path)
    segmenter = Segmenter.from_checkpoint(config, model_path, device, crf=crf)
    result = segment_image(segmenter, image)
    shares = _shares(count_classes(result.label_map), segmenter.class_names)
    window = None if output or as_json else open_window(image_path.name)
    if window is not None:
        _print_shares(shares)
        window.show(draw_panels(*result, segmenter.class_names))
        window.run()
        return
    output = output or Path(f"{image_path.stem}_labels.png")
    save_panels(output, *result, segmenter.class_names)
    if as_json:
        print_json({"figure": output, "classes": shares})
        return
    _print_shares(shares)
    click.echo(f"Figure: {output}")


@click.command()
@config_options
@model_option
@click.argument("input_dir", metavar="INPUT", type=click.Path(path_type=Path))
@click.argument("output_dir", metavar="OUTPUT", type=click.Path(path_type=Path))
@crf_option
@click.option("--overlays", is_flag=True, help="Also write each image blended with its mask.")
@click.option(
    "--batch-size", type=click.IntRange(1), default=1, show_default=True, help="Images of equal size per forward pass."
)
@runtime_options
@device_options
@json_option
def segment(
    config_path: Path,
    overrides: tuple[str, ...],
    model_path: Path | None,
    input_dir: Path,
    output_dir: Path,
    crf: bool,
    overlays: bool,
    batch_size: int,
    device: str,
    as_json: bool,
) -> None:
    """Segment every image of a folder.

    An image whose longer side exceeds IMAGE.SIZE.TEST is shrunk to it for the network; masks have the image's size.
    OUTPUT gets masks/ and overlays/, which mirror the folder INPUT, and manifest.csv with a row per image. A file that
    cannot be read is a row with its error. Interrupted and started again, it skips what is done.
    """
    from deeplab.config import load_config
    from deeplab.inference.folder import segment_folder
    from deeplab.inference.segmenter import Segmenter
    from worker.cli.reporting import console

    config = load_config(config_path, overrides)
    segmenter = Segmenter.from_checkpoint(config, model_path, device, crf=crf)
    with console(lambda _: "The same command continues.") as reporter:
        summary = segment_folder(segmenter, input_dir, output_dir, reporter, overlays=overlays, batch_size=batch_size)
    if as_json:
        print_json({**asdict(summary), "output": output_dir})
        return
    _print_shares(_shares(summary.pixels, segmenter.class_names))
    click.echo(
        f"{summary.n_ok} segmented, {summary.n_error} could not be, {summary.n_skipped} were done before,"
        f" in {duration(summary.seconds)}."
    )
    click.echo(f"Masks: {output_dir / 'masks'}")


def _shares(pixels: Mapping[int, int], labels: Sequence[str]) -> list[dict[str, Any]]:
    total = sum(pixels.values())
    return [{"index": index, "name": labels[index], "share": count / total} for index, count in sorted(pixels.items())]


def _print_shares(shares: Sequence[Mapping[str, Any]]) -> None:
    print_table(
        ("CLASS", "SHARE"), [(each["name"], f"{each['share']:.1%}") for each in shares], "No pixel was labelled."
    )
