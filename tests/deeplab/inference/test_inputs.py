from pathlib import Path

import pytest

from deeplab.errors import DatasetError
from deeplab.images.kinds import describe_passed_over
from deeplab.inference.inputs import count_frames, folder_of, list_inputs, require_inputs, walk_inputs
from deeplab.inference.output import prepare_output
from tests.deeplab.inference.conftest import draw
from tests.deeplab.video.filming import film


def test_images_and_videos_of_a_folder(tmp_path: Path) -> None:
    draw(tmp_path / "b" / "a.png")
    for name in ("c.MP4", "a.webm", "out/d.mkv", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    inputs = list_inputs(tmp_path, exclude=tmp_path / "out")
    assert (inputs.folder, inputs.items) == (tmp_path, ["a.webm", "b/a.png", "c.MP4"])
    assert inputs.passed_over == {"txt": 1}
    assert folder_of(tmp_path) == tmp_path


def test_one_video(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    inputs = list_inputs(path)
    assert (inputs.folder, inputs.items, inputs.passed_over) == (tmp_path, ["film.mp4"], {})
    assert folder_of(path) == tmp_path
    path.unlink()
    assert folder_of(path) == tmp_path


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("notes.txt", r"notes\.txt: is not a folder of images; as a file, a video is expected \(3gp avi flv"),
        ("gone.mp4", r"gone\.mp4: the folder does not exist; expected a folder of images"),
        ("empty", r"empty: the folder holds no image or video; expected files ending in .* mp4 .* png"),
    ],
)
def test_what_holds_nothing_to_segment_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=sentence):
        list_inputs(tmp_path / name)


def test_frames_are_counted_about(tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", n=10)
    (tmp_path / "broken.avi").touch()
    ticks: list[None] = []
    items = ["a.png", "broken.avi", "film.mp4"]
    assert count_frames(tmp_path, items, 3, lambda: ticks.append(None)) == {"broken.avi": 1, "film.mp4": 4}
    assert len(ticks) == 2


def test_results_of_earlier_runs_are_no_input(tmp_path: Path) -> None:
    for name in ("out", "deep/er"):
        prepare_output(tmp_path / name, tmp_path, {"labels": ["a"]}, ["a"])
    for name in ("a.png", "out/masks/a.png.png", "deep/er/masks/a.png.png", "others/b.png"):
        draw(tmp_path / name)
    (tmp_path / "others/run.json").write_text('{"run": "of another tool"}')
    inputs = list_inputs(tmp_path)
    assert (inputs.items, inputs.passed_over) == (["a.png", "others/b.png"], {"json": 1, "folders of results": 2})
    said = "1 file is of another kind: 1 json; 2 folders of results passed over"
    assert describe_passed_over(inputs.passed_over) == said
    for look in (list_inputs, require_inputs, walk_inputs):
        with pytest.raises(DatasetError, match=r"out: holds the results of a segmentation \(run\.json\); expected"):
            look(tmp_path / "out")
