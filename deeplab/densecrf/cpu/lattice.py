"""Filter by a lattice that is ready for use: splat to vertices, blur along axes, slice back to pixels."""

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from deeplab.densecrf.cpu.kernels.arrays import Floats, Ints, Longs
from deeplab.densecrf.cpu.kernels.chunks import STEP
from deeplab.densecrf.cpu.kernels.lattice import Simplices, blur_kernel, slice_kernel, splat_kernel
from deeplab.densecrf.cpu.team import Team, even_ranges


@dataclass(frozen=True)
class Chains:
    """Runs of neighbouring vertices along one axis: run i is items[starts[i]:starts[i + 1]]."""

    items: Ints
    starts: Ints

    @property
    def count(self) -> int:
        """Number of runs."""
        return len(self.starts) - 1


@dataclass(frozen=True)
class Lattice:
    """A Gaussian over N pixels by way of M vertices; each pixel lies between `corners` of them.

    The weights serve splat and slice, and hold the symmetric normalisation, which is the same before and after.
    """

    corners: int  # features + 1
    vertices: Ints  # (N * corners)
    weights: Floats  # (N * corners)
    alpha: float  # the lattice's constant of scale, by which what was sliced is multiplied
    keys: Longs  # (M) of the vertices, see `geometry`
    period: int  # what one period along the last coordinate adds to a key
    chains: tuple[Chains, ...]  # one per axis, in the order of blurring

    @property
    def n_pixels(self) -> int:
        """N."""
        return len(self.vertices) // self.corners

    @property
    def n_vertices(self) -> int:
        """M."""
        return len(self.keys)

    @property
    def simplices(self) -> Simplices:
        """The vertices around each pixel, as kernels take them."""
        return Simplices(self.vertices, self.weights, self.corners)

    def splat_and_blur(self, values: Floats, lanes: int, vertex_values: Floats, team: Team) -> None:
        """Bring pixels to vertices and blur there.

        Args:
            values: (N * lanes) rows of pixels.
            lanes: values per row: 1, or 4 to 32 in steps of four.
            vertex_values: (M * lanes) written.
            team: threads to share the work.
        """
        team.share(lambda first, last: vertex_values[first:last].fill(0), len(vertex_values))
        team.run(
            [
                functools.partial(splat_kernel(width), values, self.simplices, vertex_values, lanes, lane)
                for lane, width in lane_groups(lanes, team.n_threads)
            ]
        )
        for chains in self.chains:
            blur = functools.partial(blur_kernel(lanes), vertex_values, chains.items, chains.starts)
            team.over(blur, split_by_load(chains.starts, team.n_threads))

    def slice(
        self, vertex_values: Floats, lanes: int, factor: float, values: Floats, team: Team, *, add_up: bool = False
    ) -> None:
        """Interpolate at the pixels and multiply: write rows of so many lanes to `values`, or add to those there."""
        factor *= self.alpha
        slice_ = functools.partial(slice_kernel(lanes), vertex_values, self.simplices, factor, add_up, values)
        team.share(slice_, self.n_pixels)


def lane_groups(lanes: int, parts: int) -> list[tuple[int, int]]:
    """Split a row into at most `parts` groups of whole steps: the first lane and the width of each."""
    if lanes % STEP:
        return [(0, lanes)]
    return [(STEP * first, STEP * (last - first)) for first, last in even_ranges(lanes // STEP, parts)]


def split_by_load(starts: Ints, parts: int) -> list[tuple[int, int]]:
    """Split rows into at most `parts` ranges of about equal load; row i has starts[i + 1] - starts[i] entries."""
    cuts = np.searchsorted(starts, np.linspace(0, int(starts[-1]), parts + 1)[1:-1]).tolist()
    bounds = [0, *cuts, len(starts) - 1]
    return [(first, last) for first, last in itertools.pairwise(bounds) if first < last]
