"""Build the filter of the position Gaussian, which depends on an image's size alone, and keep it for the next one."""

import functools

from deeplab.densecrf.cpu.arena import Arena
from deeplab.densecrf.cpu.lattice import Lattice
from deeplab.densecrf.cpu.permutohedral import build_lattice
from deeplab.densecrf.cpu.sweep import Sweep
from deeplab.densecrf.cpu.team import Team

_MAX_KEPT_PIXELS = 2**19  # larger images seldom come in one size, and their sweeps take 24 bytes a pixel


def smoothness_filter(height: int, width: int, xy_std: float, team: Team, arena: Arena) -> Sweep | Lattice:
    """Build or look up the filter of a Gaussian in position: a sweep, or the lattice itself where that is sparse.

    Args:
        height, width: pixels.
        xy_std: standard deviation in pixels.
        team: threads to share the work of building.
        arena: memory to build a lattice in that is not kept.

    Raises:
        CrfError: if the deviation is too small for the image's size.
    """
    if height * width > _MAX_KEPT_PIXELS:
        return _build(height, width, xy_std, team, arena)
    return _kept(height, width, xy_std)


@functools.lru_cache(maxsize=8)
def _kept(height: int, width: int, xy_std: float) -> Sweep | Lattice:
    with Team(1) as team:
        return _build(height, width, xy_std, team, Arena())


def _build(height: int, width: int, xy_std: float, team: Team, arena: Arena) -> Sweep | Lattice:
    lattice = build_lattice(height, width, xy_std, team, arena)
    return Sweep.over(lattice, height) or lattice
