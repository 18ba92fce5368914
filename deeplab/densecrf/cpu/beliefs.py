"""Q of one image in chunks of rows, on its way through the iterations."""

import functools
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.checks import SUM_TOLERANCE, check_memory, no_distribution
from deeplab.densecrf.cpu.arena import Arena
from deeplab.densecrf.cpu.kernels import probability as kernels
from deeplab.densecrf.cpu.kernels.arrays import Floats, Longs
from deeplab.densecrf.cpu.kernels.chunks import Chunks
from deeplab.densecrf.cpu.kernels.message import Filtered, update_kernel
from deeplab.densecrf.cpu.kernels.softmax import softmax_kernel
from deeplab.densecrf.cpu.kernels.sweep import Lines
from deeplab.densecrf.cpu.team import Team, even_ranges
from deeplab.densecrf.cpu.workers import workspace_bytes
from deeplab.densecrf.pruning import RATIO, THRESHOLD


class Beliefs:
    """Rows of the classes that take part; the dropped ones are one number for each pixel.

    `values` has a slot for each chunk and one to spare. Messages, and what several threads update, are written to the
    spare slot, since the old values are still needed; then the old slot is the spare.
    """

    def __init__(self, probs: Floats, classes: Longs, team: Team, arena: Arena) -> None:
        """Lay out the kept classes of probs (C, H, W) and start from the normalised clipped probabilities."""
        n_classes, height, width = probs.shape
        self.shape = height, width
        self.n_pixels = height * width
        self.chunks = Chunks(len(classes))
        self._classes = classes
        self._places = np.full(n_classes, -1, np.int64)
        self._places[classes] = np.arange(len(classes))
        self._planes = probs.reshape(-1)
        self._team = team
        n_slots = self.chunks.count
        room = self.chunks.lanes[0] * self.n_pixels
        self._begins = np.arange(n_slots, dtype=np.int64) * room
        self._slots = self._begins.copy()
        self._spare = n_slots * room
        self._values: Floats = arena.take("values", (n_slots + 1) * room, np.float32)
        self._likelihood: Floats = arena.take("likelihood", sum(self.chunks.lanes) * self.n_pixels, np.float32)
        self.drops_classes = len(classes) < n_classes
        n_rest = self.n_pixels * kernels.REST if self.drops_classes else 0
        self._rest: Floats = arena.take("rest", n_rest, np.float32)
        rows = self._places, len(classes), self._slots, self.chunks.tail
        filled = self._likelihood, self._values, self._rest
        team.share(functools.partial(kernels.gather, self._planes, self.n_pixels, *rows, *filled), self.n_pixels)

    @classmethod
    def prepare(cls, probs: Floats, team: Team, arena: Arena, *, exact: bool, held: int) -> Self:
        """Check the probabilities, choose the classes that take part, and lay them out.

        Args:
            probs: (C, H, W) float32. team: threads to share the work. arena: memory for the rows.
            exact: let all classes take part.
            held: bytes of the workspace from images before, which need not be free now.

        Raises:
            CrfError: if some pixel's probabilities are no distribution, or memory is short.
        """
        n_classes, n_pixels = len(probs), probs[0].size
        planes = probs.reshape(-1)
        ranges = even_ranges(n_pixels, team.n_threads)
        keep = np.full((len(ranges), n_classes), exact, np.uint8)
        bad = [-1] * len(ranges)

        def scan(part: int) -> None:
            limits = SUM_TOLERANCE, THRESHOLD, RATIO
            bad[part] = kernels.scan(planes, n_pixels, *limits, keep[part], *ranges[part])

        team.run([functools.partial(scan, part) for part in range(len(ranges))])
        for pixel in bad:
            if pixel >= 0:
                raise no_distribution(probs, pixel)
        classes = np.flatnonzero(keep.any(axis=0))
        check_memory(n_pixels, workspace_bytes(n_pixels, len(classes)) - held)
        return cls(probs, classes, team, arena)

    def chunk(self, k: int) -> Floats:
        """The rows of chunk k, flat."""
        return self._slot(int(self._slots[k]), self.chunks.lanes[k])

    def spare(self, k: int) -> Floats:
        """Where the messages of chunk k go."""
        return self._slot(self._spare, self.chunks.lanes[k])

    def _slot(self, begin: int, lanes: int) -> Floats:
        return self._values[begin : begin + lanes * self.n_pixels]

    def swap(self, k: int) -> None:
        """Let the spare slot be chunk k, and its slot the spare one."""
        self._slots[k], self._spare = self._spare, int(self._slots[k])

    def softmax(self, sums: Floats) -> None:
        """Turn the messages of several chunks into beliefs; `sums` (N) is what those of all classes sum to."""
        rows = self._values, self._slots, self._likelihood, self._begins, self._rest, sums, THRESHOLD
        self._team.share(functools.partial(softmax_kernel(self.chunks.tail), *rows), self.n_pixels)

    def update(self, filtered: Filtered, lines: Lines, sums: Floats) -> None:
        """A step of a single chunk: both lattices as `update_kernel` takes them, and `sums` as for the softmax."""
        # One thread may overwrite what it has used; of several, each needs old rows around its own.
        alone = self._team.n_threads == 1
        updated = self.chunk(0) if alone else self.spare(0)
        rows = self.chunk(0), updated, self._likelihood, self._rest, sums, THRESHOLD
        self._team.share(functools.partial(update_kernel(self.chunks.tail), filtered, lines, *rows), self.shape[0])
        if not alone:
            self.swap(0)

    def to_probs(self) -> Floats:
        """Q as (C, H, W) float32, the dropped classes among them."""
        result = np.empty(len(self._planes), np.float32)
        rows = self._values, self._slots, self.chunks.tail, self._places, self._planes, self._rest
        self._team.share(functools.partial(kernels.scatter, *rows, result), self.n_pixels)
        return result.reshape(-1, *self.shape)

    def to_labels(self) -> NDArray[np.int32]:
        """The most likely class of each pixel, (H, W) int32."""
        labels = np.empty(self.n_pixels, np.int32)
        rows = self._values, self._slots, self.chunks.tail, self._classes
        self._team.share(functools.partial(kernels.most_likely, *rows, labels), self.n_pixels)
        return labels.reshape(self.shape)
