"""The samples of one split, by their place in its list. Torch-free."""

from collections.abc import Sequence

from deeplab.datasets.pairs import Pair
from deeplab.datasets.sample import Sample, read_sample, warp


class SplitDataset:
    """Reads each pair of a split when it is asked for.

    Args:
        name: of the split, for sentences.
        pairs: where the files are.
        n_classes: how many classes label maps may hold.
        ignore_label: the value of pixels without a class.
        side: warp every sample to a square of so many pixels; None leaves them as they are.
    """

    def __init__(
        self, name: str, pairs: Sequence[Pair], n_classes: int, ignore_label: int, side: int | None = None
    ) -> None:
        self.name = name
        self.pairs = pairs
        self.ids = [pair.id for pair in pairs]
        self.n_classes = n_classes
        self.ignore_label = ignore_label
        self.side = side

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read a pair. Raises DatasetError or ImageError as `read_sample` does."""
        sample = read_sample(self.pairs[index], self.n_classes, self.ignore_label)
        return sample if self.side is None else warp(sample, self.side)
