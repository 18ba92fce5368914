"""Label maps in files that are read part by part. Torch-free."""

from pathlib import Path

from deeplab.errors import ImageError
from deeplab.images.bands import AS_TAGGED
from deeplab.images.decoding import require_file
from deeplab.images.masks import read_mask
from deeplab.images.pillow import with_pillow
from deeplab.images.raster import LoadedRaster, Raster
from deeplab.images.tiff import TiffImage, is_tiff


class _TiffLabels:
    """A label map in a TIFF, such as the mask of a GeoTIFF."""

    def __init__(self, tiff: TiffImage) -> None:
        self.height, self.width = tiff.height, tiff.width
        self.read = tiff.read_indices


def open_label_map(path: Path) -> Raster:
    """Open a mask to read it part by part: most TIFFs tile by tile, any other file by decoding it now.

    Raises:
        ImageError: as `read_mask`.
    """
    with with_pillow(path):
        tiff = _open_tiff(path) if is_tiff(require_file(path)) else None
    return LoadedRaster(read_mask(path)) if tiff is None else tiff


def _open_tiff(path: Path) -> Raster | None:
    try:
        tiff = TiffImage(path, AS_TAGGED)
    except ImageError:  # whoever decodes it says what is wrong, if anything is
        return None
    return _TiffLabels(tiff) if tiff.holds_indices else None
