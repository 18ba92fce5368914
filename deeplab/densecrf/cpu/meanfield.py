"""Mean-field inference for one image with numba kernels.

Source: P. Krähenbühl, V. Koltun, "Efficient inference in fully connected CRFs with Gaussian edge potentials", NIPS
2011, algorithm 1 with Potts compatibility. A step is Q = softmax(log(likelihood) + message), where the message is the
sum of both filtered Q; it is computed as likelihood * exp(message), normalised, so that no logarithm is needed.
"""

import functools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.cpu.arena import Arena
from deeplab.densecrf.cpu.beliefs import Beliefs
from deeplab.densecrf.cpu.kernels.arrays import Floats
from deeplab.densecrf.cpu.kernels.message import Filtered, message_kernel
from deeplab.densecrf.cpu.kernels.sweep import Lines
from deeplab.densecrf.cpu.lattice import Lattice
from deeplab.densecrf.cpu.permutohedral import build_lattice
from deeplab.densecrf.cpu.smoothness import smoothness_filter
from deeplab.densecrf.cpu.sweep import Sweep
from deeplab.densecrf.cpu.team import Team
from deeplab.densecrf.parameters import CrfParameters

_NONE = np.empty(0, np.float32)


@dataclass(frozen=True)
class Workspace:
    """The memory of one image at a time, used again for the next."""

    rows: Arena = field(default_factory=Arena)
    appearance: Arena = field(default_factory=Arena)
    smoothness: Arena = field(default_factory=Arena)

    @property
    def n_bytes(self) -> int:
        """How much is held."""
        return self.rows.n_bytes + self.appearance.n_bytes + self.smoothness.n_bytes


def infer(
    image: NDArray[np.uint8], probs: Floats, parameters: CrfParameters, team: Team, workspace: Workspace, *, exact: bool
) -> Beliefs:
    """Compute Q after the last mean-field step; it lives in the workspace.

    Args:
        image: (H, W, 3) uint8, C-contiguous.
        probs: (C, H, W) float32, C-contiguous.
        parameters: of the CRF.
        team: threads to share the work.
        workspace: memory of this image alone until its answer is read.
        exact: let all classes take part (see `pruning`).

    Raises:
        CrfError: if some pixel's probabilities are no distribution, or the lattice has too many places.
    """
    beliefs = Beliefs.prepare(probs, team, workspace.rows, exact=exact, held=workspace.n_bytes)
    if parameters.iter_max:
        gaussians = _Gaussians(image, parameters, team, workspace)
        sums = gaussians.row_sums() if beliefs.drops_classes else _NONE
        for _ in range(parameters.iter_max):
            _step(beliefs, gaussians, sums)
    return beliefs


class _Gaussians:
    """Both Gaussians of one image, ready to filter."""

    def __init__(self, image: NDArray[np.uint8], parameters: CrfParameters, team: Team, workspace: Workspace) -> None:
        self._height, self._width, _ = image.shape
        self._weights = float(parameters.bi_w), float(parameters.pos_w)
        self._team = team
        self._arena = workspace.rows
        size = self._height, self._width
        self._appearance = build_lattice(
            *size, parameters.bi_xy_std, team, workspace.appearance, image=image, rgb_std=parameters.bi_rgb_std
        )
        self.smoothness = smoothness_filter(*size, parameters.pos_xy_std, team, workspace.smoothness)

    def row_sums(self) -> Floats:
        """Sum up each pixel's messages over all classes, (N): what a class that is believed in everywhere sends."""
        ones: Floats = self._arena.take("ones", self._height * self._width, np.float32)
        ones.fill(1)
        sums: Floats = self._arena.take("sums", len(ones), np.float32)
        self.send_messages(ones, sums, 1)
        return sums

    def send_messages(self, values: Floats, messages: Floats, lanes: int) -> None:
        """Write the weighted sum of both filtered rows of `values` to `messages`, both (N * lanes)."""
        if isinstance(self.smoothness, Sweep):
            filtered, lines = self.filtered(values, lanes, self.smoothness)
            message = functools.partial(message_kernel(lanes), filtered, lines, values, messages)
            self._team.share(message, self._height)
            return
        for lattice, weight in ((self._appearance, self._weights[0]), (self.smoothness, self._weights[1])):
            at_vertices = self._at_vertices(lattice, values, lanes)
            lattice.slice(at_vertices, lanes, weight, messages, self._team, add_up=lattice is self.smoothness)

    def filtered(self, values: Floats, lanes: int, near: Sweep) -> tuple[Filtered, Lines]:
        """Filter rows (N * lanes) by appearance up to the slices: the first arguments of `message` and `update`.

        These slice, and filter by position as they go.
        """
        far = self._appearance
        filtered = Filtered(
            vertex_values=self._at_vertices(far, values, lanes),
            vertices=far.vertices,
            weights=far.weights,
            factor=self._weights[0] * far.alpha,
            near_factor=self._weights[1] * near.alpha,
        )
        return filtered, near.lines

    def _at_vertices(self, lattice: Lattice, values: Floats, lanes: int) -> Floats:
        at_vertices: Floats = self._arena.take("at_vertices", lattice.n_vertices * lanes, np.float32)
        lattice.splat_and_blur(values, lanes, at_vertices, self._team)
        return at_vertices


def _step(beliefs: Beliefs, gaussians: _Gaussians, sums: Floats) -> None:
    """Take one mean-field step, in one pass over the pixels where all classes fit into one chunk."""
    chunks = beliefs.chunks
    if chunks.count == 1 and isinstance(gaussians.smoothness, Sweep):
        filtered, lines = gaussians.filtered(beliefs.chunk(0), chunks.tail, gaussians.smoothness)
        beliefs.update(filtered, lines, sums)
        return
    for k, lanes in enumerate(chunks.lanes):
        gaussians.send_messages(beliefs.chunk(k), beliefs.spare(k), lanes)
        beliefs.swap(k)
    beliefs.softmax(sums)
