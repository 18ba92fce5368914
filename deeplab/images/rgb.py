"""RGB of what Pillow decoded, as people see it. Torch-free."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.images.bands import Reading, Rendering, choose_bands

_BANDS_OF = ("L", "LA", "RGB", "RGBA", "RGBX")  # modes whose bands can be chosen


def as_rgb(image: Image.Image, layout: str, reading: Reading) -> Image.Image:
    """Make an RGB image: opaque, of 8 bits.

    Args:
        image: as Pillow decoded it.
        layout: Pillow's name for the pixels' layout in the file, such as "RGB;16B".
        reading: bands and range of the configuration.

    Raises:
        ValueError: if the file does not say what its numbers mean, or has no such bands.
    """
    if image.mode in _BANDS_OF and (reading.bands or reading.value_range):
        return Image.fromarray(_render(image, reading))
    if reading.bands not in (None, (1, 2, 3)):
        raise ValueError(f"IMAGE.BANDS asks for bands {list(reading.bands or ())}, but it is an image of {image.mode}")
    if layout.endswith(("16B", "16L", "16N")) and image.mode.startswith("RGB"):
        _require_bright(image)
    if image.mode.startswith("I"):
        image = _to_8_bit(np.asarray(image), reading)
    elif image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; expected 8- or 16-bit integers")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _render(image: Image.Image, reading: Reading) -> NDArray[np.uint8]:
    bands = np.atleast_3d(np.asarray(image))
    extra = (2,) if image.mode.endswith("A") else ()
    is_rgb = image.mode.startswith("RGB")
    colours, alpha = choose_bands(bands.shape[2], is_rgb=is_rgb, extra=extra, chosen=reading.bands)
    low, high = reading.value_range or (0, 255)
    return Rendering(colours, alpha, low, high).render(bands)


def _require_bright(image: Image.Image) -> None:
    """Refuse 16-bit colours that are those of fewer bits: Pillow keeps the upper 8 of 16 bits."""
    if 0 < int(np.asarray(image.convert("RGB")).max(initial=0)) < 16:
        raise ValueError(
            "none of its 16-bit numbers exceeds 4095, as of a camera of 10 or 12 bits; save it in 8 bits, or as a TIFF"
            " and set IMAGE.RANGE"
        )


def _to_8_bit(pixels: NDArray[np.integer], reading: Reading) -> Image.Image:
    low, high = reading.value_range or (0, 65535)
    if reading.value_range is None and (pixels.min() < 0 or pixels.max() > 65535):
        raise ValueError(f"its pixels range from {pixels.min()} to {pixels.max()}; expected 8- or 16-bit integers")
    rendering = Rendering((0,), None, low, high, is_certain=reading.value_range is not None)
    bands = pixels[..., np.newaxis]
    rendering.require_plausible(bands)
    return Image.fromarray(rendering.render(bands if pixels.dtype == np.uint16 else bands.astype(np.int32)))
