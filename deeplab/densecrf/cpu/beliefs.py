"""Q of one image in chunks of rows, on its way through the iterations."""

import functools
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.checks import SUM_TOLERANCE, check_memory, no_distribution
from deeplab.densecrf.cpu.arena import Arena
from deeplab.densecrf.cpu.kernels import probability
from deeplab.densecrf.cpu.kernels.arrays import Floats, Longs
from deeplab.densecrf.cpu.kernels.chunks import Chunks, Rest, Rows
from deeplab.densecrf.cpu.kernels.message import Filtered, Step, update_kernel
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
        slots = np.arange(n_slots, dtype=np.int64) * room
        values = arena.take("values", (n_slots + 1) * room, np.float32)
        self._rows = Rows(values, slots.copy(), self.chunks.tail)
        self._spare = n_slots * room
        likelihood = arena.take("likelihood", sum(self.chunks.lanes) * self.n_pixels, np.float32)
        self._likelihood = Rows(likelihood, slots, self.chunks.tail)
        self.drops_classes = len(classes) < n_classes
        n_rest = self.n_pixels if self.drops_classes else 0
        self._rest = Rest(*(arena.take(f"rest {field}", n_rest, np.float32) for field in Rest._fields))
        gather = functools.partial(
            probability.gather, self._planes, self._places, len(classes), self._likelihood, self._rows, self._rest
        )
        team.share(gather, self.n_pixels)

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
            first, last = ranges[part]
            bad[part] = probability.scan(planes, SUM_TOLERANCE, THRESHOLD, RATIO, keep[part], first, last)

        team.run([functools.partial(scan, part) for part in range(len(ranges))])
        for pixel in bad:
            if pixel >= 0:
                raise no_distribution(probs, pixel)
        classes = np.flatnonzero(keep.any(axis=0))
        check_memory(n_pixels, workspace_bytes(n_pixels, len(classes)) - held)
        return cls(probs, classes, team, arena)

    def chunk(self, k: int) -> Floats:
        """Return the rows of chunk k, flat."""
        return self._slot(int(self._rows.slots[k]), self.chunks.lanes[k])

    def spare(self, k: int) -> Floats:
        """Return where the messages of chunk k go, flat."""
        return self._slot(self._spare, self.chunks.lanes[k])

    def _slot(self, begin: int, lanes: int) -> Floats:
        return self._rows.values[begin : begin + lanes * self.n_pixels]

    def swap(self, k: int) -> None:
        """Let the spare slot be chunk k, and its slot the spare one."""
        slots = self._rows.slots
        slots[k], self._spare = self._spare, int(slots[k])

    def softmax(self, sums: Floats) -> None:
        """Turn the messages of several chunks into beliefs; `sums` (N) is what those of all classes sum to."""
        softmax = softmax_kernel(self.chunks.tail)
        self._team.share(
            functools.partial(softmax, self._rows, self._likelihood, self._rest, sums, THRESHOLD), self.n_pixels
        )

    def update(self, filtered: Filtered, lines: Lines, sums: Floats) -> None:
        """Take a step with a single chunk.

        Args:
            filtered, lines: both lattices as `update_kernel` takes them. sums: as for `softmax`.
        """
        # One thread may overwrite what it has used; of several, each needs old rows around its own.
        alone = self._team.n_threads == 1
        updated = self.chunk(0) if alone else self.spare(0)
        step = Step(self.chunk(0), updated, self._likelihood.values)
        update = update_kernel(self.chunks.tail)
        self._team.share(functools.partial(update, filtered, lines, step, self._rest, sums, THRESHOLD), self.shape[0])
        if not alone:
            self.swap(0)

    def to_probs(self) -> Floats:
        """Lay out Q as (C, H, W) float32, the dropped classes among them."""
        result = np.empty(len(self._planes), np.float32)
        scatter = functools.partial(probability.scatter, self._rows, self._places, self._planes, self._rest, result)
        self._team.share(scatter, self.n_pixels)
        return result.reshape(-1, *self.shape)

    def to_labels(self) -> NDArray[np.int32]:
        """Find the most likely class of each pixel, (H, W) int32."""
        labels = np.empty(self.n_pixels, np.int32)
        most_likely = functools.partial(probability.most_likely, self._rows, self._classes, labels)
        self._team.share(most_likely, self.n_pixels)
        return labels.reshape(self.shape)
