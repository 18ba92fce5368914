"""Segment every image and video of a folder, restartable at any moment."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from deeplab.inference.inputs import count_frames, list_inputs
from deeplab.inference.manifest import ManifestWriter, Row, read_manifest, require_success
from deeplab.inference.output import manifest_path, prepare_output, write_passed_over
from deeplab.inference.output_lock import describe_process, locked_output
from deeplab.inference.pipeline import Pipeline
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.videos import VideoOptions, VideoPipeline
from deeplab.reporter import Reporter, Stopped
from deeplab.video.kinds import is_video

_AS_USUAL = VideoOptions()
_NO_VIDEOS: Mapping[str, int] = MappingProxyType({})
_NONE_REFUSED: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Summary:
    """How many images and videos were segmented, and what was found in them."""

    n_ok: int  # images and videos segmented now
    n_error: int  # those that could not be segmented
    n_skipped: int  # those that an earlier run segmented
    seconds: float
    pixels: Mapping[int, int]  # by class, in all that were segmented
    n_videos: int = 0  # how many of `n_ok` are videos
    n_frames: int = 0  # their frames
    passed_over: Mapping[str, int] = field(default_factory=dict)  # files of kinds that are not read, by kind


def segment_folder(
    segmenter: Segmenter,
    input_path: Path,
    output_dir: Path,
    reporter: Reporter,
    *,
    overlays: bool = False,
    confidence: bool = False,
    batch_size: int = 1,
    videos: VideoOptions = _AS_USUAL,
) -> Summary:
    """Write a mask for every image under a folder, and what `videos` asks for of every video.

    `deeplab.inference.output` says what lies where. An image that cannot be read becomes a row with its error. An
    interrupted run continues: images and videos that are done are skipped, and those that failed are tried again.

    Raises:
        DatasetError: if the input folder does not exist or holds nothing to segment.
        NothingSegmentedError: if every image failed; their rows say why.
        OutputError: if the output cannot be written, belongs to other settings or is being filled by another process.
        Stopped: if the reporter asked for it; all that is finished has its rows.
    """
    inputs = list_inputs(input_path, exclude=output_dir)
    prepare_output(output_dir, input_path, {**segmenter.settings(), **videos.settings()}, segmenter.class_names)
    manifest = manifest_path(output_dir)
    with locked_output(output_dir, f"deeplab segment, {describe_process()},"):
        write_passed_over(output_dir, inputs.passed_over)
        summary = segment_items(
            segmenter,
            inputs.folder,
            output_dir,
            inputs.items,
            manifest,
            reporter,
            done=read_manifest(manifest),
            overlays=overlays,
            confidence=confidence,
            batch_size=batch_size,
            videos=videos,
            n_frames=count_frames(inputs.folder, inputs.items, videos.every),
        )
    if summary.n_ok + summary.n_skipped == 0:
        require_success(manifest)
    return replace(summary, passed_over=inputs.passed_over)


def segment_items(
    segmenter: Segmenter,
    input_dir: Path,
    output_dir: Path,
    items: Sequence[str],
    manifest: Path,
    reporter: Reporter,
    *,
    done: Iterable[Row] = (),
    overlays: bool = False,
    confidence: bool = False,
    batch_size: int = 1,
    videos: VideoOptions = _AS_USUAL,
    n_frames: Mapping[str, int] = _NO_VIDEOS,
    refused: Mapping[str, str] = _NONE_REFUSED,
) -> Summary:
    """Segment some images and videos of a folder, with a manifest of their own; otherwise as `segment_folder`.

    Args:
        segmenter: predicts the label maps.
        input_dir: folder of the images and videos.
        output_dir: folder of the masks.
        items: paths relative to `input_dir`, as `list_inputs` returns them.
        manifest: file for the rows; an older one is replaced.
        reporter: hears of each image and each frame.
        done: rows of earlier runs; an image with a good row and its files in place is skipped.
        overlays: also write each image blended with its mask.
        confidence: also write the probability of the class of each pixel of an image, and note its means in the rows,
            those of videos and their frames, too.
        batch_size: images of equal size per forward pass.
        videos: what is made of videos.
        n_frames: how much work a video is, as `count_frames` says; an image is 1.
        refused: why some items are not even looked at, a sentence for their rows.
    """
    start = time.monotonic()
    wanted = dict.fromkeys(items)
    films = VideoPipeline(segmenter, input_dir, output_dir, videos, overlays, batch_size, confidence)
    images = Pipeline(segmenter, input_dir, output_dir, overlays, batch_size, confidence)
    kept = {row.path: row for row in done if row.path in wanted and _is_complete(row, images, films)}
    todo = [item for item in wanted if item not in kept and item not in refused]
    tally = _Tally(kept.values())
    progress = _Progress(reporter, wanted, n_frames, kept)
    rows = chain(
        (_refusal(item, refused[item]) for item in wanted if item in refused and item not in kept),
        images.rows([item for item in todo if not is_video(item)], reporter.should_stop, progress.tick),
        films.rows([item for item in todo if is_video(item)], progress.tick),
    )
    with ManifestWriter(manifest, keep=kept.values()) as writer:
        for row in rows:
            writer.add(row)
            tally.add(row)
            progress.add(row.path)
    if len(kept) + tally.n_rows < len(wanted):
        noun = "images" if progress.unit == "image" else "images and videos"
        raise Stopped(f"Stopped after {len(kept) + tally.n_rows} of {len(wanted)} {noun}.")
    return tally.summary(n_skipped=len(kept), seconds=time.monotonic() - start)


class _Progress:
    """Tells how much is done: images, or frames if there are videos; an image then counts as one frame."""

    def __init__(
        self, reporter: Reporter, items: Iterable[str], n_frames: Mapping[str, int], done: Iterable[str]
    ) -> None:
        work = {item: n_frames.get(item, 1) for item in items}
        self.unit = "frame" if any(map(is_video, work)) else "image"
        self._reporter = reporter
        self._work = work
        self._done = sum(work[item] for item in done)
        self._total = sum(work.values())
        reporter.progress(self._done, self._total, self.unit)

    def add(self, item: str) -> None:
        """An image or video is done."""
        self._done += self._work[item]
        self._reporter.progress(self._done, self._total, self.unit)

    def tick(self, n_frames: int = 0) -> None:
        """So many frames of the present video are done. Raises Stopped if that is asked for."""
        # Also without frames: a large image may take longer than others have patience.
        self._reporter.progress(min(self._done + n_frames, self._total), self._total, self.unit)
        if self._reporter.should_stop():
            raise Stopped


class _Tally:
    """Sums over rows, so that millions of them need not be kept."""

    def __init__(self, earlier: Iterable[Row]) -> None:
        self.n_rows = 0  # from now on, as the next three
        self._n_error = 0
        self._n_videos = 0
        self._n_frames = 0
        self._pixels: Counter[int] = Counter()
        for row in earlier:
            self._pixels.update(row.pixels)

    def add(self, row: Row) -> None:
        self.n_rows += 1
        self._n_error += row.status == "error"
        self._n_videos += row.status == "ok" and row.frames is not None
        self._n_frames += (row.frames or 0) if row.status == "ok" else 0
        self._pixels.update(row.pixels)

    def summary(self, n_skipped: int, seconds: float) -> Summary:
        return Summary(
            n_ok=self.n_rows - self._n_error,
            n_error=self._n_error,
            n_skipped=n_skipped,
            seconds=seconds,
            pixels=dict(sorted(self._pixels.items())),
            n_videos=self._n_videos,
            n_frames=self._n_frames,
        )


def _refusal(item: str, sentence: str) -> Row:
    return Row(item, None, None, "error", sentence, 0.0, {}, frames=0 if is_video(item) else None)


def _is_complete(row: Row, images: Pipeline, films: VideoPipeline) -> bool:
    """Whether an image or video was segmented and its files are still there."""
    return row.status == "ok" and (films if is_video(row.path) else images).is_complete(row)
