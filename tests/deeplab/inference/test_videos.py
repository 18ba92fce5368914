"""Videos as items of a folder, with a real model that is tiny and untrained."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from deeplab.catalog import VideoOutput
from deeplab.errors import NothingSegmentedError, OutputError
from deeplab.images.masks import read_mask
from deeplab.images.overlay import draw_overlay
from deeplab.inference.folder import Summary, segment_folder
from deeplab.inference.manifest import Row, read_frames, read_manifest
from deeplab.inference.output import frame_mask_path, frames_path, labelled_video_path
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.videos import VideoOptions
from deeplab.reporter import Reporter, SilentReporter, Stopped
from deeplab.video.file import VideoFile
from deeplab.video.frame import Frame
from tests.deeplab.inference.conftest import CLASS_NAMES, draw, tiny_config, tiny_segmenter
from tests.deeplab.video.filming import cut_short, film, film_unevenly
from tests.reporters import Recorder


def segment(
    segmenter: Segmenter,
    path: Path,
    output: Path,
    made: VideoOutput = "video",
    every: int = 1,
    reporter: Reporter | None = None,
    batch_size: int = 3,
    **options: bool,
) -> Summary:
    videos = VideoOptions(made, every)
    reporter = reporter or SilentReporter()
    return segment_folder(segmenter, path, output, reporter, batch_size=batch_size, videos=videos, **options)


def fail(segmenter: Segmenter, path: Path, output: Path, made: VideoOutput = "video", **options: Any) -> Row:
    """Segment one video that cannot be, or not as a whole, and return its row."""
    with pytest.raises(NothingSegmentedError) as failure:
        segment(segmenter, path, output, made, **options)
    row = rows_of(output)[path.name]
    assert str(failure.value) == row.error
    return row


def rows_of(output: Path) -> dict[str, Row]:
    return {row.path: row for row in read_manifest(output / "manifest.csv")}


def frames_in(path: Path) -> list[Frame]:
    with VideoFile(path) as video:
        return list(video)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_labelled_video_has_the_size_and_times_of_the_video(tmp_path: Path, segmenter: Segmenter) -> None:
    times = [0, 40, 500, 520, 2000, 2040, 2080, 4000]
    path = film_unevenly(tmp_path / "film.mp4", times)
    recorder = Recorder()
    summary = segment(segmenter, path, tmp_path / "out", reporter=recorder)
    assert (summary.n_ok, summary.n_error, summary.n_videos, summary.n_frames) == (1, 0, 1, 8)
    assert recorder.progressed[0] == (0, 8, "frame")
    assert recorder.progressed[-1] == (8, 8, "frame")
    assert files_in(tmp_path / "out") == [
        ".deeplab-lock",
        "frames/film.mp4.csv",
        "labels.txt",
        "manifest.csv",
        "overlays/film.mp4.mp4",
        "passed_over.json",
        "run.json",
    ]
    frames = frames_in(path)
    labelled = frames_in(labelled_video_path(tmp_path / "out", "film.mp4"))
    assert [frame.seconds for frame in labelled] == pytest.approx([time / 1000 for time in times], abs=2e-3)
    expected = [
        draw_overlay(frame.image, segmenter.predict([frame.image])[0], segmenter.class_colours) for frame in frames
    ]
    for frame, overlay in zip(labelled, expected, strict=True):
        assert frame.image.shape == (32, 48, 3)
        assert frame.image.mean() == pytest.approx(overlay.mean(), abs=4)
    row = rows_of(tmp_path / "out")["film.mp4"]
    assert (row.width, row.height, row.status, row.error, row.frames) == (48, 32, "ok", "", 8)
    assert sum(row.pixels.values()) == 8 * 32 * 48
    assert summary.pixels == row.pixels


def test_masks_are_those_of_the_frames(tmp_path: Path, segmenter: Segmenter) -> None:
    times = [0, 40, 500, 520, 2000, 2040, 2080]
    path = film_unevenly(tmp_path / "film.mkv", times)
    segment(segmenter, path, tmp_path / "out", "masks", every=3)
    rows = list(read_frames(frames_path(tmp_path / "out", "film.mkv")))
    assert [(row.frame, row.time) for row in rows] == [(0, 0.0), (3, 0.52), (6, 2.08)]
    assert files_in(tmp_path / "out" / "masks") == [f"film.mkv/0000000{number}.png" for number in (0, 3, 6)]
    assert not (tmp_path / "out" / "overlays").exists()
    frames = frames_in(path)
    for row in rows:
        mask = read_mask(frame_mask_path(tmp_path / "out", "film.mkv", row.frame))
        assert (mask == segmenter.predict([frames[row.frame].image])[0]).mean() > 0.999
        assert row.pixels == {int(index): int((mask == index).sum()) for index in np.unique(mask)}
    assert json.loads((tmp_path / "out" / "run.json").read_text())["every"] == 3


def test_frames_are_upright(tmp_path: Path, segmenter: Segmenter) -> None:
    path = film(tmp_path / "film.mp4", n=3, rotation=90)
    segment(segmenter, path, tmp_path / "out", "masks", overlays=True)
    assert read_mask(frame_mask_path(tmp_path / "out", "film.mp4", 2)).shape == (48, 32)
    assert frames_in(labelled_video_path(tmp_path / "out", "film.mp4"))[2].image.shape == (48, 32, 3)
    row = rows_of(tmp_path / "out")["film.mp4"]
    assert (row.width, row.height) == (32, 48)


def test_videos_lie_beside_images(tmp_path: Path, segmenter: Segmenter) -> None:
    draw(tmp_path / "in" / "b.png")
    (tmp_path / "in" / "notes.txt").touch()
    (tmp_path / "in" / "deep").mkdir()
    film(tmp_path / "in" / "deep" / "a.avi", n=4)
    recorder = Recorder()
    summary = segment(segmenter, tmp_path / "in", tmp_path / "out", reporter=recorder)
    assert (summary.n_ok, summary.n_videos, summary.n_frames, summary.passed_over) == (2, 1, 4, {"txt": 1})
    assert recorder.progressed[-1] == (5, 5, "frame")
    rows = rows_of(tmp_path / "out")
    assert (rows["b.png"].frames, rows["deep/a.avi"].frames) == (None, 4)
    assert labelled_video_path(tmp_path / "out", "deep/a.avi").exists()
    again = segment(segmenter, tmp_path / "in", tmp_path / "out")
    assert (again.n_ok, again.n_skipped, again.n_frames) == (0, 2, 0)
    assert again.pixels == summary.pixels


@pytest.mark.parametrize("made", ["video", "masks"])
def test_a_stopped_video_leaves_no_row_and_is_done_again(
    tmp_path: Path, segmenter: Segmenter, made: VideoOutput
) -> None:
    path, output = film(tmp_path / "film.mp4", n=20), tmp_path / "out"
    with pytest.raises(Stopped, match="Stopped after 0 of 1 images and videos"):
        segment(segmenter, path, output, made, reporter=Recorder(stop_after=5), batch_size=1)
    assert rows_of(output) == {}
    assert not labelled_video_path(output, "film.mp4").exists()
    assert not frames_path(output, "film.mp4").exists()
    assert [path.name for path in output.rglob(".*")] == [".deeplab-lock"]
    assert segment(segmenter, path, output, made).n_frames == 20


@pytest.mark.parametrize("lost", ["frames/film.mp4.csv", "overlays/film.mp4.mp4", "masks/film.mp4/00000003.png"])
def test_a_video_whose_files_are_gone_is_done_again(tmp_path: Path, segmenter: Segmenter, lost: str) -> None:
    path, output = film(tmp_path / "film.mp4", n=5), tmp_path / "out"
    segment(segmenter, path, output, "masks", overlays=True)
    assert segment(segmenter, path, output, "masks", overlays=True).n_skipped == 1
    (output / lost).unlink()
    assert segment(segmenter, path, output, "masks", overlays=True).n_ok == 1
    assert (output / lost).exists()


def test_how_sure_the_model_is_is_noted_by_frame_and_by_video(tmp_path: Path, segmenter: Segmenter) -> None:
    path = film(tmp_path / "film.mp4", n=4)
    segment(segmenter, path, tmp_path / "out", confidence=True)
    rows = list(read_frames(frames_path(tmp_path / "out", "film.mp4")))
    tops = [row.certainty.top for row in rows if row.certainty]
    height, width, _ = (images := [frame.image for frame in frames_in(path)])[0].shape
    logits = [each.logits()[None].float() for each in segmenter.predictions(images)]
    resized = [
        nn.functional.interpolate(each, (height, width), mode="bilinear", align_corners=False) for each in logits
    ]
    assert tops == pytest.approx([each.softmax(dim=1).amax(dim=1).mean().item() for each in resized], abs=1e-4)
    sure = rows_of(tmp_path / "out")["film.mp4"].certainty
    assert sure is not None
    assert sure.top == pytest.approx(np.mean(tops), abs=1e-5)
    index = max(rows[0].pixels, key=rows[0].pixels.__getitem__)
    weights = [row.pixels.get(index, 0) for row in rows]
    by_frame = [row.certainty.top_by_class.get(index, 0.0) for row in rows if row.certainty]
    assert sure.top_by_class[index] == pytest.approx(np.average(by_frame, weights=weights), abs=1e-5)


def test_a_video_without_its_confidence_is_segmented_again(tmp_path: Path, segmenter: Segmenter) -> None:
    path = film(tmp_path / "film.mp4", n=2)
    assert segment(segmenter, path, tmp_path / "out").n_skipped == 0
    assert rows_of(tmp_path / "out")["film.mp4"].certainty is None
    assert segment(segmenter, path, tmp_path / "out", confidence=True).n_skipped == 0
    assert segment(segmenter, path, tmp_path / "out", confidence=True).n_skipped == 1


def test_masks_of_a_longer_video_do_not_stay(tmp_path: Path, segmenter: Segmenter) -> None:
    path, output = film(tmp_path / "film.mp4", n=9), tmp_path / "out"
    segment(segmenter, path, output, "masks")
    frames_path(output, "film.mp4").unlink()
    film(path, n=4)
    segment(segmenter, path, output, "masks")
    assert len(files_in(output / "masks")) == 4


def test_other_steps_need_another_folder(tmp_path: Path, segmenter: Segmenter) -> None:
    path = film(tmp_path / "film.mp4", n=4)
    segment(segmenter, path, tmp_path / "out", every=2)
    with pytest.raises(OutputError, match="holds the results of a run with different every"):
        segment(segmenter, path, tmp_path / "out")


def test_a_video_that_was_cut_short_is_an_error_that_counts_its_frames(tmp_path: Path, segmenter: Segmenter) -> None:
    path = cut_short(film(tmp_path / "film.mkv", n=30))
    row = fail(segmenter, path, tmp_path / "out", "masks", overlays=True)
    assert (row.status, row.pixels) == ("error", {})
    assert row.frames is not None
    assert 2 < row.frames < 20
    assert row.error.startswith(f"{path}: is cut short: it ends at ")
    assert row.error.endswith(f" s of 3.00 s, {row.frames} frames could be decoded.")
    assert len(frames_in(labelled_video_path(tmp_path / "out", "film.mkv"))) == row.frames
    assert len(files_in(tmp_path / "out" / "masks")) == row.frames
    film(path, n=30)
    assert segment(segmenter, path, tmp_path / "out", "masks", overlays=True).n_frames == 30  # tried again


def test_what_is_no_video_is_an_error(tmp_path: Path, segmenter: Segmenter) -> None:
    draw(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "text.mp4").write_text("No video.\n" * 50)
    headless = film(tmp_path / "in" / "headless.mp4")
    headless.write_bytes(headless.read_bytes()[:2000])
    frameless = film(tmp_path / "in" / "frameless.avi", codec="mjpeg")
    content = frameless.read_bytes()
    start = content.index(b"movi") + 4
    frameless.write_bytes(content[:start] + bytes(len(content) - start))
    assert segment(segmenter, tmp_path / "in", tmp_path / "out").n_error == 3
    rows = rows_of(tmp_path / "out")
    assert {
        row.path: (row.status, row.width, row.frames) for row in rows.values() if row.path != "a.png"
    } == dict.fromkeys(["text.mp4", "headless.mp4", "frameless.avi"], ("error", None, 0))
    assert rows["frameless.avi"].error == f"{frameless}: has no frame that can be decoded."
    assert rows["text.mp4"].error.startswith(f"{tmp_path / 'in' / 'text.mp4'}: cannot be read as a video: ")
    assert not (tmp_path / "out" / "overlays").exists() or files_in(tmp_path / "out" / "overlays") == []


class Overflowing(nn.Module):
    """A model that says infinity from the batch with the seventh frame on."""

    n_seen = 0

    def forward(self, x: Tensor) -> Tensor:
        self.n_seen += len(x)
        return x + torch.inf if self.n_seen > 6 else x


@pytest.mark.parametrize(("batch_size", "n_good"), [(1, 6), (4, 4)])
def test_a_frame_of_which_the_model_says_no_number_ends_its_video(tmp_path: Path, batch_size: int, n_good: int) -> None:
    segmenter = Segmenter(Overflowing(), tiny_config(DATASET={"N_CLASSES": 3}), CLASS_NAMES[:3], "cpu")
    path = film(tmp_path / "film.mp4", n=10, rate=10)
    row = fail(segmenter, path, tmp_path / "out", "masks", overlays=True, batch_size=batch_size)
    assert (row.status, row.frames, row.pixels) == ("error", n_good, {})
    assert row.error.startswith(f"{path}: frame {n_good} at {n_good / 10:.2f} s: The model's output is NaN")
    assert len(files_in(tmp_path / "out" / "masks")) == n_good
    assert not labelled_video_path(tmp_path / "out", "film.mp4").exists()
    assert not frames_path(tmp_path / "out", "film.mp4").exists()


def test_large_frames_are_labelled_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = tiny_segmenter(INFERENCE={"MODE": "slide", "WINDOW": 24, "FLIP": True})
    path = film(tmp_path / "film.mp4", n=4)
    segment(segmenter, path, tmp_path / "small", "masks")
    monkeypatch.setattr("deeplab.inference.videos._LARGE_PIXELS", 1000)
    segment(segmenter, path, tmp_path / "large", "masks")
    for number in range(4):
        small, large = (read_mask(frame_mask_path(tmp_path / name, "film.mp4", number)) for name in ("small", "large"))
        assert np.array_equal(small, large)


def test_the_crf_refines_frames(tmp_path: Path, segmenter: Segmenter) -> None:
    path = film(tmp_path / "film.mp4", n=2)
    segment(segmenter, path, tmp_path / "plain", "masks")
    refined = tiny_segmenter(crf=True, CRF={"POS_W": 50})
    segment(refined, path, tmp_path / "refined", "masks")
    plain, smooth = (read_mask(frame_mask_path(tmp_path / name, "film.mp4", 1)) for name in ("plain", "refined"))
    assert (plain != smooth).any()
    assert np.array_equal(smooth, refined.predict([frames_in(path)[1].image])[0])


def test_bands_and_ranges_are_not_ignored(tmp_path: Path) -> None:
    segmenter = tiny_segmenter(IMAGE={"BANDS": [3, 2, 1]})
    film(tmp_path / "film.mp4", n=2)
    row = fail(segmenter, tmp_path / "film.mp4", tmp_path / "out")
    assert row.error == (
        f"{tmp_path / 'film.mp4'}: IMAGE.BANDS and IMAGE.RANGE are about image files; a video has 8-bit RGB alone."
    )


def test_a_name_that_is_too_long_for_results_is_an_error_of_its_video(tmp_path: Path, segmenter: Segmenter) -> None:
    name = "n" * 250 + ".mp4"
    film(tmp_path / "film.mp4", n=2).rename(tmp_path / name)
    assert "File name too long" in fail(segmenter, tmp_path / name, tmp_path / "out").error


def test_frames_may_change_their_size(tmp_path: Path, segmenter: Segmenter) -> None:
    path = tmp_path / "film.ts"
    parts = []
    for number, (height, width) in enumerate(((32, 48), (64, 80))):
        part = tmp_path / f"{number}.ts"
        with av.open(str(part), "w", format="mpegts") as container:
            stream = container.add_stream("libx264", rate=10)
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            for place in range(3):
                frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 90, np.uint8))
                frame.pts, frame.time_base = 3 * number + place, Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        parts.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))
    segment(segmenter, path, tmp_path / "out", "masks", overlays=True)
    assert rows_of(tmp_path / "out")["film.ts"].frames == 6
    assert read_mask(frame_mask_path(tmp_path / "out", "film.ts", 5)).shape == (64, 80)
    labelled = frames_in(labelled_video_path(tmp_path / "out", "film.ts"))
    assert {frame.image.shape for frame in labelled} == {(32, 48, 3)}
