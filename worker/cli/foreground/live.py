"""`deeplab live`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.foreground.options import crf_option, device_options, model_option
from worker.cli.options import config_options
from worker.cli.output import json_option, print_json

if TYPE_CHECKING:
    from deeplab.video.frame import FrameSource


@click.command()
@config_options
@model_option
@click.option("--camera-id", type=click.IntRange(0), help="Number of the camera.  [default: 0]")
@click.option("--video", type=click.Path(path_type=Path), help="Video file, in the place of a camera.")
@crf_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Video to write, in the place of a window.  [default without a display: NAME_labels.mp4 beside the file]",
)
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
    """Segment a camera's pictures or a video.

    Shows each frame blended with the colours of its classes, and the name of the class below the pointer; `q` quits.
    Without a display, or with -o, it writes a video instead; Ctrl-C ends it, and what was written can be played.
    A frame is resized so that its longer side is IMAGE.SIZE.TEST. Needs the extra deeplab-platform[live].
    """
    if video is not None and camera_id is not None:
        raise click.UsageError("Give --video or --camera-id, not both.")
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
                raise Stopped(f"Stopped after {n_frames} frames.")
    if as_json:
        print_json({"video": path, "frames": n_frames, "damaged": source.n_damaged})
        return
    damage = f", {source.n_damaged} pieces could not be decoded" if source.n_damaged else ""
    click.echo(f"{n_frames} frames labelled{damage}.\nVideo: {path}")


def _default_output(video: Path | None, camera_id: int) -> Path:
    return Path(f"camera{camera_id}_labels.mp4") if video is None else video.with_name(f"{video.stem}_labels.mp4")


def _open_source(video: Path | None, camera_id: int, output: Path) -> "FrameSource":
    from deeplab.video.camera import Camera, camera_device
    from deeplab.video.file import VideoFile

    if video is None:
        return Camera(camera_device(camera_id))
    if output.resolve() == video.resolve():
        raise click.UsageError("-o names the video itself; it must name another file.")
    return VideoFile(video)
