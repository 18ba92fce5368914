"""How classes are laid out: chunks of 32 classes, the last with as many lanes as are enough, in steps of four.

A chunk is rows of lanes, a row for each pixel. Classes that are dropped have no lanes (see `pruning`).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from deeplab.densecrf.cpu.kernels.arrays import Floats, Longs

WIDTH = 32  # lanes of every chunk but the last; a row is two cache lines
STEP = 4  # all lanes are multiples of it


@dataclass(frozen=True)
class Chunks:
    """The chunks for so many classes. Lanes beyond the last class hold zeros."""

    n_classes: int

    @property
    def count(self) -> int:
        """Number of chunks."""
        return math.ceil(self.n_classes / WIDTH)

    @property
    def tail(self) -> int:
        """Lanes of the last chunk."""
        last = self.n_classes - WIDTH * (self.count - 1)
        return math.ceil(last / STEP) * STEP

    @property
    def lanes(self) -> tuple[int, ...]:
        """Lanes of each chunk."""
        return (*(WIDTH,) * (self.count - 1), self.tail)


class Rows(NamedTuple):
    """The chunks of all classes that take part in one flat buffer, which can hold others, too."""

    values: Floats
    slots: Longs  # where each chunk begins
    tail: int  # lanes of the last chunk


class Rest(NamedTuple):
    """What stands for all dropped classes of a pixel: (N) each, or (0) each if no class is dropped."""

    likelihood: Floats  # the sum of their likelihoods
    mean: Floats  # the sum of the squares of their likelihoods, divided by that sum
    # A dropped class of likelihood x is believed in with (x + x * x * gain) * factor. Both change with each step.
    factor: Floats
    gain: Floats
