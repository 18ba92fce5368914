from pathlib import Path

import pytest

from deeplab.config import parse_config
from deeplab.datasets.split import open_split
from deeplab.datasets.version import split_version
from deeplab.errors import DatasetError
from tests.deeplab.datasets.arrangements import LAYOUTS, arrange, draw_sources
from tests.deeplab.drawing import draw_folder


def version_of(root: Path, *, labelled: bool = True, **dataset: object) -> str:
    config = parse_config({"DATASET": {"N_CLASSES": 3, "ROOT": str(root), **dataset}}, "test")
    return split_version(open_split(config, config.DATASET.SPLIT.VAL, labelled=labelled))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_has_a_version_that_its_place_does_not_change(tmp_path: Path, layout: str) -> None:
    train, val = (draw_sources(tmp_path / f"{n}", n=3, n_classes=3, seed=n) for n in (0, 1))
    here, there = (arrange(layout, tmp_path / name, train, val) for name in ("here", "there"))

    versions = [version_of(Path(each.pop("ROOT")), **each) for each in (here, there)]
    assert versions[0] == versions[1]
    assert len(versions[0]) == 16

    other = arrange(layout, tmp_path / "other", train, val[:2])
    assert version_of(Path(other.pop("ROOT")), **other) != versions[0]


def test_files_of_other_sizes_are_another_version(tmp_path: Path) -> None:
    root = draw_folder(tmp_path)
    versions = [version_of(root)]
    for file in (root / "images" / "0.png", root / "masks" / "0.png"):
        with next(root.glob(f"{file.parent.name}/{file.stem}.*")).open("ab") as opened:
            opened.write(b"\0")
        versions.append(version_of(root))
    assert len(set(versions)) == 3


def test_masks_in_other_colours_are_another_version(tmp_path: Path) -> None:
    root = draw_folder(tmp_path)
    palettes = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, first in zip(palettes, (0, 1), strict=True):
        path.write_text("".join(f"{(n + first) % 3} {n} {n} {n}\n" for n in range(3)))
    versions = {version_of(root, PALETTE=str(path)) for path in palettes}
    assert len(versions) == 2


def test_a_split_without_ground_truth_has_a_version(tmp_path: Path) -> None:
    root = draw_folder(tmp_path)
    labelled = version_of(root)
    for mask in (root / "masks").iterdir():
        mask.rename(root / mask.name)
    (root / "masks").rmdir()
    assert version_of(root, labelled=False) != labelled


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    root = draw_folder(tmp_path)
    config = parse_config({"DATASET": {"N_CLASSES": 3, "ROOT": str(root)}}, "test")
    dataset = open_split(config, "val")
    dataset.pairs[1].ground_truth.path.unlink()
    with pytest.raises(DatasetError, match=r"masks/1\.png: cannot be looked at: No such file"):
        split_version(dataset)
