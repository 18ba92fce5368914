"""Which split each image of an export belongs to. Torch-free."""

import random
from collections import defaultdict
from collections.abc import Sequence

from deeplab.datasets.importing.export import LabelledImage

USUAL_SHARE = 0.2  # of the images: for validation


def assign_splits(images: Sequence[LabelledImage], share: float | None, seed: int) -> dict[str, list[LabelledImage]]:
    """Sort images into splits: the export's own, or training and validation by chance.

    Args:
        images: in an order that does not depend on the machine.
        share: how many of the images are for validation, from 0 to 1; None: as the export says or, if it has no split
            for validation, USUAL_SHARE. A share that is given draws training and validation anew; other splits stay.
        seed: of the draw; equal seeds give equal splits.

    Returns:
        The images by split, in their order; no split is empty.
    """
    splits: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for image in images:
        splits[image.split or "train"].append(image)
    if share is None and "val" in splits:
        return dict(splits)
    pool = [image for image in images if (image.split or "train") in ("train", "val")]
    n_val = _count(len(pool), USUAL_SHARE if share is None else share)
    chosen = set(random.Random(seed).sample(range(len(pool)), n_val))  # noqa: S311 -- no secret
    splits["train"] = [image for place, image in enumerate(pool) if place not in chosen]
    splits["val"] = [image for place, image in enumerate(pool) if place in chosen]
    return {name: members for name, members in splits.items() if members}


def _count(n_images: int, share: float) -> int:
    """How many images are for validation: at least one, if any shall be, and never all."""
    if share == 0 or n_images < 2:
        return 0
    return min(max(round(share * n_images), 1), n_images - 1)
