"""Gather the images of an export, each with what labels it. Torch-free."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from deeplab.datasets.importing.export import Label, LabelledImage
from deeplab.datasets.importing.files import ExportFiles, File, ImageIndex, describe_missing
from deeplab.errors import DatasetError
from deeplab.files import printable
from deeplab.formats import plural

_FOLDERS_OF_IMAGES = frozenset({"images", "jpegimages"})  # that say nothing about an image
_SPLITS = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}
_NO_SPLITS = frozenset({"", "default"})


class Gathering:
    """The images of an export, as far as they were read.

    Args:
        files: of the export.
        masks: those that are no images though they look so.
    """

    def __init__(self, files: ExportFiles, masks: Iterable[File] = ()) -> None:
        self._source = printable(files.source)
        not_images = {file.path for file in masks}
        own = [file for file in files.images if file.path not in not_images]
        self._own, self._more = ImageIndex(own), ImageIndex(files.more_images)
        self._n_own = len(own)
        self._gathered: dict[str, LabelledImage] = {}
        self._missing: list[str] = []

    def add(
        self, name: str, label: Label, where: str, *, split: str | None = None, near: str = "", also: str = ""
    ) -> None:
        """Take up an image by its path; one that is missing is named at the end.

        Args:
            name: the path, as the annotations have it.
            label: what was labelled in it.
            where: the file that says so, for sentences.
            split: the tool's name of its split.
            near: the folder in which the image is expected.
            also: another name that it may have.

        Raises:
            DatasetError: if several files may be meant, or the image was labelled before.
        """
        names = filter(None, (name, also))
        file = next(filter(None, (self._own.find(each, near) or self._more.find(each) for each in names)), None)
        self._take(file, name, label, where, split)

    def add_mask(self, stem: str, label: Label, where: str, *, split: str | None = None, near: str = "") -> None:
        """Take up the image of a mask by the path without suffix. Raises DatasetError."""
        self._take(self._own.find_by_stem(stem, near) or self._more.find_by_stem(stem), stem, label, where, split)

    def images(self) -> list[LabelledImage]:
        """What was gathered, by name. Raises DatasetError if images are missing, or there is none."""
        if self._missing:
            raise DatasetError(describe_missing(self._missing, self._source))
        if not self._gathered:
            raise DatasetError(f"{self._source}: no image in it is labelled.")
        return [self._gathered[name] for name in sorted(self._gathered)]

    def notes(self) -> list[str]:
        """Say how many images nothing labels."""
        n_unused = self._n_own - len({each.image for each in self._gathered.values()})
        return [f"{plural(n_unused, 'image')} without annotations left out."] if n_unused > 0 else []

    def _take(self, file: File | None, name: str, label: Label, where: str, split: str | None) -> None:
        if file is None:
            self._missing.append(name)
            return
        image = LabelledImage(_id_of(file), file.path, label, where, as_split(split))
        known = self._gathered.setdefault(image.name, image)
        if known is not image:
            raise DatasetError(
                f"{where}: {file} was labelled before."
                if known.image == file.path
                else f"{where}: {printable(known.image.name)} and {printable(file.name)} would both be called"
                f" {image.name!r}; expected names that differ in more than their suffixes."
            )


def as_split(name: str | None) -> str | None:
    """The name of a split, given what a tool calls it: "train", "val" or "test", if it is one of these."""
    spelt = (name or "").strip().lower()
    return None if spelt in _NO_SPLITS else _SPLITS.get(spelt, _plain(spelt))


def split_of_folder(file: File) -> str | None:
    """The split that a folder above a file names, if one does."""
    folders = (as_split(part) for part in file.parts[:-1])
    return next((split for split in folders if split in ("train", "val", "test")), None)


def _id_of(file: File) -> str:
    path = PurePosixPath(file.relative)
    folders = [part for part in path.parent.parts if part.lower() not in _FOLDERS_OF_IMAGES]
    return "/".join(map(_plain, [*folders, path.stem]))


def _plain(part: str) -> str:
    """A part of a path as it can stand in a list, and is not hidden."""
    text = printable(part).replace("/", "-").replace("\\", "-").strip()
    return f"_{text}" if text.startswith(".") or not text else text
