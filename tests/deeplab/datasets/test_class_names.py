from pathlib import Path

import pytest

from deeplab.datasets.class_names import (
    class_names_of,
    default_class_names,
    load_class_colours,
    load_class_names,
    save_class_names,
)
from deeplab.errors import DatasetError
from deeplab.schema import Dataset


def write(folder: Path, text: str) -> Path:
    path = folder / "labels.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_names_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "0\t__background__\n1\ttraffic light\n\n2\tÄpfel")
    names = ["__background__", "traffic light", "Äpfel"]
    assert load_class_names(path, 3) == names
    save_class_names(path, names)
    assert load_class_names(path, 3) == names


def test_a_class_may_have_a_colour(tmp_path: Path) -> None:
    path = write(tmp_path, "0\tsky\t#8FC1ff\n1\troad\n2\ttree \t#0a8f00 \n3\tsea\t\n")
    assert load_class_names(path, 4) == ["sky", "road", "tree", "sea"]
    assert load_class_colours(path) == {0: (0x8F, 0xC1, 0xFF), 2: (0x0A, 0x8F, 0x00)}


def test_default_names() -> None:
    assert default_class_names(2) == ["class 0", "class 1"]


def test_a_configuration_has_the_names_of_its_labels_file_or_default_ones(tmp_path: Path) -> None:
    path = str(write(tmp_path, "0\tsky\n1\troad\n"))
    assert class_names_of(Dataset(N_CLASSES=2, LABELS=path)) == ["sky", "road"]
    assert class_names_of(Dataset(N_CLASSES=2)) == ["class 0", "class 1"]
    with pytest.raises(DatasetError, match=r"names 2 classes, but DATASET\.N_CLASSES is 3"):
        class_names_of(Dataset(N_CLASSES=3, LABELS=path))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0\ta\n2\tb\n", "line 2: class 1 is missing before class 2."),
        ("0\ta\n0\tb\n", "line 2: class 0 appears twice or out of order; expected class 1."),
        ("0 a\n", "line 1 is '0 a'; expected 'index<TAB>name'."),
        ("x\ta\n", "line 1 is 'x\\ta'; expected 'index<TAB>name'."),
        ("0\t \n", "line 1 is '0\\t '; expected 'index<TAB>name'."),
        ("0\ta\t#12345\n", "line 1: the colour is '#12345'; expected a colour such as #8f3a00."),
        ("0\ta\tred\n", "line 1: the colour is 'red'; expected a colour such as #8f3a00."),
        ("\n", "the labels file is empty; expected one 'index<TAB>name' per line."),
        ("0\ta\n", "the file names 1 classes, but DATASET.N_CLASSES is 2."),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DatasetError) as caught:
        load_class_names(path, 2)
    assert str(caught.value) == f"{path}: {reason}"


def test_a_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError) as absolute:
        load_class_names(tmp_path / "none.txt")
    assert str(absolute.value) == f"{tmp_path}/none.txt: the labels file does not exist."
    with pytest.raises(DatasetError) as relative:
        load_class_names(Path("none.txt"))
    places = f"neither in {tmp_path} nor in the configuration file's folder"
    assert str(relative.value) == f"none.txt: the labels file does not exist, {places}."


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "labels.txt").write_bytes("0\tsky\n1\tstra\u00dfe\n".encode(encoding))
    assert load_class_names(tmp_path / "labels.txt") == ["sky", "stra\u00dfe"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("".join(f"{each}\tc{each}\n" for each in range(256)), "the file names more than 255 classes, the limit."),
        (f"0\t{'x' * 201}", "line 1: the name of class 0 must be plain text of at most 200 characters."),
        ("0\ta\u202eb", "line 1: the name of class 0 must be plain text of at most 200 characters."),
        (f"{'9' * 5000}\ta", "line 1: class 0 is missing before class 9999999999."),
        ("x" * 1_000_001, "the labels file cannot be read: has more than 1,000,000 bytes, the limit."),
    ],
)
def test_a_labels_file_is_bounded(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(text)
    with pytest.raises(DatasetError) as caught:
        load_class_names(path)
    assert str(caught.value) == f"{path}: {sentence}"


def test_a_discreet_sentence_repeats_nothing_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("db.example:5432:app:app:hunter2")
    with pytest.raises(DatasetError, match=r"line 1 is 'db\.example:5432:app:app:hunter2'; expected") as caught:
        load_class_names(path)
    assert caught.value.discreet == f"{path}: line 1 is something else; expected 'index<TAB>name'."
