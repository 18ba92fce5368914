from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deeplab.datasets.importing.export import LabelledImage
from deeplab.datasets.importing.splitting import assign_splits


class Nothing:
    size = None

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        raise NotImplementedError


def images(*splits: str | None) -> list[LabelledImage]:
    return [LabelledImage(f"{n}", Path(f"{n}.jpg"), Nothing(), "", split) for n, split in enumerate(splits)]


def names(assigned: dict[str, list[LabelledImage]]) -> dict[str, list[str]]:
    return {split: [image.name for image in members] for split, members in assigned.items()}


def test_equal_seeds_give_equal_splits() -> None:
    first, again, other = (names(assign_splits(images(*[None] * 20), 0.2, seed)) for seed in (3, 3, 4))
    assert first == again != other
    assert {split: len(members) for split, members in first.items()} == {"train": 16, "val": 4}
    assert sorted(first["train"] + first["val"], key=int) == [str(n) for n in range(20)]


def test_the_own_splits_of_an_export_stay() -> None:
    own = images("train", "val", "test", "train")
    assert names(assign_splits(own, None, 0)) == {"train": ["0", "3"], "val": ["1"], "test": ["2"]}


def test_a_share_draws_anew_but_leaves_other_splits() -> None:
    assigned = names(assign_splits(images("train", "val", "test", *["train"] * 8), 0.5, 0))
    assert (len(assigned["train"]), len(assigned["val"]), assigned["test"]) == (5, 5, ["2"])


def test_a_lack_of_images_for_validation_is_filled() -> None:
    assigned = names(assign_splits(images("train", "test", "train"), None, 0))
    assert (len(assigned["train"]), len(assigned["val"]), assigned["test"]) == (1, 1, ["1"])


@pytest.mark.parametrize(("n", "share", "n_val"), [(1, 0.5, 0), (2, 0.01, 1), (2, 0.99, 1), (10, 0, 0)])
def test_neither_is_empty_if_both_can_have_images(n: int, share: float, n_val: int) -> None:
    assert len(assign_splits(images(*[None] * n), share, 0).get("val", [])) == n_val
