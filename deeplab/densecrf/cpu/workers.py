"""Spread images over the cores of a machine, within its memory."""

from dataclasses import dataclass

from deeplab.densecrf.cpu.kernels.chunks import Chunks
from deeplab.memory import available_memory
from deeplab.processes import n_cpus

# Bytes for each pixel apart from its classes: keys, vertices and weights of both lattices, a hash table, and links and
# values for up to 2.5 vertices of the appearance lattice (photographs have 0.3 to 2.3).
_LATTICE_BYTES = 600
_USUAL_KEPT = 32  # classes that take part in the default form, for planning


@dataclass(frozen=True)
class Plan:
    """`workers` images at once, each with `threads` threads."""

    workers: int
    threads: int


def workspace_bytes(n_pixels: int, n_classes: int) -> int:
    """Estimate the memory that the numba engine holds for an image with so many classes in message passing."""
    lanes = Chunks(n_classes).lanes
    return n_pixels * (_LATTICE_BYTES + 4 * lanes[0] * (len(lanes) + 4) + 4 * sum(lanes))


def plan_workers(
    n_images: int, n_pixels: int, n_classes: int, *, cores: int | None = None, exact: bool = False
) -> Plan:
    """Choose workers and threads for a folder of images.

    An image for each core is best, since nothing waits for anything then; where memory or the number of images allows
    fewer, the rest of the cores help with one image. Workers may be threads of one process (the kernels release the
    interpreter's lock) or processes of one engine each.

    Args:
        n_images: how many there are.
        n_pixels: of the largest.
        n_classes: planes of its probabilities, which count as they come in and go out.
        cores: to be used; all of this process by default.
        exact: whether all classes take part in message passing.
    """
    cores = cores or n_cpus()
    kept = n_classes if exact else min(n_classes, _USUAL_KEPT)
    room = available_memory() // (workspace_bytes(n_pixels, kept) + 8 * n_pixels * n_classes)
    workers = max(1, min(cores, n_images, room))
    return Plan(workers, max(1, cores // workers))
