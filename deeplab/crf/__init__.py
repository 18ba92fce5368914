"""The dense CRF on images, logits and whole splits: `DenseCRF` to call it, `build` to build it from a configuration.

Importing this package is light: not even `DenseCRF` is imported before somebody asks for it. The mathematics is in
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
