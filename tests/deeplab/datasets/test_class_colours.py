from pathlib import Path

import numpy as np

from deeplab.datasets.class_colours import class_colours_of
from deeplab.images.palette import palette
from deeplab.schema import Dataset


def test_colours_are_those_of_the_masks_unless_somebody_chose_others(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("0\tsky\n1\troad\t#102030\n2\ttree\n")
    (tmp_path / "palette.txt").write_text("1 9 9 9\n2 40 50 60\n2 41 50 60\n")
    labels, table = str(tmp_path / "labels.txt"), str(tmp_path / "palette.txt")
    assert np.array_equal(class_colours_of(Dataset(N_CLASSES=3)), palette(3))
    chosen = class_colours_of(Dataset(N_CLASSES=3, LABELS=labels, PALETTE=table))
    assert chosen[:3].tolist() == [[0, 0, 0], [16, 32, 48], [40, 50, 60]]
    assert np.array_equal(chosen[3:], palette(3)[3:])


def test_without_their_files_colours_are_those_of_the_masks(tmp_path: Path) -> None:
    gone = Dataset(N_CLASSES=3, LABELS=str(tmp_path / "none.txt"), PALETTE=str(tmp_path / "none"))
    assert np.array_equal(class_colours_of(gone), palette(3))
