"""Mean-field inference for one image with numba kernels.

Source: P. Krähenbühl, V. Koltun, "Efficient inference in fully connected CRFs with Gaussian edge potentials", NIPS
2011, algorithm 1 with Potts compatibility. A step is Q = softmax(log(likelihood) + message), where the message is the
sum of both filtered Q; it is computed as likelihood * exp(message), normalised, so that no logarithm is needed.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.arena import Arena
from deeplab.densecrf.beliefs import Beliefs
from deeplab.densecrf.chunks import WIDE
from deeplab.densecrf.lattice import Floats, Lattice
from deeplab.densecrf.parameters import CrfParameters
from deeplab.densecrf.permutohedral import build_lattice
from deeplab.densecrf.row_kernels import row_kernels
from deeplab.densecrf.stencil import Stencil, build_stencil
from deeplab.densecrf.team import Team, even_ranges


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
    """Q after the last mean-field step; it lives in the workspace.

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
    if parameters.iter_max == 0:
        return beliefs
    size = image.shape[:2]
    xy_std, rgb_std = parameters.bi_xy_std, parameters.bi_rgb_std
    appearance = build_lattice(size, xy_std, team, workspace.appearance, image=image, rgb_std=rgb_std)
    smoothness = build_stencil(*size, parameters.pos_xy_std)
    if smoothness is None:
        smoothness = build_lattice(size, parameters.pos_xy_std, team, workspace.smoothness)
    for _ in range(parameters.iter_max):
        for k in range(len(beliefs.chunks.lanes)):
            if isinstance(smoothness, Stencil):
                _message_by_stencil(beliefs, k, appearance, smoothness, parameters, team, workspace)
            else:
                _message_by_lattices(beliefs, k, appearance, smoothness, parameters, team, workspace)
            beliefs.take_messages(k)
        beliefs.softmax()
    return beliefs


def _vertex_values(lattice: Lattice, lanes: int, workspace: Workspace) -> Floats:
    room: Floats = workspace.rows.take("vertex_values", lattice.n_vertices * WIDE, np.float32)
    return room[: lattice.n_vertices * lanes]


def _message_by_stencil(
    beliefs: Beliefs, k: int, appearance: Lattice, smoothness: Stencil,
    parameters: CrfParameters, team: Team, workspace: Workspace,
) -> None:  # fmt: skip
    """Write the messages of chunk k to its spare slot, both filters in one pass over the pixels."""
    lanes = beliefs.chunks.lanes[k]
    height, width = beliefs.shape
    vertex_values = _vertex_values(appearance, lanes, workspace)
    appearance.splat_and_blur(beliefs.chunk(k), lanes, vertex_values, team)
    corners = appearance.vertices, appearance.slice_weights, appearance.corners, parameters.bi_w
    taps = smoothness.kinds, smoothness.starts, smoothness.offsets, smoothness.weights, parameters.pos_w
    message = row_kernels(lanes).message
    values, messages = beliefs.chunk(k), beliefs.spare(k)
    team.over(
        lambda first, last: message(vertex_values, *corners, values, *taps, messages, width, first, last),
        even_ranges(height, team.n_threads),
    )


def _message_by_lattices(
    beliefs: Beliefs, k: int, appearance: Lattice, smoothness: Lattice,
    parameters: CrfParameters, team: Team, workspace: Workspace,
) -> None:  # fmt: skip
    """Write the messages of chunk k to its spare slot, one filter after the other."""
    lanes = beliefs.chunks.lanes[k]
    for lattice, weight in ((appearance, parameters.bi_w), (smoothness, parameters.pos_w)):
        vertex_values = _vertex_values(lattice, lanes, workspace)
        lattice.splat_and_blur(beliefs.chunk(k), lanes, vertex_values, team)
        lattice.slice(vertex_values, lanes, weight, beliefs.spare(k), team, accumulate=lattice is smoothness)
