"""Choose the engine that runs a CRF. Its library is imported here, so that importing the package stays light."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from deeplab.densecrf.errors import CrfError
from deeplab.densecrf.parameters import CrfParameters
from deeplab.processes import n_cpus

Backend = Literal["auto", "numba", "torch", "pydensecrf"]

_log = logging.getLogger(__name__)


class Engine(Protocol):
    """What all engines can do with checked arrays, (H, W, 3) uint8 and (C, H, W) float32, any number of them."""

    def marginals(
        self, parameters: CrfParameters, images: Sequence[NDArray[np.uint8]], probs: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Compute Q of each image, (C, H, W) float32."""
        ...

    def labels(
        self, parameters: CrfParameters, images: Sequence[NDArray[np.uint8]], probs: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.int32]]:
        """Find the most likely class of each pixel of each image, (H, W) int32."""
        ...

    def images_at_once(self, n_pixels: int, n_classes: int) -> int:
        """Tell how many images of a size are worked on at a time, which cores and memory decide."""
        ...


def build_engine(backend: str, *, exact: bool, n_threads: int | None, device: str | None) -> tuple[str, Engine]:
    """Build the engine of a backend.

    Args:
        backend: "numba", "torch", "pydensecrf", or "auto": torch on a GPU where there is one, else numba.
        exact: whether all classes take part in message passing.
        n_threads: of the numba engine; all cores of the process if None.
        device: of the torch engine, such as "cuda:1"; if None, "cuda" where there is a GPU, else "cpu".

    Returns:
        The name of the backend that was chosen and its engine.

    Raises:
        CrfError: if the backend, the device or the number of threads is not one, or a library is missing.
    """
    if n_threads is not None and (isinstance(n_threads, bool) or not isinstance(n_threads, int) or n_threads < 1):
        raise CrfError(f"n_threads must be a whole number of at least 1, not {n_threads!r}.")
    if backend == "auto":
        backend, device = _choose(device)
    if backend == "numba":
        _refuse_device(backend, device)
        try:
            from deeplab.densecrf.cpu.engine import NumbaEngine
        except ImportError as error:
            raise CrfError(f"The numba backend cannot be loaded ({error}); install 'numba'.") from error
        return backend, NumbaEngine(n_threads or n_cpus(), exact=exact)
    if backend == "torch":
        from deeplab.densecrf.gpu.engine import TorchEngine

        return backend, TorchEngine(_torch_device(device), exact=exact)
    if backend == "pydensecrf":
        _refuse_device(backend, device)
        from deeplab.densecrf.reference import ReferenceEngine

        return backend, ReferenceEngine()
    raise CrfError(f"The CRF backend {backend!r} is not one of auto, numba, torch, pydensecrf.")


def _choose(device: str | None) -> tuple[str, str | None]:
    """Find the backend and device behind "auto": numba, with a warning, where the GPU that was asked for is absent."""
    if device == "cpu" or (device is None and not _has_nvidia_driver()):
        return "numba", None
    import torch

    if torch.cuda.is_available() or (device is not None and not device.startswith("cuda")):
        return "torch", device
    _log.warning("CUDA is not available, so the CRF runs on the CPU.")
    return "numba", None


def _has_nvidia_driver() -> bool:
    """Tell whether it is worth importing torch to ask for a GPU."""
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()


def _torch_device(device: str | None) -> str:
    import torch

    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise CrfError(f"{device!r} is not a device of torch, such as 'cuda', 'cuda:1' or 'cpu'.") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise CrfError(f"The CRF cannot run on {device!r}: torch finds no CUDA device.")
    return device


def _refuse_device(backend: str, device: str | None) -> None:
    if device not in (None, "cpu"):
        raise CrfError(f"The {backend} backend runs on the CPU only, not on {device!r}.")
