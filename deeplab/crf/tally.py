"""Count confusions of several settings over the images of a subset; a file carries the counts over to the next run."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab import remote
from deeplab.crf.labelling import Refined
from deeplab.files import make_folder, printable, replace_file
from deeplab.scores.metrics import ConfusionMatrix, Scores

_log = logging.getLogger(__name__)


class Tally:
    """Counts whole images: an image counts when it was refined under all settings.

    Args:
        n_settings: settings under which each image is refined.
        n_classes: of the label maps.
        ids: of the images, in the order in which they are refined.
    """

    def __init__(self, n_settings: int, n_classes: int, ids: Sequence[str]) -> None:
        self.n_settings = n_settings
        self.n_done = 0  # images
        self._n_classes = n_classes
        self._ids = list(ids)
        self._counts = np.zeros((n_settings, n_classes, n_classes), np.int64)
        self._of_image = np.zeros_like(self._counts)

    @property
    def n_images(self) -> int:
        """Number of images to count."""
        return len(self._ids)

    def add(self, refined: Refined) -> None:
        """Count an image under one setting. Images come in order, and each with its settings in order."""
        matrix = ConfusionMatrix(self._n_classes)
        matrix.update(refined.sample.label_map, refined.labels)
        self._of_image[refined.number] = matrix.counts()
        if refined.number == self.n_settings - 1:
            self._counts += self._of_image
            self.n_done += 1

    def scores(self) -> list[Scores]:
        """Compute the scores of each setting. Raises ValueError if no pixel has a class."""
        return [self._scores(counts) for counts in self._counts]

    def save(self, path: Path) -> None:
        """Write the counts, whole or not at all. Raises OutputError if the file cannot be written."""
        make_folder(path.parent)
        with replace_file(path) as file:
            np.savez_compressed(file, counts=self._counts, ids=np.array(self._ids[: self.n_done], np.str_))

    def load(self, path: Path) -> None:
        """Continue from a file; start over, with a warning, if it is damaged or of another search."""
        try:
            with np.load(remote.fetch(path), allow_pickle=False) as saved:
                counts, ids = saved["counts"], saved["ids"].tolist()
        except Exception as error:  # on a damaged file numpy raises nearly anything
            _log.warning("%s: cannot be read (%s); the search starts over.", printable(path), error)
            return
        if counts.shape != self._counts.shape or ids != self._ids[: len(ids)]:
            _log.warning("%s: is of another search; this one starts over.", printable(path))
            return
        self._counts, self.n_done = counts, len(ids)

    def _scores(self, counts: NDArray[np.int64]) -> Scores:
        matrix = ConfusionMatrix(self._n_classes)
        matrix.add(counts, self.n_done)
        return matrix.scores()
