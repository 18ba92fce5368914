"""Names of files as lists spell them and as disks hold them. Torch-free."""

import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from deeplab.images.kinds import MASK_SUFFIXES, NEEDS_HEIF


def spelling(name: str) -> str:
    """A name in one spelling: an accent can be part of a letter (NFC) or follow it (NFD, on disks of Macs)."""
    return unicodedata.normalize("NFC", name)


class Neighbours:
    """The files of a folder, by which an error sentence can say what lies in the place of a missing one.

    Args:
        names: paths relative to the folder.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._by_stem: dict[str, str] = {}
        for path in map(PurePosixPath, names):
            self._by_stem.setdefault(self._key(str(path.with_suffix(""))), str(path))
            self._by_stem.setdefault(self._key(path.stem), str(path))

    def describe(self, wanted: str, *, stem: str, is_mask: bool) -> str:
        """Name a missing file, and the one in its place: "a (a.heic is there, ...)".

        Args:
            wanted: how the sentence names it.
            stem: its path without suffix.
            is_mask: whether it is a mask.
        """
        there = self._by_stem.get(self._key(stem))
        if there is None:
            return wanted
        suffix = PurePosixPath(there).suffix.lower()
        if suffix in {".heic", ".heif"} and not is_mask:
            return f"{wanted} ({there} is there; {NEEDS_HEIF})"
        if is_mask and suffix not in MASK_SUFFIXES:
            kinds = " ".join(sorted(each[1:] for each in MASK_SUFFIXES))
            return f"{wanted} ({there} is there, but masks must be of a lossless kind: {kinds})"
        return f"{wanted} ({there} is there)"

    @staticmethod
    def _key(stem: str) -> str:
        return spelling(stem).casefold()
