"""A data set in a folder: images/, masks/ and a list of ids per split."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from torch.utils.data import Dataset

from deeplab.datasets.sample import Sample, read_sample
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.images import IMAGE_SUFFIXES, list_images

_MASK_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff"})  # JPEG and WebP blur the indices
_NAMED = 10  # so many missing files does an error spell out


class FolderDataset(Dataset[Sample]):
    """The pairs of one split, in the order of its list.

    ROOT/<split>.txt lists ids, one per line. The image of an id is ROOT/images/<id>.jpg, its mask ROOT/masks/<id>.png,
    or either of them in subfolders: images/<split>/<id>.jpg is found as well. Ids may contain "/".

    Args:
        root: the folder.
        split: name of the split.
        n_classes: how many classes masks may hold.
        ignore_label: the value of pixels without a class.

    Raises:
        DatasetError: if a folder or list is missing, the list is empty, or ids have no image or mask, or several.
    """

    def __init__(self, root: Path, split: str, n_classes: int, ignore_label: int = 255) -> None:
        if not root.is_dir():
            raise DatasetError(f"{printable(root)}: the data set's folder does not exist.")
        self.n_classes = n_classes
        self.ignore_label = ignore_label
        self.ids = read_ids(root / f"{split}.txt")
        self.images = _find(root / "images", self.ids, split, IMAGE_SUFFIXES)
        self.masks = _find(root / "masks", self.ids, split, _MASK_SUFFIXES)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        """Read a pair. Raises DatasetError or ImageError as `read_sample` does."""
        return read_sample(self.ids[index], self.images[index], self.masks[index], self.n_classes, self.ignore_label)


def read_ids(path: Path) -> list[str]:
    """Read a split list: one id per line, with or without the suffix of its image. Blank lines are skipped.

    Raises:
        DatasetError: if the list cannot be read, is empty or names an id twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DatasetError(f"{printable(path)}: the split list does not exist.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{printable(path)}: the split list cannot be read: {error}.") from error
    ids: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not (name := line.strip()):
            continue
        name = _without_suffix(name, IMAGE_SUFFIXES)
        if name in ids:
            raise DatasetError(f"{printable(path)}: line {number} repeats {name!r} of line {ids[name]}.")
        ids[name] = number
    if not ids:
        raise DatasetError(f"{printable(path)}: the split is empty; expected one id per line.")
    return list(ids)


def _find(folder: Path, ids: Iterable[str], split: str, suffixes: frozenset[str]) -> list[Path]:
    """The file of each id: the one of that relative path, else the one in the split's subfolder, else in any."""
    by_name = _index(folder, suffixes)
    found, missing = [], []
    for name in ids:
        candidates = [(stem, path) for stem, path in by_name[Path(name).name] if f"/{stem}".endswith(f"/{name}")]
        preferred = [each for each in candidates if each[0] in (name, f"{split}/{name}")] or candidates
        if len(preferred) > 1:
            files = " and ".join(sorted(printable(path) for _, path in preferred[:2]))
            raise DatasetError(f"{files} both belong to {name!r}; expected one file.")
        found += [path for _, path in preferred]
        missing += [] if preferred else [name]
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        total = len(found) + len(missing)
        raise DatasetError(
            f"{printable(folder)}: {len(missing)} of {total} files of the split {split!r} are missing:"
            f" {', '.join(missing[:_NAMED])}{more}."
        )
    return found


def _index(folder: Path, suffixes: frozenset[str]) -> defaultdict[str, list[tuple[str, Path]]]:
    """All files below, by their name without suffix: their relative path without suffix, and their path."""
    index: defaultdict[str, list[tuple[str, Path]]] = defaultdict(list)
    for relative in map(PurePosixPath, list_images(folder)):
        if relative.suffix.lower() in suffixes:
            index[relative.stem].append((str(relative.with_suffix("")), folder / relative))
    return index


def _without_suffix(name: str, suffixes: frozenset[str]) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in suffixes else name
