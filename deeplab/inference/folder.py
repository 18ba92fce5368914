"""Segment every image of a folder, restartable at any moment."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deeplab.images.listing import scan_folder
from deeplab.inference.manifest import ManifestWriter, Row, read_manifest, require_success
from deeplab.inference.output import (
    find_mask,
    locked_output,
    manifest_path,
    overlay_path,
    prepare_output,
    write_passed_over,
)
from deeplab.inference.pipeline import Pipeline
from deeplab.inference.segmenter import Segmenter
from deeplab.reporter import Reporter, Stopped


@dataclass(frozen=True)
class Summary:
    """How many images were segmented, and what was found in them."""

    n_ok: int  # images segmented now
    n_error: int  # images that could not be segmented
    n_skipped: int  # images that an earlier run segmented
    seconds: float
    pixels: Mapping[int, int]  # by class, in all segmented images
    passed_over: Mapping[str, int] = field(default_factory=dict)  # files that are no images that can be read, by kind


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

    An image that cannot be read becomes a row with its error. An interrupted run continues: images that are done are
    skipped, and those that failed are tried again.

    Raises:
        DatasetError: if the input folder does not exist or holds no image.
        NothingSegmentedError: if every image failed; their rows say why.
        OutputError: if the output cannot be written, belongs to other settings or is being filled by another process.
        Stopped: if the reporter asked for it; all finished images have their rows.
    """
    listing = scan_folder(input_dir, exclude=output_dir)
    prepare_output(output_dir, input_dir, segmenter.settings(), segmenter.class_names)
    manifest = manifest_path(output_dir)
    with locked_output(output_dir):
        write_passed_over(output_dir, listing.passed_over)
        summary = segment_items(
            segmenter,
            input_dir,
            output_dir,
            listing.paths,
            manifest,
            reporter,
            done=read_manifest(manifest),
            overlays=overlays,
            batch_size=batch_size,
        )
    if summary.n_ok + summary.n_skipped == 0:
        require_success(manifest)
    return replace(summary, passed_over=listing.passed_over)


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
    batch_size: int = 1,
) -> Summary:
    """Segment some images of a folder, with a manifest of their own; otherwise as `segment_folder`.

    Args:
        segmenter: predicts the label maps.
        input_dir: folder of the images.
        output_dir: folder of the masks.
        items: paths relative to `input_dir`, as `list_images` returns them.
        manifest: file for the rows; an older one is replaced.
        reporter: hears of each image.
        done: rows of earlier runs; an image with a good row and its files in place is skipped.
        overlays: also write each image blended with its mask.
        batch_size: images of equal size per forward pass.
    """
    start = time.monotonic()
    wanted = dict.fromkeys(items)
    kept = {row.path: row for row in done if row.path in wanted and _is_complete(row, output_dir, overlays=overlays)}
    todo = [item for item in wanted if item not in kept]
    tally = _Tally(kept.values())
    reporter.progress(len(kept), len(wanted), "image")

    def tick() -> None:
        reporter.progress(tally.n_rows, len(wanted), "image")  # a large image may take longer than others have patience
        if reporter.should_stop():
            raise Stopped

    pipeline = Pipeline(segmenter, input_dir, output_dir, overlays, batch_size)
    with ManifestWriter(manifest, keep=kept.values()) as writer:
        for row in pipeline.rows(todo, reporter.should_stop, tick):
            writer.add(row)
            tally.add(row)
            reporter.progress(tally.n_rows, len(wanted), "image")
    if tally.n_rows < len(wanted):
        raise Stopped(f"Stopped after {tally.n_rows} of {len(wanted)} images.")
    return tally.summary(n_skipped=len(kept), seconds=time.monotonic() - start)


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


def _is_complete(row: Row, output_dir: Path, *, overlays: bool) -> bool:
    """Whether an image was segmented and its files are still there."""
    return (
        row.status == "ok"
        and find_mask(output_dir, row.path).exists()
        and (not overlays or overlay_path(output_dir, row.path).exists())
    )
