"""Segment every image of a folder, restartable at any moment."""

import time
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeplab.images.listing import list_images
from deeplab.inference.manifest import ManifestWriter, Row, read_manifest
from deeplab.inference.output import locked_output, manifest_path, mask_path, overlay_path, prepare_output
from deeplab.inference.pipeline import Pipeline
from deeplab.inference.segmenter import Segmenter
from deeplab.reporter import Reporter, Stopped


@dataclass(frozen=True)
class Summary:
    """What became of a folder."""

    n_ok: int  # segmented now
    n_error: int  # could not be
    n_skipped: int  # segmented by an earlier run
    seconds: float
    pixels: Mapping[int, int]  # by class, over all images that are segmented


def segment_folder(
    segmenter: Segmenter,
    input_dir: Path,
    output_dir: Path,
    reporter: Reporter,
    *,
    overlays: bool = False,
    batch_size: int = 1,
) -> Summary:
    """Write a mask for every image under a folder; `deeplab.inference.output` says what lies where.

    An image that cannot be read becomes a row with its error. A run that was interrupted continues: what is done is
    skipped, and what failed is tried again.

    Raises:
        DatasetError: if the input folder does not exist or holds no image.
        OutputError: if the output cannot be written, belongs to other settings or is being filled by another process.
        Stopped: if the reporter asked for it; all finished images have their rows.
    """
    items = list_images(input_dir, exclude=output_dir)
    prepare_output(output_dir, input_dir, segmenter.settings(), segmenter.class_names)
    with locked_output(output_dir):
        return segment_items(
            segmenter,
            input_dir,
            output_dir,
            items,
            manifest_path(output_dir),
            reporter,
            overlays=overlays,
            batch_size=batch_size,
        )


def segment_items(
    segmenter: Segmenter,
    input_dir: Path,
    output_dir: Path,
    items: Sequence[str],
    manifest: Path,
    reporter: Reporter,
    *,
    overlays: bool = False,
    batch_size: int = 1,
) -> Summary:
    """Segment some of a folder's images, with a manifest for them alone; otherwise as `segment_folder`.

    Args:
        segmenter: labels the images.
        input_dir: folder of the images.
        output_dir: folder of the masks.
        items: paths relative to `input_dir`, as `list_images` returns them.
        manifest: file for the rows; images with a good row there and their files in place are not done again.
        reporter: hears of each image.
        overlays: also write each image blended with its mask.
        batch_size: images of equal size per forward pass.
    """
    start = time.monotonic()
    wanted = dict.fromkeys(items)
    done = _rows_done(manifest, wanted, output_dir, overlays=overlays)
    todo = [item for item in wanted if item not in done]
    tally = _Tally(done.values())
    reporter.progress(len(done), len(wanted), "image")
    pipeline = Pipeline(segmenter, input_dir, output_dir, overlays, batch_size)
    with ManifestWriter(manifest, keep=done.values()) as writer:
        for row in pipeline.rows(todo, reporter.should_stop):
            writer.add(row)
            tally.add(row)
            reporter.progress(tally.n_rows, len(wanted), "image")
    if tally.n_rows < len(wanted):
        raise Stopped(f"Stopped after {tally.n_rows} of {len(wanted)} images.")
    return tally.summary(n_skipped=len(done), seconds=time.monotonic() - start)


class _Tally:
    """Sums over rows, so that millions of them need not be kept."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.n_rows = 0
        self.n_error = 0
        self.pixels: Counter[int] = Counter()
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        self.n_rows += 1
        self.n_error += row.status == "error"
        self.pixels.update(row.pixels)

    def summary(self, n_skipped: int, seconds: float) -> Summary:
        n_ok = self.n_rows - self.n_error - n_skipped
        return Summary(n_ok, self.n_error, n_skipped, seconds, dict(sorted(self.pixels.items())))


def _rows_done(manifest: Path, wanted: Container[str], output_dir: Path, *, overlays: bool) -> dict[str, Row]:
    """The rows of images that an earlier run finished and whose files are still there."""
    rows = (row for row in read_manifest(manifest) if row.status == "ok" and row.path in wanted)
    return {
        row.path: row
        for row in rows
        if mask_path(output_dir, row.path).exists() and (not overlays or overlay_path(output_dir, row.path).exists())
    }
