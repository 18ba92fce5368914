"""A Gaussian filter as a lattice that is ready for use: splat to vertices, blur along axes, slice back to pixels."""

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from deeplab.densecrf.arrays import Floats, Ints
from deeplab.densecrf.row_kernels import row_kernels
from deeplab.densecrf.team import Team


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

    The weights of splat and of slice hold the symmetric normalisation, those of slice the lattice's constant too.
    """

    corners: int  # features + 1
    vertices: Ints  # (N * corners)
    slice_weights: Floats  # (N * corners)
    starts: Ints  # (M + 1): row m of the next two is starts[m]:starts[m + 1]
    pixels: Ints  # (N * corners)
    splat_weights: Floats  # (N * corners)
    chains: tuple[Chains, ...]  # one per axis, in the order of blurring

    @property
    def n_pixels(self) -> int:
        """N."""
        return len(self.vertices) // self.corners

    @property
    def n_vertices(self) -> int:
        """M."""
        return len(self.starts) - 1

    def splat_and_blur(self, values: Floats, lanes: int, vertex_values: Floats, team: Team) -> None:
        """Gather pixels to vertices and blur there.

        Args:
            values: (N * lanes) rows of pixels.
            lanes: values per row: 1, or 4 to 32 in steps of four.
            vertex_values: (M * lanes) written.
            team: threads to share the work.
        """
        kernels = row_kernels(lanes)
        splat = functools.partial(kernels.splat, values, self.starts, self.pixels, self.splat_weights, vertex_values)
        team.over(splat, split_by_load(self.starts, team.n_threads))
        for chains in self.chains:
            blur = functools.partial(kernels.blur, vertex_values, chains.items, chains.starts)
            team.over(blur, split_by_load(chains.starts, team.n_threads))

    def slice(self, vertex_values: Floats, lanes: int, factor: float, values: Floats, team: Team) -> None:
        """Interpolate at the pixels: values = factor * slice(vertex_values), rows of so many lanes."""
        work = functools.partial(
            row_kernels(lanes).slice, vertex_values, *self.corner_arrays, self.corners, factor, values
        )
        team.share(work, self.n_pixels)

    @property
    def corner_arrays(self) -> tuple[Ints, Floats]:
        """What slicing needs to know of the pixels."""
        return self.vertices, self.slice_weights


def split_by_load(starts: Ints, parts: int) -> list[tuple[int, int]]:
    """Split rows into at most `parts` ranges of about equal load; row i has starts[i + 1] - starts[i] entries."""
    cuts = np.searchsorted(starts, np.linspace(0, int(starts[-1]), parts + 1)[1:-1]).tolist()
    bounds = [0, *cuts, len(starts) - 1]
    return [(first, last) for first, last in itertools.pairwise(bounds) if first < last]
