"""`deeplab live`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deeplab.formats import plural
from worker.cli.foreground.options import crf_option, device_options, inference_options, model_option
from worker.cli.options import config_options
from worker.cli.output import json_option, print_json

if TYPE_CHECKING:
    from deeplab.video.frame import FrameSource


@click.command(epilog="Example: deeplab live -c configs/voc12.yaml -m model.pth --video street.mp4")
@config_options
@model_option
@click.option("--camera-id", type=click.IntRange(0), metavar="N", help="Number of the camera.  [default: 0]")
@click.option(
    "--video", type=click.Path(path_type=Path), metavar="FILE", help="Video file to read instead of a camera."
)
@crf_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a video instead of opening a window.  [default without a display: NAME_labels.mp4 beside the video]",
)
@inference_options
@device_options
@json_option
def live(
    config_path: Path,
    overrides: tuple[str, ...],
    model_path: Path | None,
    camera_id: int | None,
    video: Path | None,
    crf: bool,
    output: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Segment a camera stream or a video.

    Shows each frame blended with the colours of its classes, and the name of the class below the pointer; `q` quits.
    Without a display, or with -o, writes a video instead; Ctrl-C stops it and keeps the video so far. Frames are
    resized so that their longer side is IMAGE.SIZE.TEST, unless --mode is slide.

    Needs: pip install 'deeplab-platform[live]'
    """
    if video is not None and camera_id is not None:
        raise click.UsageError("Give either --video or --camera-id, not both.")
    from deeplab.config import load_config
    from deeplab.inference.live import segment_frames, write_overlay_video
    from deeplab.inference.segmenter import Segmenter
    from deeplab.reporter import Stopped
    from worker.cli.foreground.player import play
    from worker.cli.foreground.window import open_window
    from worker.cli.reporter import report_progress

    config = load_config(config_path, overrides)
    path = output or _default_output(video, camera_id or 0)
    with _open_source(video, camera_id or 0, path) as source:
        segmenter = Segmenter.from_checkpoint(config, model_path, device, crf=crf)
        window = None if output or as_json else open_window(f"{config.MODEL.NAME} + {config.DATASET.NAME}")
        with report_progress(f"The video so far is in {path}.") as reporter:
            if window is not None:
                play(window, segment_frames(segmenter, source), segmenter.class_names, reporter.should_stop)
                return
            n_frames = write_overlay_video(segmenter, source, path, reporter)
            if video is not None and reporter.should_stop():  # a camera has no other end
                raise Stopped(f"Stopped after {plural(n_frames, 'frame')}.")
    if as_json:
        print_json({"video": path, "frames": n_frames, "damaged": source.n_damaged})
        return
    damage = f"; skipped {plural(source.n_damaged, 'damaged packet')}" if source.n_damaged else ""
    click.echo(f"Segmented {plural(n_frames, 'frame')}{damage}.\nVideo: {path}")


def _default_output(video: Path | None, camera_id: int) -> Path:
    return Path(f"camera{camera_id}_labels.mp4") if video is None else video.with_name(f"{video.stem}_labels.mp4")


def _open_source(video: Path | None, camera_id: int, output: Path) -> "FrameSource":
    from deeplab.files import real_path
    from deeplab.video.camera import Camera, camera_device
    from deeplab.video.file import VideoFile

    if video is None:
        return Camera(camera_device(camera_id))
    if real_path(output) == real_path(video):
        raise click.UsageError("-o must name another file than --video.")
    return VideoFile(video)
