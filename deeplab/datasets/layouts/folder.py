"""The layout of your own datasets: images/, masks/ and a list of ids per split. Torch-free."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from deeplab import remote
from deeplab.datasets.layouts.lists import read_ids
from deeplab.datasets.nearby import Neighbours, spelling
from deeplab.datasets.pairs import MaskFile, Pair, SplitListing
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.images.kinds import IMAGE_SUFFIXES, MASK_SUFFIXES
from deeplab.images.listing import ImageListing, scan_folder


def list_folder(root: Path, split: str) -> SplitListing:
    """List the pairs of a split, in the order of its list.

    ROOT/<split>.txt holds ids, one per line. The image of an id is ROOT/images/<id>.jpg, its mask ROOT/masks/<id>.png,
    or either of them in a subfolder: images/<split>/<id>.jpg is found as well. Ids may contain "/".

    Raises:
        DatasetError: if a folder or list is missing, the list is empty, or an id has several images or masks.
    """
    ids = read_ids(root / f"{split}.txt", root / "images")
    problem = "" if remote.is_folder(root / "masks") else f"{printable(root / 'masks')}: the folder does not exist."
    folders = [root / "images"] if problem else [root / "images", root / "masks"]
    listings = {folder: scan_folder(folder) for folder in folders}
    images = _find(root / "images", listings[root / "images"].paths, ids, split, IMAGE_SUFFIXES)
    masks = {} if problem else _find(root / "masks", listings[root / "masks"].paths, ids, split, MASK_SUFFIXES)
    missing = {
        folder: _describe_missing([name for name in ids if name not in found], listing, is_mask=found is masks)
        for (folder, listing), found in zip(listings.items(), (images, masks), strict=not problem)
        if len(found) < len(ids)
    }
    pairs = [Pair(name, images[name], MaskFile(masks[name])) for name in ids if name in images and name in masks]
    unlabelled = [
        Pair(name, images[name], MaskFile(root / "masks" / f"{name}.png"))
        for name in ids
        if name in images and name not in masks
    ]
    passed_over = {folder: listing.passed_over for folder, listing in listings.items()}
    return SplitListing(split, len(ids), pairs, missing, passed_over, unlabelled=unlabelled, problem=problem)


class FileIndex:
    """The files below a folder, by what an id says of them.

    Args:
        folder: the folder.
        paths: files below it, relative to it.
        suffixes: of the files that count, in lower case.
    """

    def __init__(self, folder: Path, paths: Sequence[str], suffixes: frozenset[str]) -> None:
        self._by_name: dict[str, list[tuple[str, Path]]] = {}
        self._by_name_of_image: dict[str, list[tuple[str, Path]]] = {}  # of a.jpg.png, as `segment` calls a mask
        for relative in map(PurePosixPath, paths):
            if relative.suffix.lower() in suffixes:
                named = relative.with_suffix("")
                _add(self._by_name, named, folder / relative)
                if named.suffix.lower() in IMAGE_SUFFIXES:
                    _add(self._by_name_of_image, named.with_suffix(""), folder / relative)

    def candidates(self, spelt: str) -> list[tuple[str, Path]]:
        """The files that an id may mean, as relative paths without suffix and whole paths; `spelling` spelt the id."""
        for by_name in (self._by_name, self._by_name_of_image):
            named_alike = by_name.get(PurePosixPath(spelt).name, [])
            if found := [(stem, path) for stem, path in named_alike if f"/{stem}".endswith(f"/{spelt}")]:
                return found
        return []


def _add(by_name: dict[str, list[tuple[str, Path]]], named: PurePosixPath, path: Path) -> None:
    by_name.setdefault(spelling(named.name), []).append((spelling(str(named)), path))


def _find(
    folder: Path, paths: Sequence[str], ids: Sequence[str], split: str, suffixes: frozenset[str]
) -> dict[str, Path]:
    """Find the file of each id: at that relative path, else in the split's subfolder, else in any."""
    index = FileIndex(folder, paths, suffixes)
    found: dict[str, Path] = {}
    owners: dict[Path, str] = {}
    for name in ids:
        spelt = spelling(name)
        candidates = index.candidates(spelt)
        preferred = [each for each in candidates if each[0] in (spelt, f"{split}/{spelt}")] or candidates
        if len(preferred) > 1:
            files = " and ".join(sorted(printable(path) for _, path in preferred[:2]))
            raise DatasetError(f"{files} both belong to {name!r}; expected one file.")
        if preferred:
            path = preferred[0][1]
            if path in owners:
                raise DatasetError(
                    f"{printable(path)}: belongs to both {owners[path]!r} and {name!r} of the split {split!r};"
                    " expected a file of its own for each id."
                )
            found[name], owners[path] = path, name
    return found


def _describe_missing(names: Sequence[str], listing: ImageListing, *, is_mask: bool) -> list[str]:
    neighbours = Neighbours([*listing.paths, *listing.others])
    return [neighbours.describe(name, stem=name, is_mask=is_mask) for name in names]
