"""The guided start: from two folders on the server to a registered dataset that can be looked at."""

import re
from pathlib import Path

from deeplab.confinement import lies_under
from deeplab.datasets.importing.two_folders import Matched, match_folders, write_two_folders
from deeplab.errors import DeepLabError
from deeplab.files import is_plain, printable, real_path
from deeplab.mirrors import local_path
from web.access.paths import outside, readable_roots
from web.actions.registration import register
from worker.jobs.datasets import Dataset
from worker.jobs.requests.resolve import errors_at
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.settings import Settings

_FIELDS = ("images", "masks", "name")


def make_dataset(settings: Settings, given: dict[str, str], *, user_id: int | None) -> tuple[Dataset, list[str]]:
    """Register the dataset of a folder of images and a folder of masks.

    If both are already part of a dataset with lists and class names, that is registered as it is; else a folder is made
    under the first data root, which links them.

    Args:
        settings: name the data roots.
        given: images, masks and name.
        user_id: who asks.

    Returns:
        The dataset, and a sentence about images that have no mask.

    Raises:
        SpecError: naming the field that is wrong.
    """
    _check(settings, given)
    images, masks = (real_path(local_path(given[name])) for name in ("images", "masks"))
    root = images.parent
    if (images.name, masks) == ("images", root / "masks") and (root / "train.txt").is_file():
        return register(settings, given["name"], str(root), user_id=user_id)[0], []
    with errors_at("masks"):
        matched = match_folders(images, masks)
    folder = settings.roots[0] / given["name"]
    if folder.exists():
        raise SpecError({"name": f"{printable(folder)} exists already; choose another name."})
    with errors_at("name"):
        write_two_folders(folder, matched)
    try:
        dataset, _ = register(settings, given["name"], str(folder), user_id=user_id)
    except DeepLabError:
        _remove(folder)
        raise
    return dataset, _describe(matched)


def _check(settings: Settings, given: dict[str, str]) -> None:
    wrong = {name: "is required." for name in _FIELDS if not given.get(name)}
    if "name" not in wrong and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", given["name"]):
        wrong["name"] = "must consist of letters, digits, '.', '-' and '_'."
    for field in ("images", "masks"):
        if field in wrong:
            continue
        if not (is_plain(given[field]) and lies_under(given[field], readable_roots(settings))):
            wrong[field] = outside(given[field], settings)
    if wrong:
        raise SpecError(wrong)


def _remove(folder: Path) -> None:
    """Remove the folder that was made, and not what its links lead to."""
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _describe(matched: Matched) -> list[str]:
    n_left = len(matched.without_mask)
    if not n_left:
        return []
    noun, verb = ("image", "has") if n_left == 1 else ("images", "have")
    return [f"{n_left:,} {noun} {verb} no mask and {'is' if n_left == 1 else 'are'} left out."]
