"""The kinds of image files that are read, by their suffixes and Pillow's decoders. Torch-free."""

from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import PurePath

from PIL import features

from deeplab.formats import plural

_HAS_HEIF = find_spec("pillow_heif") is not None
_HEIF_SUFFIXES = frozenset({".heic", ".heif"})
_ALWAYS = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif", ".pgm", ".ppm", ".pnm", ".tga"}
)
_JPEG_2000 = frozenset({".jp2", ".j2k"}) if features.check("jpg_2000") else frozenset()
_AVIF = frozenset({".avif"}) if features.check("avif") else frozenset()

IMAGE_SUFFIXES = _ALWAYS | _JPEG_2000 | _AVIF | (_HEIF_SUFFIXES if _HAS_HEIF else frozenset())
NAMED_SUFFIXES = IMAGE_SUFFIXES | _HEIF_SUFFIXES | {".jp2", ".j2k", ".avif"}  # also those that cannot be read here
RESULT_FOLDERS = "folders of results"  # beside the kinds of files in counts of what is passed over
MASK_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff", ".gif", ".webp"})  # kinds that can keep indices as they are

# Naming the decoders keeps Pillow from trying others, some of which run programs (EPS).
_FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF")
_LOSSY = frozenset({"JPEG", "MPO", "JPEG2000", "AVIF", "HEIF"})  # JPEG 2000 may be lossless, but usually is not
_LOSSY_IN_TIFF = frozenset({"jpeg", "tiff_jpeg", "webp"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})
NEEDS_HEIF = "reading HEIC needs pillow-heif: pip install 'deeplab-platform[heif]'"


def formats_of(path: PurePath, head: bytes) -> tuple[str, ...]:
    """Name the decoders to try on a file, given its first bytes."""
    if is_heif(head) and _HAS_HEIF:
        import pillow_heif  # takes a moment, and few folders hold such files

        pillow_heif.register_heif_opener()
        return ("HEIF",)
    # A TGA file has no mark of its own: only its suffix tells it from anything else.
    return (*_FORMATS, "TGA") if path.suffix.lower() == ".tga" else _FORMATS


def is_heif(head: bytes) -> bool:
    """Whether a file that begins so is HEIC, the kind of iPhone photos."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def lossy_kind(image_format: str | None, compression: object, head: bytes) -> str:
    """Name the kind of an image file whose pixels are not those that were saved; empty for a lossless one.

    Args:
        image_format: Pillow's name.
        compression: of a TIFF file, as Pillow names it.
        head: the file's first 64 bytes or more.
    """
    if image_format in _LOSSY:
        return "JPEG 2000" if image_format == "JPEG2000" else str(image_format)
    if image_format == "TIFF" and compression in _LOSSY_IN_TIFF:
        return "TIFF with lossy compression"
    if image_format == "WEBP" and b"VP8L" not in head:
        return "lossy WebP"
    return ""


def kind_of(name: str) -> str:
    """The kind of a file by its name: the suffix without its dot, in lower case; "no suffix" without one."""
    return PurePath(name).suffix[1:].lower() or "no suffix"


def count_kinds(names: Iterable[str]) -> dict[str, int]:
    """Count files by kind, the most frequent first."""
    return most_frequent_first(Counter(kind_of(name) for name in names))


def most_frequent_first(kinds: Mapping[str, int]) -> dict[str, int]:
    """Sort counts of kinds, the most frequent first."""
    return dict(sorted(kinds.items(), key=lambda each: (-each[1], each[0])))


def describe_passed_over(kinds: Mapping[str, int]) -> str:
    """Say how many files are no images that can be read: "3 files are of another kind: 2 heic, 1 no suffix (...)".

    Folders that hold results are said after them.
    """
    n_results = kinds.get(RESULT_FOLDERS, 0)
    results = f"{plural(n_results, 'folder')} of results passed over" if n_results else ""
    files = _describe_files({kind: count for kind, count in kinds.items() if kind != RESULT_FOLDERS})
    return "; ".join(filter(None, (files, results)))


def _describe_files(kinds: Mapping[str, int]) -> str:
    total = sum(kinds.values())
    if not total:
        return ""
    listed = ", ".join(f"{count} {'without suffix' if kind == 'no suffix' else kind}" for kind, count in kinds.items())
    advice = f" ({NEEDS_HEIF})" if any(f".{kind}" in _HEIF_SUFFIXES for kind in kinds) and not _HAS_HEIF else ""
    return f"{plural(total, 'file')} {'is' if total == 1 else 'are'} of another kind: {listed}{advice}"
