from pathlib import Path

import numpy as np
import pytest

from deeplab.images.palette import palette
from deeplab.schema import Dataset
from web.results.class_colours import colours_of_dataset, distinct_colours


def test_colours_are_those_of_the_masks_unless_somebody_chose_others(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("0\tsky\n1\troad\t#102030\n2\ttree\n")
    (tmp_path / "palette.txt").write_text("1 9 9 9\n2 40 50 60\n2 41 50 60\n")
    labels, table = str(tmp_path / "labels.txt"), str(tmp_path / "palette.txt")
    assert np.array_equal(colours_of_dataset(Dataset(N_CLASSES=3)), palette(3))
    chosen = colours_of_dataset(Dataset(N_CLASSES=3, LABELS=labels, PALETTE=table))
    assert chosen[:3].tolist() == [[0, 0, 0], [16, 32, 48], [40, 50, 60]]
    assert np.array_equal(chosen[3:], palette(3)[3:])


def test_without_their_files_colours_are_those_of_the_masks(tmp_path: Path) -> None:
    gone = Dataset(N_CLASSES=3, LABELS=str(tmp_path / "none.txt"), PALETTE=str(tmp_path / "none"))
    assert np.array_equal(colours_of_dataset(gone), palette(3))


@pytest.mark.parametrize(("n", "least"), [(11, 90), (21, 60), (255, 20)])
def test_distinct_colours_differ_from_one_another_and_from_both_grounds(n: int, least: int) -> None:
    colours = distinct_colours()[:n].astype(int)
    assert len({tuple(each) for each in colours.tolist()}) == n
    apart = np.abs(colours[:, None] - colours[None, :]).sum(axis=-1)
    assert apart[~np.eye(n, dtype=bool)].min() >= least / 2
    brightness = colours @ (0.2126, 0.7152, 0.0722)
    assert brightness.min() > 30
    assert brightness.max() < 235
