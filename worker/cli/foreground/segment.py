"""`deeplab segment`."""

from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click

from deeplab.catalog import VideoOutput
from deeplab.formats import duration, images_and_videos
from deeplab.images.kinds import describe_passed_over
from worker.cli.foreground.options import crf_option, device_options, inference_options, model_option, runtime_options
from worker.cli.options import config_options, number_option
from worker.cli.output import json_option, print_json


@click.command(epilog="Example: deeplab segment -c configs/voc12.yaml -m model.pth images out")
@config_options
@model_option
@click.argument("input_path", metavar="INPUT", type=click.Path(path_type=Path))
@click.argument("output_dir", metavar="OUTPUT", type=click.Path(path_type=Path))
@crf_option
@click.option(
    "--confidence",
    is_flag=True,
    help="Also write the probability of each pixel's class, and its means; of videos the means alone.",
)
@click.option("--overlays", is_flag=True, help="Also write each image blended with its mask.")
@number_option("--batch-size", default=1, text="Images per batch; only images of equal size share one.")
@click.option(
    "--video-output",
    type=click.Choice(get_args(VideoOutput)),
    default="video",
    show_default=True,
    help="What is made of a video: a labelled video, or a mask per frame (with --overlays both).",
)
@number_option("--every", default=1, text="Of videos, segment only every Nth frame.")
@inference_options
@runtime_options
@device_options
@json_option
def segment(
    config_path: Path,
    overrides: tuple[str, ...],
    model_path: Path | None,
    input_path: Path,
    output_dir: Path,
    crf: bool,
    confidence: bool,
    overlays: bool,
    batch_size: int,
    video_output: VideoOutput,
    every: int,
    device: str,
    as_json: bool,
) -> None:
    """Segment a folder of images and videos, or one video.

    Images keep their size, as in `deeplab test`; --mode slide labels those that do not fit into memory as a whole.

    Writes masks/, overlays/, confidence/ (all mirror INPUT) and manifest.csv, with a row per image, to OUTPUT. An image
    that cannot be read gets a row with its error; the command fails only if all do. After an interruption, the same
    command skips the images already done.

    A video becomes overlays/NAME.mp4, its frames blended with their masks, or masks/NAME/00000000.png and so on;
    frames/NAME.csv has a row per frame. Videos need: pip install 'deeplab-platform[live]'
    """
    from deeplab.config import load_config
    from deeplab.inference.folder import segment_folder
    from deeplab.inference.segmenter import Segmenter
    from deeplab.inference.videos import VideoOptions
    from worker.cli.foreground.free_folder import require_free_folder
    from worker.cli.foreground.shares import class_shares, print_shares
    from worker.cli.reporter import CONTINUES, report_progress

    require_free_folder(output_dir)
    config = load_config(config_path, overrides)
    segmenter = Segmenter.from_checkpoint(config, model_path, device, crf=crf)
    with report_progress(CONTINUES) as reporter:
        summary = segment_folder(
            segmenter,
            input_path,
            output_dir,
            reporter,
            overlays=overlays,
            confidence=confidence,
            batch_size=batch_size,
            videos=VideoOptions(video_output, every),
        )
    if as_json:
        print_json({**asdict(summary), "output": output_dir})
        return
    print_shares(class_shares(summary.pixels, segmenter.class_names))
    found = images_and_videos(summary.n_ok, summary.n_videos, summary.n_frames)
    click.echo(
        f"Segmented {found} in {duration(summary.seconds)}; {summary.n_error} failed, {summary.n_skipped} already done."
    )
    if summary.passed_over:
        click.echo(f"{describe_passed_over(summary.passed_over)}.")
    for title, folder in (("Masks", "masks"), ("Labelled videos", "overlays" if summary.n_videos else "")):
        if folder and (output_dir / folder).is_dir():
            click.echo(f"{title}: {output_dir / folder}")
