"""Logits on disk, one `<id>.npy` per image: `evaluate` saves them for the CRF. Torch-free."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab.catalog import LogitsDtype
from deeplab.errors import DatasetError
from deeplab.files import make_folder, printable, replace_file
from deeplab.formats import list_briefly
from deeplab.images.resize import resize_planes

_LOWEST = np.finfo(np.float16).min


def save_logits(path: Path, logits: NDArray[np.float32], dtype: LogitsDtype = "float32") -> None:
    """Write the logits of one image, whole or not at all.

    float32 keeps the exact numbers, as the original saves them. float16 takes half the space: the largest logit of each
    position is subtracted first. Softmax stays the same, also after linear interpolation; nothing can overflow; and the
    likely classes, now near 0, keep the most digits.

    Args:
        path: of the file; its folder is made.
        logits: (C, h, w).
        dtype: of the numbers in the file.

    Raises:
        OutputError: if the file cannot be written.
    """
    make_folder(path.parent)
    content = io.BytesIO()  # numpy does not say why it could not write into a file
    np.save(content, logits if dtype == "float32" else _as_float16(logits))
    with replace_file(path) as file:
        file.write(content.getbuffer())


def load_probs(path: Path, n_classes: int, height: int, width: int) -> NDArray[np.float32]:
    """Read the logits of an image; return their softmax at the size of the image, (C, height, width) float32.

    Raises:
        DatasetError: if the file cannot be read, has another number of classes, or holds a number that is not finite.
    """
    probs = resize_planes(_load_logits(path, n_classes, _most_positions(height, width)), height, width)
    probs -= probs.max(axis=0)
    np.exp(probs, out=probs)
    probs /= probs.sum(axis=0)
    return probs


def require_logits(ids: Sequence[str], logits_dir: Path) -> None:
    """Check that the logits of all images are there, before hours are spent on some.

    Raises:
        DatasetError: if any are missing; the first ten are named.
    """
    missing = [each for each in ids if not (logits_dir / f"{each}.npy").is_file()]
    if missing:
        raise DatasetError(
            f"{printable(logits_dir)}: the logits of {len(missing)} of {len(ids)} images are missing"
            f" ({list_briefly(missing, limit=10)}); evaluate the split and save its logits first."
        )


def _most_positions(height: int, width: int) -> int:
    """How many positions the logits of an image can have: those of a model that pads, or makes more of small images."""
    return 4 * (height + 32) * (width + 32)


def _as_float16(logits: NDArray[np.float32]) -> NDArray[np.float16]:
    below_best: NDArray[np.float32] = np.maximum(logits - logits.max(axis=0), _LOWEST)
    return below_best.astype(np.float16)


def _load_logits(path: Path, n_classes: int, most_positions: int) -> NDArray[np.float32]:
    try:
        logits = np.load(path, mmap_mode="r", allow_pickle=False)  # nothing is in memory before the shape is known
    except Exception as error:  # on a damaged file numpy raises nearly anything
        raise DatasetError(f"{printable(path)}: the logits cannot be read: {error}.") from error
    if not isinstance(logits, np.ndarray):
        raise DatasetError(f"{printable(path)}: is an archive of arrays; expected the logits alone.")
    if logits.ndim != 3 or len(logits) != n_classes:
        raise DatasetError(f"{printable(path)}: expected logits of {n_classes} classes, got shape {logits.shape}.")
    if logits[0].size > most_positions:
        raise DatasetError(f"{printable(path)}: logits of shape {logits.shape} are larger than their image.")
    if not np.isfinite(logits).all():
        raise DatasetError(
            f"{printable(path)}: the logits hold NaN or infinity; evaluate the split again, with RUNTIME.PRECISION bf16"
            " or fp32 if it was fp16."
        )
    return np.asarray(logits, np.float32)
