"""Segment videos: of each comes a labelled video or a mask per frame, and a table of its frames."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deeplab import remote
from deeplab.bounded_map import bounded_map
from deeplab.catalog import VideoOutput
from deeplab.errors import LabelError, OutputError, VideoError
from deeplab.files import delete_file, name_is_too_long, printable
from deeplab.images.masks import write_mask
from deeplab.images.overlay import draw_overlay
from deeplab.images.raster import LoadedRaster
from deeplab.inference.label_maps import count_classes
from deeplab.inference.manifest import FrameRow, Row, write_frames
from deeplab.inference.output import frame_mask_path, frames_path, labelled_video_path
from deeplab.inference.segmenter import LabelMap, Segmenter
from deeplab.reporter import Stopped
from deeplab.scores.certainty import CertaintyCount, certainty_of
from deeplab.scores.image_scores import Certainty
from deeplab.video.file import VideoFile
from deeplab.video.frame import Frame
from deeplab.video.writer import write_video

_LARGE_PIXELS = 2**24  # frames of more are segmented one at a time


@dataclass(frozen=True)
class VideoOptions:
    """What is made of videos."""

    output: VideoOutput = "video"
    every: int = 1  # only each so many-th frame is segmented, from the first on

    def settings(self) -> dict[str, object]:
        """What decides about the results, for run.json, as far as it is not as usual."""
        return {} if self.every == 1 else {"every": self.every}


class _Labelled(NamedTuple):
    """A frame and its label map."""

    number: int  # among all frames of the video
    frame: Frame
    label_map: LabelMap
    certainty: CertaintyCount | None


@dataclass
class _Tally:
    """Sums over the frames of a video."""

    width: int | None = None
    height: int | None = None
    frames: int = 0
    pixels: Counter[int] = field(default_factory=Counter)
    tops: dict[int, float] = field(default_factory=dict)  # sums of the top probability by predicted class

    def add(self, row: FrameRow) -> None:
        """Add a frame."""
        self.frames += 1
        self.pixels.update(row.pixels)
        for index, top in (row.certainty.top_by_class if row.certainty else {}).items():
            self.tops[index] = self.tops.get(index, 0.0) + top * row.pixels[index]

    def certainty(self) -> Certainty | None:
        """The means over the pixels of all frames."""
        if not self.tops:
            return None
        by_class = {index: self.tops[index] / n for index, n in sorted(self.pixels.items())}
        return Certainty(sum(self.tops.values()) / self.pixels.total(), by_class, None, {})


@dataclass(frozen=True)
class VideoPipeline:
    """Turns videos into files and rows, one after the other and in memory that does not grow with their length."""

    segmenter: Segmenter
    input_dir: Path
    output_dir: Path
    options: VideoOptions
    overlays: bool  # also with masks, write the labelled video
    batch_size: int  # frames per forward pass
    confidence: bool = False  # also note in the rows how sure the model is

    def rows(self, items: Iterable[str], tick: Callable[[int], None]) -> Iterator[Row]:
        """Segment videos and yield a row for each, errors included, once its files are on disk.

        Args:
            items: paths relative to the input folder.
            tick: hears often how many frames of the present video are done; may raise Stopped, which ends the rows. A
                video that was begun leaves no labelled video and no row, and is segmented anew another time.

        Raises:
            OutputError: if files cannot be written at all, as on a full disk.
        """
        try:
            for item in items:
                tick(0)
                yield self._segment(item, tick)
        except Stopped:
            return

    def is_complete(self, row: Row) -> bool:
        """Whether all files of a video that was segmented are still there, and its row has all that is asked for."""
        if not remote.is_file(frames_path(self.output_dir, row.path)) or (self.confidence and row.certainty is None):
            return False
        if self._draws and not remote.is_file(labelled_video_path(self.output_dir, row.path)):
            return False
        return not self._masks or len(self._mask_files(row.path)) == row.frames

    @property
    def _masks(self) -> bool:
        return self.options.output == "masks"

    @property
    def _draws(self) -> bool:
        return self.overlays or not self._masks

    def _segment(self, item: str, tick: Callable[[int], None]) -> Row:
        start, tally, path = time.monotonic(), _Tally(), self.input_dir / item
        try:
            self._refuse_bands(path)
            with VideoFile(path, self.options.every) as video:
                self._write(item, video, tally, lambda: tick(tally.frames))
                self._remove_masks_beyond(item, video.n_decoded)
                error = video.damage()
        except VideoError as failure:
            error = str(failure)
        except LabelError as failure:
            error = f"{printable(path)}: {failure}"
        except OutputError as failure:
            if not name_is_too_long(failure):
                raise
            error = str(failure)
        seconds = time.monotonic() - start
        if error:
            return Row(item, tally.width, tally.height, "error", error, seconds, {}, tally.frames)
        pixels, sure = dict(sorted(tally.pixels.items())), tally.certainty()
        return Row(item, tally.width, tally.height, "ok", "", seconds, pixels, tally.frames, sure)

    def _refuse_bands(self, path: Path) -> None:
        image = self.segmenter.config.IMAGE
        if image.BANDS is not None or image.RANGE is not None:
            raise VideoError(
                f"{printable(path)}: IMAGE.BANDS and IMAGE.RANGE are about image files; a video has 8-bit RGB alone."
            )

    def _label(self, video: VideoFile, tick: Callable[[], None], failures: list[LabelError]) -> Iterator[_Labelled]:
        """Label the frames in their order, until the first one that cannot be: its error is added to the failures."""
        number = 0
        for batch in _batches(video, self.batch_size):
            tick()
            counts = [self._certainty_of(frame.image) for frame in batch]
            for frame, result, certainty in zip(batch, self._label_batch(batch, counts, tick), counts, strict=True):
                if isinstance(result, LabelError):
                    failures.append(LabelError(f"frame {number} at {frame.seconds:.2f} s: {result}"))
                    return
                yield _Labelled(number, frame, result, certainty)
                number += self.options.every

    def _certainty_of(self, image: NDArray[np.uint8]) -> CertaintyCount | None:
        n_classes = self.segmenter.config.DATASET.N_CLASSES
        return CertaintyCount.unlabelled(n_classes, *image.shape[:2]) if self.confidence else None

    def _label_batch(
        self, batch: list[Frame], counts: list[CertaintyCount | None], tick: Callable[[], None]
    ) -> list[LabelMap | LabelError]:
        if _is_large(batch[0].image):
            try:
                return [self.segmenter.label_source(LoadedRaster(batch[0].image), tick, counts[0])]
            except LabelError as error:
                return [error]
        return self.segmenter.label([frame.image for frame in batch], counts)

    def _write(self, item: str, video: VideoFile, tally: _Tally, tick: Callable[[], None]) -> None:
        """Write the files of a video while the model computes; if anything fails, only masks are left."""
        failures: list[LabelError] = []
        labelled = self._label(video, tick, failures)
        with ExitStack() as files:
            add_row = files.enter_context(write_frames(frames_path(self.output_dir, item)))
            video_path = labelled_video_path(self.output_dir, item)
            add_frame = files.enter_context(write_video(video_path)) if self._draws else None
            pool = files.enter_context(ThreadPoolExecutor(1))  # one thread keeps the order

            def write(each: _Labelled) -> FrameRow:
                if self._masks:
                    write_mask(frame_mask_path(self.output_dir, item, each.number), each.label_map)
                if add_frame is not None:
                    blend = draw_overlay(each.frame.image, each.label_map, self.segmenter.class_colours)
                    add_frame(Frame(blend, each.frame.seconds))
                if tally.width is None:
                    tally.height, tally.width = each.label_map.shape
                pixels = count_classes(each.label_map)
                return FrameRow(each.number, each.frame.seconds, pixels, _means(each.certainty, pixels))

            for row in bounded_map(pool, write, labelled, depth=1 + self.batch_size):
                add_row(row)
                tally.add(row)
            if failures:
                raise failures[0]

    def _remove_masks_beyond(self, item: str, n_frames: int) -> None:
        """Remove what an unfinished run left of a longer video of this name."""
        for path in self._mask_files(item) if self._masks else ():
            if int(path.stem) >= n_frames:
                delete_file(path)

    def _mask_files(self, item: str) -> list[Path]:
        return list(frame_mask_path(self.output_dir, item, 0).parent.glob("[0-9]*.png"))


def _means(certainty: CertaintyCount | None, pixels: dict[int, int]) -> Certainty | None:
    return None if certainty is None else certainty_of(certainty.sums().cpu().numpy(), pixels)


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    """Gather successive frames of equal size; large ones stay alone."""
    batch: list[Frame] = []
    for frame in frames:
        if batch and (len(batch) == size or frame.image.shape != batch[0].image.shape or _is_large(batch[0].image)):
            yield batch
            batch = []
        batch.append(frame)
    if batch:
        yield batch


def _is_large(image: NDArray[np.uint8]) -> bool:
    return image.size > 3 * _LARGE_PIXELS
