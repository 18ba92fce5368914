import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deeplab.errors import OutputError, VideoError
from deeplab.video.file import VideoFile
from deeplab.video.frame import Frame
from deeplab.video.writer import write_video
from tests.deeplab.video.filming import random_images


@pytest.mark.parametrize("suffix", ["mp4", "mov", "MP4"])
def test_frames_come_back_with_their_times(tmp_path: Path, suffix: str) -> None:
    times = [0, 0.1, 0.5, 0.5, 0.52, 2]  # as irregular as a camera's; no two frames can share a time
    path = tmp_path / "new" / f"film.{suffix}"
    with write_video(path) as add:
        for image, seconds in zip(random_images(6), times, strict=True):
            add(Frame(image, seconds))
    with VideoFile(path) as video:
        frames = list(video)
    assert [frame.seconds for frame in frames] == pytest.approx(times, abs=1e-4)
    for frame, image in zip(frames, random_images(6), strict=True):
        assert frame.image.mean() == pytest.approx(image.mean(), abs=4)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_odd_sides_grow_by_a_pixel_that_repeats_the_edge(tmp_path: Path) -> None:
    image = np.zeros((33, 47, 3), np.uint8)
    image[-1] = 200
    with write_video(tmp_path / "film.mp4") as add:
        add(Frame(image, 0))
    with VideoFile(tmp_path / "film.mp4") as video:
        (frame,) = video
    assert frame.image.shape == (34, 48, 3)
    assert frame.image[-1, :46].mean() == pytest.approx(200, abs=30)


def test_nothing_is_left_of_a_video_that_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), write_video(tmp_path / "film.mp4") as add:
        add(Frame(next(random_images(1)), 1 / len(list(tmp_path.glob("film.mp4")))))
    with pytest.raises(VideoError, match="There was no frame to write"), write_video(tmp_path / "film.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_names_of_other_containers_are_refused(tmp_path: Path) -> None:
    sentence = r"film\.avi: a video's name must end in \.mp4, \.mov\."
    with pytest.raises(OutputError, match=sentence), write_video(tmp_path / "film.avi"):
        pass


def test_a_full_disk(tmp_path: Path) -> None:
    # A process of its own, whose files may have no more than a thousand bytes.
    code = f"""
import resource, signal
from tests.deeplab.video.test_writer import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with pytest.raises(OutputError, match="film.mp4: cannot be written: File too large"):
    with write_video(Path({str(tmp_path)!r}) / "film.mp4") as add:
        for number, image in enumerate(random_images(20)):
            add(Frame(image, number))
"""
    subprocess.run([sys.executable, "-B", "-c", code], check=True)
    assert list(tmp_path.iterdir()) == []
