from pathlib import Path

import pytest

from deeplab.datasets.class_names import load_class_names
from deeplab.datasets.hierarchy import ancestors, load_hierarchy
from deeplab.errors import DatasetError
from tests.paths import CONFIGS

LABELS = CONFIGS / "labels"


def test_every_class_of_cocostuff_has_its_place() -> None:
    parents = load_hierarchy(LABELS / "cocostuff_hierarchy.yaml")
    names = load_class_names(LABELS / "cocostuff.txt", 182)
    assert {name for name in parents if name not in parents.values()} == set(names)
    tops = [ancestors(parents, name)[-1] for name in names]
    assert tops == ["things"] * 91 + ["stuff"] * 91
    assert {len(ancestors(parents, name)) for name in names} == {3}


def test_parents_of_a_class_and_of_a_group() -> None:
    parents = load_hierarchy(LABELS / "cocostuff_hierarchy.yaml")
    assert parents["person"] == "person-things"
    assert ancestors(parents, "person") == ("person-things", "outdoor-super-things", "things")
    assert ancestors(parents, "sky-stuff") == ("outdoor-super-stuff", "stuff")
    assert ancestors(parents, "stuff") == ()


def test_unknown_name_is_refused() -> None:
    with pytest.raises(DatasetError, match="'unicorn' is not in the hierarchy"):
        ancestors({"person": "things"}, "unicorn")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("things: [cat, cat]", "'cat' appears twice"),
        ("a: {b: [c]}\nd: {b: [e]}", "'b' appears twice"),
        ("things: [things]", "'things' appears twice"),
        ("things: {things: [cat]}", "'things' appears twice"),
        ("a: {b: {a: [c]}}", "'a' appears twice"),
        ("things: cat", "things must hold groups or a list of class names"),
        ("things: [[cat]]", "things must hold groups"),
        ("[cat, dog]", "the file must hold groups"),
        ("things: [", "cannot be read"),
    ],
)
def test_malformed_trees_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "tree.yaml"
    path.write_text(text)
    with pytest.raises(DatasetError, match=reason) as caught:
        load_hierarchy(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"tree\.yaml: the hierarchy file does not exist"):
        load_hierarchy(tmp_path / "tree.yaml")
