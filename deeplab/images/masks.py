"""Read masks as label maps or colours, and write them. Torch-free."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.errors import ImageError
from deeplab.files import make_folder, printable, replace_file
from deeplab.images.kinds import lossy_kind
from deeplab.images.palette import palette
from deeplab.images.pillow import Decoded, decode, identify, with_pillow

_STRETCHED_BY = {"L;2": 85, "L;4": 17}  # Pillow stretches 2- and 4-bit grey to 0..255, which is wrong for an index


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Read a mask, grey or palette, of any bit depth. One with three equal channels is grey.

    Returns:
        The label map, (H, W) uint8.

    Raises:
        ImageError: if the file cannot be decoded, is of a lossy kind, has colours, or holds an index above 255.
    """
    return read_mask_and_palette(path)[0]


def read_mask_and_palette(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Read a mask as `read_mask` does, with the colours of its palette, (up to 256, 3); None if it has none."""
    with with_pillow(path):
        opened = _decode_mask(path)
        image, layout = opened.image, opened.layout
        if image.format == "GIF":
            raise ImageError(
                f"{printable(path)}: is GIF, whose writers renumber the colours, so that an index says nothing;"
                " expected PNG, or DATASET.PALETTE to say which colour is which class."
            )
        if image.mode in {"1", "L", "P"} or image.mode.startswith("I"):
            indices = np.asarray(image)
        else:
            indices = _grey_of(path, _opaque_rgb(path, image))
        if indices.size and int(indices.max()) > 255:
            raise ImageError(f"{printable(path)}: holds the class index {indices.max()}; the largest is 255.")
        colours = image.getpalette("RGB") if image.mode == "P" else None
        table = None if colours is None else np.array(colours, np.uint8).reshape(-1, 3)
        return _unstretched(indices, layout), table


def indices_of(image: Image.Image, layout: str) -> NDArray[np.uint8]:
    """The class indices of a part of a grey or palette mask, (H, W), given Pillow's name of their layout."""
    return _unstretched(np.asarray(image), layout)


def read_mask_colours(path: Path) -> NDArray[np.uint8]:
    """Read a mask as (H, W, 3) colours, whatever its mode.

    Raises:
        ImageError: if the file cannot be decoded, is of a lossy kind, or is transparent somewhere.
    """
    with with_pillow(path):
        return _opaque_rgb(path, _decode_mask(path).image)


def has_colours(path: Path) -> bool:
    """Whether an image file holds colours, also by a palette, and not grey. Raises ImageError if it is none."""
    with with_pillow(path):
        image, _ = identify(path)
        with image:
            return image.mode not in {"1", "L", "LA"} and not image.mode.startswith("I")


def write_mask(path: Path, label_map: NDArray[np.uint8]) -> None:
    """Write a label map as a PNG with VOC's palette: whole or not at all, flushed to disk. Makes missing folders.

    Args:
        path: usually `*.png`; the content is PNG whatever the name.
        label_map: (H, W) uint8.

    Raises:
        OutputError: if the file cannot be written.
    """
    image = Image.fromarray(label_map)
    image.putpalette(palette().tobytes())
    make_folder(path.parent)
    with replace_file(path) as file:
        image.save(file, format="PNG")


def _unstretched(indices: NDArray[np.generic], layout: str) -> NDArray[np.uint8]:
    return indices.astype(np.uint8) // np.uint8(_STRETCHED_BY.get(layout, 1))


def _decode_mask(path: Path) -> Decoded:
    opened = decode(path)
    kind = lossy_kind(opened.image.format, opened.image.info.get("compression"), opened.head)
    if kind:
        raise ImageError(
            f"{printable(path)}: is {kind}, which changes the values of a mask; expected a lossless kind such as PNG."
        )
    return opened


def _opaque_rgb(path: Path, image: Image.Image) -> NDArray[np.uint8]:
    if image.mode not in {"1", "L", "P", "RGB", "RGBA", "LA", "PA"}:
        raise ImageError(f"{printable(path)}: a mask must hold class indices or 8-bit colours; this is {image.mode}.")
    pixels = np.asarray(image.convert("RGBA"))
    n_transparent = int((pixels[..., 3] != 255).sum())
    if n_transparent:
        raise ImageError(
            f"{printable(path)}: a mask must hold class indices, grey or palette; {n_transparent} of its pixels"
            " are transparent."
        )
    return pixels[..., :3]


def _grey_of(path: Path, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = rgb[..., 0]
    n_coloured = int((rgb != grey[..., None]).any(axis=2).sum())
    if n_coloured:
        raise ImageError(
            f"{printable(path)}: a mask must hold class indices, grey or palette; {n_coloured} of its pixels are"
            " coloured. DATASET.PALETTE can name a file that says which colour is which class."
        )
    return grey
