from pathlib import Path

import pytest

from deeplab.datasets.layouts.survey import LabelsFileError, SurveyLimits, survey_folder
from deeplab.errors import DatasetError
from tests.deeplab.drawing import draw_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six images, and the splits train and val of all of them."""
    root = draw_folder(tmp_path / "streets")
    (root / "labels.txt").write_text("0\tsky\n1\troad\n")
    return root


def test_a_split_is_a_text_file_that_names_an_image(folder: Path) -> None:
    """Others are not, whatever they are called."""
    (folder / "README.txt").write_text("Streets\n=======\n\nimages/ has 6 images.\n")
    (folder / "classes.txt").write_text("sky\nroad\n")
    (folder / "notes.txt").write_bytes("Stra\u00dfe".encode("latin-1"))
    (folder / "test.txt").touch()
    (folder / "elsewhere.txt").write_text("/data/images/0.png\n")
    (folder / "palette.txt").write_text("0 0 0 0\n")
    (folder / "half.txt").write_text("lost\n0\n\n")
    found = survey_folder(folder)
    assert found.splits == {"half": 2, "train": 6, "val": 6}
    assert list(found.other_texts) == ["README.txt", "classes.txt", "elsewhere.txt", "notes.txt", "test.txt"]
    assert found.notes[0] == f"{folder}/README.txt is no split list: none of its lines names an image."
    assert found.other_texts["notes.txt"].startswith("the split list cannot be read: is not a text")
    assert found.other_texts["test.txt"] == "the split is empty; expected one id per line"


@pytest.mark.parametrize("line", ["5", "5.png", "images/5.png", "./5.png", r"images\5.png", "{folder}/images/5.png"])
def test_an_image_is_named_as_in_a_split(folder: Path, line: str) -> None:
    (folder / "night.txt").write_text(line.format(folder=folder))
    assert survey_folder(folder).splits["night"] == 1


def test_images_in_subfolders_are_found(folder: Path) -> None:
    (folder / "images/val").mkdir()
    (folder / "images/0.png").rename(folder / "images/val/0.png")
    (folder / "val.txt").write_text("0\n")
    assert survey_folder(folder).splits == {"train": 6, "val": 1}


def test_lists_from_windows_and_files_of_other_kinds(folder: Path) -> None:
    (folder / "val.txt").write_bytes("0\r\n1\r\n".encode("utf-16"))
    (folder / "images/x.mov").touch()
    found = survey_folder(folder)
    assert found.splits == {"train": 6, "val": 2}
    assert found.passed_over == {f"{folder}/images": {"mov": 1}}
    assert found.notes == [f"{folder}/images: 1 file is of another kind: 1 mov."]


def test_masks_may_follow_later(folder: Path) -> None:
    for mask in (folder / "masks").iterdir():
        mask.unlink()
    assert survey_folder(folder).splits == {"train": 6, "val": 6}


def test_what_a_folder_lacks_is_named(folder: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        survey_folder(folder / "nowhere")
    (folder / "loop").symlink_to("loop")
    with pytest.raises(DatasetError, match="loop is not a folder"):
        survey_folder(folder / "loop")
    (folder / "train.txt").write_text("lost\n")
    (folder / "val.txt").unlink()
    with pytest.raises(DatasetError, match=r"has no split list, .*; train.txt: none of its lines names an image\.$"):
        survey_folder(folder)
    for image in (folder / "images").iterdir():
        image.unlink()
    with pytest.raises(DatasetError, match="images: the folder holds no image"):
        survey_folder(folder)
    (folder / "masks").rename(folder / "labels")
    with pytest.raises(DatasetError, match="masks is not a folder"):
        survey_folder(folder)


def test_a_survey_may_be_bounded(folder: Path) -> None:
    for limits, sentence in (
        (SurveyLimits(files=5), "images: the folder holds more than 5 files"),
        (SurveyLimits(texts=1), "streets holds 2 text files, any of which may be a split list; expected a few"),
        (SurveyLimits(list_bytes=3), "train.txt: the split list cannot be read: has more than 3 bytes, the limit"),
    ):
        with pytest.raises(DatasetError, match=sentence):
            survey_folder(folder, limits=limits)
    assert survey_folder(folder, limits=SurveyLimits(files=6, texts=2, list_bytes=100)).splits == {"train": 6, "val": 6}


def test_a_labels_file_that_cannot_be_used_is_told_from_the_folder(folder: Path) -> None:
    assert list(survey_folder(folder).class_names) == ["sky", "road"]
    (folder / "labels.txt").write_text("hunter2\n")
    with pytest.raises(LabelsFileError, match="line 1 is 'hunter2'") as caught:
        survey_folder(folder)
    assert "hunter2" not in caught.value.discreet
