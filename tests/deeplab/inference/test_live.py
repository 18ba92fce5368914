from pathlib import Path

import numpy as np
import pytest

from deeplab.images.overlay import draw_overlay
from deeplab.images.palette import palette
from deeplab.inference.live import segment_frames, write_overlay_video
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.single import segment_image
from deeplab.video.file import VideoFile
from deeplab.video.frame import Frame
from tests.deeplab.video.filming import film, random_images
from tests.reporters import Recorder


def test_overlay_is_half_image_and_half_colour() -> None:
    image = np.full((2, 3, 3), 101, np.uint8)
    labels = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    assert np.array_equal(draw_overlay(image, labels, palette()), 50 + palette()[labels] // 2)


def test_each_frame_is_segmented_like_a_single_image(segmenter: Segmenter) -> None:
    frames = [Frame(image, 0.1 * number) for number, image in enumerate(random_images(3))]
    labelled = list(segment_frames(segmenter, frames))
    for frame, result in zip(frames, labelled, strict=True):
        single = segment_image(segmenter, frame.image)
        assert np.array_equal(result.label_map, single.label_map)
        assert np.array_equal(result.overlay, draw_overlay(*single, segmenter.class_colours))
        assert result.seconds == frame.seconds
    assert labelled[0].rate == 0
    assert labelled[2].rate > 0


def test_a_video_of_overlays(segmenter: Segmenter, tmp_path: Path) -> None:
    reporter = Recorder()
    with VideoFile(film(tmp_path / "film.mp4", n=5, rate=4)) as video:
        assert write_overlay_video(segmenter, video, tmp_path / "labels.mp4", reporter) == 5
    assert reporter.progressed == [(done, 5, "frame") for done in range(1, 6)]
    with VideoFile(tmp_path / "film.mp4") as video, VideoFile(tmp_path / "labels.mp4") as written:
        for expected, frame in zip(segment_frames(segmenter, video), written, strict=True):
            assert frame.seconds == pytest.approx(expected.seconds, abs=1e-3)
            height, width = expected.label_map.shape
            assert frame.image[:height, :width].mean() == pytest.approx(expected.overlay.mean(), abs=4)


def test_stopped_early_the_video_is_whole(segmenter: Segmenter, tmp_path: Path) -> None:
    with VideoFile(film(tmp_path / "film.mp4", n=5)) as video:
        assert write_overlay_video(segmenter, video, tmp_path / "labels.mp4", Recorder(stop_after=2)) == 2
    with VideoFile(tmp_path / "labels.mp4") as written:
        assert len(list(written)) == 2
