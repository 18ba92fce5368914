"""The dense CRF on images, logits and whole splits. `DenseCRF` is the class to call; `build` builds it from a config.

Importing this package is cheap: even `DenseCRF` is imported only when it is asked for. The mathematics is in
`deeplab.densecrf`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deeplab.densecrf import DenseCRF

__all__ = ["DenseCRF"]


def __getattr__(name: str) -> object:
    if name != "DenseCRF":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from deeplab.densecrf import DenseCRF

    return DenseCRF
