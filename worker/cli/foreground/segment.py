"""`deeplab segment`."""

from dataclasses import asdict
from pathlib import Path

import click

from deeplab.formats import duration, plural
from deeplab.images.kinds import describe_passed_over
from worker.cli.foreground.options import crf_option, device_options, inference_options, model_option, runtime_options
from worker.cli.options import config_options, number_option
from worker.cli.output import json_option, print_json


@click.command(epilog="Example: deeplab segment -c configs/voc12.yaml -m model.pth images out")
@config_options
@model_option
@click.argument("input_dir", metavar="INPUT", type=click.Path(path_type=Path))
@click.argument("output_dir", metavar="OUTPUT", type=click.Path(path_type=Path))
@crf_option
@click.option("--overlays", is_flag=True, help="Also write each image blended with its mask.")
@number_option("--batch-size", default=1, text="Images per batch; only images of equal size share one.")
@inference_options
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
    """Segment a folder of images.

    Images keep their size, as in `deeplab test`; --mode slide labels those that do not fit into memory as a whole.

    Writes masks/, overlays/ (both mirror INPUT) and manifest.csv, with a row per image, to OUTPUT. An image that cannot
    be read gets a row with its error; the command fails only if all do. After an interruption, the same command skips
    the images already done.
    """
    from deeplab.config import load_config
    from deeplab.inference.folder import segment_folder
    from deeplab.inference.segmenter import Segmenter
    from worker.cli.foreground.shares import class_shares, print_shares
    from worker.cli.reporter import CONTINUES, report_progress

    config = load_config(config_path, overrides)
    segmenter = Segmenter.from_checkpoint(config, model_path, device, crf=crf)
    with report_progress(CONTINUES) as reporter:
        summary = segment_folder(segmenter, input_dir, output_dir, reporter, overlays=overlays, batch_size=batch_size)
    if as_json:
        print_json({**asdict(summary), "output": output_dir})
        return
    print_shares(class_shares(summary.pixels, segmenter.class_names))
    click.echo(
        f"Segmented {plural(summary.n_ok, 'image')} in {duration(summary.seconds)};"
        f" {summary.n_error} failed, {summary.n_skipped} already done."
    )
    if summary.passed_over:
        click.echo(f"{describe_passed_over(summary.passed_over)}.")
    click.echo(f"Masks: {output_dir / 'masks'}")
