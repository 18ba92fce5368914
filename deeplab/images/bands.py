"""Which bands of an image file are its colours, and which of their numbers is white. Torch-free."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.schema import Image

_SET_BANDS = "set IMAGE.BANDS, such as [1, 2, 3]"
_DARK = 4096  # 16-bit images without a brighter number are those of 10- and 12-bit cameras
_FULL = 65535  # of 16 bits


@dataclass(frozen=True)
class Reading:
    """What a configuration says about image files whose own tags do not say enough."""

    bands: tuple[int, ...] | None = None  # of red, green and blue, or of grey; from 1 on
    value_range: tuple[float, float] | None = None  # the numbers that become 0 and 255

    @classmethod
    def of(cls, image: Image) -> "Reading":
        """What the section IMAGE says."""
        return cls(image.BANDS, image.RANGE)


AS_TAGGED = Reading()  # by the file's own tags alone


@dataclass(frozen=True)
class Rendering:
    """How the numbers of a file become RGB in 0..255."""

    colours: tuple[int, ...]  # places of the bands: three, or one for grey
    alpha: int | None  # place of the band of opacity
    low: float  # becomes 0
    high: float  # becomes 255
    inverted: bool = False  # 0 is white
    is_certain: bool = True  # a tag or a setting says what white is

    def render(self, pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Make RGB of bands: (H, W, bands) -> (H, W, 3) uint8; transparent images are laid on white."""
        colours = self._scale(pixels[..., list(self.colours)])
        if self.inverted:
            colours = np.uint8(255) - colours
        if len(self.colours) == 1:
            colours = np.repeat(colours, 3, axis=2)
        if self.alpha is None:
            return np.ascontiguousarray(colours)
        opacity = self._scale(pixels[..., [self.alpha]]).astype(np.uint32)
        mixed = (colours * opacity + 255 * (255 - opacity) + 127) // 255
        return np.ascontiguousarray(mixed.astype(np.uint8))

    @property
    def doubts(self) -> bool:
        """Whether the numbers shall be looked at before they are believed."""
        return self.alpha is not None or (not self.is_certain and self.high == _FULL)

    def require_plausible(self, pixels: NDArray[np.generic]) -> None:
        """Refuse a file whose numbers contradict what it says of them.

        Args:
            pixels: (..., bands): the image, or a sample of it.

        Raises:
            ValueError: if 16-bit numbers are those of fewer bits, or what is called opacity is a picture.
        """
        brightest = pixels[..., list(self.colours)].max(initial=0)
        if not self.is_certain and self.high == _FULL and 0 < brightest < _DARK:
            likely = 2 ** int(brightest).bit_length() - 1
            raise ValueError(
                f"none of its 16-bit numbers exceeds {brightest}, and nothing in the file says which of them is white;"
                f" set IMAGE.RANGE, such as [0, {likely}]"
            )
        if self.alpha is not None:
            opacity = self._scale(pixels[..., self.alpha])
            if ((opacity > 0) & (opacity < 255)).mean() > 0.5:
                raise ValueError(
                    "its fourth band is called opacity, but is neither 0 nor full in most pixels, as near infrared"
                    f" would be; {_SET_BANDS} to leave it out"
                )

    def _scale(self, pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
        if pixels.dtype == np.uint8 and (self.low, self.high) == (0, 255):
            return pixels.astype(np.uint8)
        if pixels.dtype == np.uint16 and (self.low, self.high) == (0, 65535):
            return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
        scaled = (pixels.astype(np.float32) - self.low) * (255 / (self.high - self.low))
        rounded: NDArray[np.uint8] = np.rint(np.nan_to_num(np.clip(scaled, 0, 255))).astype(np.uint8)
        return rounded


def choose_bands(
    n_bands: int, *, is_rgb: bool, extra: tuple[int, ...] | None, chosen: tuple[int, ...] | None
) -> tuple[tuple[int, ...], int | None]:
    """Find the colours among the bands of a file.

    Args:
        n_bands: how many there are.
        is_rgb: the file calls the first three red, green and blue; else the first is grey.
        extra: what it calls the bands after these: 1 and 2 are opacity, 0 is anything else; None: it does not say.
        chosen: IMAGE.BANDS.

    Returns:
        Places of the colours, and of the opacity, if any.

    Raises:
        ValueError: if the file has no such bands, or does not say what they are.
    """
    if chosen is not None:
        if max(chosen) > n_bands:
            raise ValueError(f"it has {n_bands} bands, but IMAGE.BANDS asks for band {max(chosen)}")
        return tuple(band - 1 for band in chosen), None
    n_colours = 3 if is_rgb else 1
    if n_bands < n_colours:
        raise ValueError(f"it has {n_bands} bands; expected red, green and blue")
    if n_bands > n_colours and extra is None:
        raise ValueError(f"it has {n_bands} bands, and nothing in the file says what the last is; {_SET_BANDS}")
    if not is_rgb and n_bands > 2:
        raise ValueError(
            f"it has {n_bands} bands, and nothing in the file says which are red, green and blue; {_SET_BANDS}"
        )
    alphas = [n_colours + place for place, kind in enumerate(extra or ()) if kind in (1, 2)]
    return tuple(range(n_colours)), alphas[0] if alphas else None
