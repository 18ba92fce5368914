"""How much of an image is looked at together, where each of its pixels has a number for each class."""

from torch import Tensor

# Numbers in a strip: about the size of a CPU's cache, but enough to keep a GPU busy.
_STRIP_CPU = 2**20
_STRIP_GPU = 2**25


def rows_at_once(logits: Tensor, width: int, strip: int | None = None) -> int:
    """How many rows of `width` pixels with all classes make a strip, on the device of the logits or probs, (C, ...)."""
    return max(1, (strip or (_STRIP_GPU if logits.is_cuda else _STRIP_CPU)) // (logits.shape[0] * width))
