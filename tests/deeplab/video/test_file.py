import re
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from deeplab.errors import VideoError
from deeplab.video.file import VideoFile
from tests.deeplab.video.filming import cut_short, film, film_unevenly, random_images, with_matrix

Pixels = NDArray[np.uint8]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.avi"])
def test_every_frame_in_order(tmp_path: Path, name: str) -> None:
    with VideoFile(film(tmp_path / name, n=10, rate=10)) as video:
        frames = list(video)
    assert (video.n_frames, video.n_damaged, video.damage()) == (10, 0, "")
    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(10) / 10, abs=2e-3)
    for frame, expected in zip(frames, random_images(10), strict=True):
        assert frame.image.shape == (32, 48, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.mean() == pytest.approx(expected.mean(), abs=4)


def test_frames_are_turned_upright(tmp_path: Path) -> None:
    straight, turned = film(tmp_path / "straight.mp4"), film(tmp_path / "turned.mp4", rotation=90)
    with VideoFile(straight) as video:
        as_filmed = next(iter(video)).image
    with VideoFile(turned) as video:
        upright = next(iter(video)).image
    assert np.array_equal(upright, np.rot90(as_filmed))


@pytest.mark.parametrize(
    ("matrix", "seen"),
    [
        ((1, 0, 0, 1), lambda image: image),
        ((-1, 0, 0, 1), np.fliplr),  # a front camera
        ((1, 0, 0, -1), np.flipud),
        ((-1, 0, 0, -1), lambda image: image[::-1, ::-1]),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((0, -1, 1, 0), np.rot90),
        ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda image: np.rot90(image, 2).transpose(1, 0, 2)),
    ],
)
def test_frames_are_mirrored_as_the_file_says(
    tmp_path: Path, matrix: tuple[int, int, int, int], seen: Callable[[Pixels], Pixels]
) -> None:
    straight = film(tmp_path / "straight.mp4")
    with VideoFile(straight) as video:
        as_filmed = next(iter(video)).image
    with VideoFile(with_matrix(straight, tmp_path / "turned.mp4", matrix)) as video:
        assert np.array_equal(next(iter(video)).image, seen(as_filmed))


def test_what_cannot_be_decoded_is_left_out_and_counted(tmp_path: Path) -> None:
    path = film(tmp_path / "film.avi", n=30, codec="mjpeg")
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    with VideoFile(path) as video:
        assert 10 < len(list(video)) < 30
        assert video.n_damaged > 0
        sentence = (
            rf"film\.avi: is damaged: \d+ pieces? could not be decoded, {video.n_decoded} frames could be decoded\."
        )
        assert re.search(sentence, video.damage())


def test_a_video_that_was_cut_short_ends_early(tmp_path: Path) -> None:
    with VideoFile(cut_short(film(tmp_path / "film.mkv", n=30))) as video:
        frames = list(video)
        assert 2 < len(frames) < 20
        found = f"{len(frames) / 10:.2f} s of 3.00 s, {len(frames)} frames could be decoded."
        assert video.damage() == f"{tmp_path}/film.mkv: is cut short: it ends at {found}"


def test_only_every_nth_frame(tmp_path: Path) -> None:
    with VideoFile(film(tmp_path / "film.mp4", n=10, rate=10), every=4) as video:
        frames = list(video)
    assert (video.n_frames, video.n_decoded, video.damage()) == (3, 10, "")
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.4, 0.8])


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.mov"])
def test_the_last_frame_may_be_shown_long(tmp_path: Path, name: str) -> None:
    """As in a recording of a screen on which nothing happens."""
    times = [0, 40, 80, 2000, 2040, 7000]
    with VideoFile(film_unevenly(tmp_path / name, times)) as video:
        frames = list(video)
        assert video.damage() == ""
    assert [frame.seconds for frame in frames] == pytest.approx([time / 1000 for time in times], abs=2e-3)


def write_music(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        samples.sample_rate = 8000
        container.mux(stream.encode(samples))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone.mp4", "gone.mp4: the video does not exist."),
        ("folder", "folder: is not a file."),
        ("text.mp4", "text.mp4: cannot be read as a video: Invalid data"),
        ("text.txt", "text.txt: has no video stream."),
        ("music.wav", "music.wav: has no video stream."),
        ("list.mp4", "list.mp4: cannot be read as a video: Invalid argument."),
        ("headless.mp4", "headless.mp4: cannot be read as a video: Invalid data"),
    ],
)
def test_files_that_are_not_videos_are_refused(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "folder").mkdir()
    for text in ("text.mp4", "text.txt"):
        (tmp_path / text).write_text("No video here.\n" * 50)
    write_music(tmp_path / "music.wav")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile whole.mp4\n")  # FFmpeg would read the other file
    whole = film(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "headless.mp4").write_bytes(whole[: whole.index(b"moov")])  # as after a crash of the writer
    with pytest.raises(VideoError) as error:
        VideoFile(tmp_path / name)
    assert str(error.value).startswith(f"{tmp_path}/{sentence}")


def test_a_video_without_a_frame(tmp_path: Path) -> None:
    path = film(tmp_path / "film.avi", codec="mjpeg")
    content = path.read_bytes()
    start = content.index(b"movi") + 4
    path.write_bytes(content[:start] + bytes(len(content) - start))
    with VideoFile(path) as video, pytest.raises(VideoError, match=r"film\.avi: has no frame that can be decoded\."):
        list(video)


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "film.mp4")
    monkeypatch.setitem(sys.modules, "av", None)  # as if it were not installed
    with pytest.raises(VideoError, match=r"requires PyAV; install deeplab-platform\[live\]\."):
        VideoFile(path)
