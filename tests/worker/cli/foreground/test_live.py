import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deeplab.formats import plural
from deeplab.video.file import VideoFile
from tests.deeplab.video.filming import film
from tests.worker.cli.conftest import Deeplab


@pytest.fixture(autouse=True)
def headless(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


def n_frames(path: Path) -> int:
    with VideoFile(path) as video:
        return len(list(video))


@pytest.mark.parametrize("options", [[], ["--crf"]])
def test_a_file_without_a_display(
    deeplab: Deeplab, model_options: list[str], tmp_path: Path, options: list[str]
) -> None:
    ended = deeplab("live", *model_options, "--video", film(tmp_path / "street.mp4", n=4), *options)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == f"Segmented 4 frames.\nVideo: {tmp_path / 'street_labels.mp4'}\n"
    assert "4/4 frames" in ended.stderr
    assert n_frames(tmp_path / "street_labels.mp4") == 4


def test_json_and_another_name(deeplab: Deeplab, model_options: list[str], tmp_path: Path) -> None:
    output = tmp_path / "new" / "out.mov"
    ended = deeplab("live", *model_options, "--video", film(tmp_path / "street.mp4", n=2), "-o", output, "--json")
    assert json.loads(ended.stdout) == {"video": str(output), "frames": 2, "damaged": 0}
    assert n_frames(output) == 2


def test_ctrl_c_leaves_a_video_that_plays(model_options: list[str], tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "worker.cli",
        "live",
        *model_options,
        "--video",
        str(film(tmp_path / "a.mp4", n=2000)),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert child.stderr.readline().startswith("1/2000 frames")
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=120)
    assert child.returncode == 130, said
    n_written = n_frames(tmp_path / "a_labels.mp4")
    assert 1 <= n_written < 2000
    assert (
        said.splitlines()[-1]
        == f"Stopped after {plural(n_written, 'frame')}. The video so far is in {tmp_path / 'a_labels.mp4'}."
    )


@pytest.mark.usefixtures("display")
def test_a_file_on_a_display(deeplab: Deeplab, model_options: list[str], tmp_path: Path) -> None:
    ended = deeplab("live", *model_options, "--video", film(tmp_path / "a.mp4", n=3))
    assert (ended.exit_code, ended.output) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--video", "gone.mp4"], 1, "gone.mp4: the video does not exist.\n"),
        (["--camera-id", "99"], 1, "99: the camera cannot be opened: "),
        (["--video", "street.mp4", "--camera-id", "0"], 2, "Give either --video or --camera-id, not both.\n"),
        (["--video", "street.mp4", "-o", "./street.mp4"], 2, "-o must name another file than --video.\n"),
        (["--video", "street.mp4", "-o", "out.gif"], 1, "out.gif: a video's name must end in .mp4, .mov.\n"),
    ],
)
def test_bad_input_is_one_sentence(
    deeplab: Deeplab,
    model_options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "street.mp4", n=2)
    ended = deeplab("live", *model_options, *options)
    assert ended.exit_code == code
    assert sentence in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["street.mp4"]
