"""The lattice of the position Gaussian, which depends on the size of an image alone and is kept for the next one."""

import dataclasses
import functools

from deeplab.densecrf.arena import Arena
from deeplab.densecrf.lattice import Chains, Lattice
from deeplab.densecrf.permutohedral import build_lattice
from deeplab.densecrf.team import Team

_MAX_KEPT_PIXELS = 2**19  # larger images seldom come in one size, and their lattices take 67 bytes a pixel


def smoothness_lattice(height: int, width: int, xy_std: float, team: Team, arena: Arena) -> Lattice:
    """The filter of a Gaussian in position.

    Args:
        height, width: pixels.
        xy_std: standard deviation in pixels.
        team: threads to share the work of building.
        arena: memory for a lattice that is not kept.

    Raises:
        CrfError: if the deviation is too small for the image's size.
    """
    if height * width > _MAX_KEPT_PIXELS:
        return build_lattice(height, width, xy_std, team, arena)
    return _kept_lattice(height, width, xy_std)


@functools.lru_cache(maxsize=8)
def _kept_lattice(height: int, width: int, xy_std: float) -> Lattice:
    """Built in memory of its own and freed of what only building needs."""
    with Team(1) as team:
        lattice = build_lattice(height, width, xy_std, team, Arena())
    arrays = {
        field.name: getattr(lattice, field.name).copy()
        for field in dataclasses.fields(lattice)
        if field.name not in ("corners", "chains")
    }
    chains = tuple(Chains(chain.items[: chain.starts[-1]].copy(), chain.starts.copy()) for chain in lattice.chains)
    return Lattice(corners=lattice.corners, chains=chains, **arrays)
