"""The files of evaluated images: which image and which ground truth belong to an id of a split."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.datasets.layouts.by_name import list_split
from deeplab.datasets.pairs import Pair
from deeplab.errors import DatasetError
from deeplab.files import real_path
from deeplab.schema import Dataset
from worker.jobs import jobs
from worker.jobs.jobs import Job
from worker.jobs.results.record import item_key

_PATIENCE = 2.0  # seconds in which a listing is not repeated


@dataclass(frozen=True)
class SplitRef:
    """A split of a dataset as a job sees it."""

    section: str  # the section DATASET of its configuration, as JSON
    name: str

    @classmethod
    def of(cls, section: Mapping[str, Any], name: str) -> "SplitRef":
        """A split of the dataset that a section DATASET describes."""
        return cls(json.dumps(section, sort_keys=True), name)

    @property
    def dataset(self) -> Dataset:
        """The section DATASET."""
        return Dataset.model_validate(json.loads(self.section))

    @property
    def root(self) -> Path | None:
        """The folder of the dataset."""
        root = json.loads(self.section)["ROOT"]
        return None if root is None else Path(root)

    def has_images_of(self, other: "SplitRef") -> bool:
        """Whether an id means the same image in both."""
        here, there = json.loads(self.section), json.loads(other.section)
        return self.name == other.name and all(here.get(key) == there.get(key) for key in ("NAME", "ROOT", "WARP"))


@dataclass(frozen=True)
class ListedPair:
    """An image of a split."""

    pair: Pair
    labelled: bool  # whether it has ground truth
    warp_side: int | None  # see deeplab.datasets.pairs.SplitListing


def split_of(session: Session, job: Job) -> SplitRef | None:
    """The split whose images a job evaluates; None for a job of another kind."""
    evaluated = jobs.get(session, job.spec["evaluate_job"]) if job.kind == "crf" else job
    if evaluated.kind != "evaluate":
        return None
    section = job.config["DATASET"]
    return SplitRef.of(section, evaluated.spec.get("split") or section["SPLIT"]["VAL"])


def find_pair(split: SplitRef, image_id: str) -> ListedPair:
    """Find the files of an image by its id.

    Raises:
        DatasetError: if the split lists no such image any more, or cannot be listed.
    """
    listing = _listing(split)
    found = listing.pairs.get(image_id)
    if found is None or listing.is_outdated(found):
        found = _listing(split, anew=time.time() - listing.made_at > _PATIENCE).pairs.get(image_id)
    if found is None:
        raise DatasetError(f"The split {split.name!r} of {split.root} has no image {image_id!r} any more.")
    return found


def list_images(split: SplitRef) -> Sequence[ListedPair]:
    """The images of a split that are there, those with a mask first. Raises DatasetError if it cannot be listed."""
    return list(_listing(split).pairs.values())


def find_by_key(split: SplitRef, key: str) -> ListedPair | None:
    """Find the files of an image by the `item_key` of its id; None if the split has none.

    Raises:
        DatasetError: if it cannot be listed.
    """
    image_id = _listing(split).ids_by_key.get(key)
    return None if image_id is None else find_pair(split, image_id)


def find_id(split: SplitRef, image: Path) -> str | None:
    """Find the id of an image by its file, below the dataset's folder. Raises DatasetError if that cannot be listed."""
    if split.root is None:
        return None
    listed_as = split.root / real_path(image).relative_to(real_path(split.root))
    return next((each.pair.id for each in _listing(split).pairs.values() if each.pair.image == listed_as), None)


@dataclass
class _Listing:
    """The images of a split by id: about a kilobyte for each."""

    pairs: Mapping[str, ListedPair]
    made_at: float = field(default_factory=time.time)

    @cached_property
    def ids_by_key(self) -> Mapping[str, str]:
        """The ids by what stands for them in addresses."""
        return {item_key(image_id): image_id for image_id in self.pairs}

    def is_outdated(self, listed: ListedPair) -> bool:
        """Whether a file is gone, or one that holds the truth of many images was written since."""
        try:
            truth = listed.pair.ground_truth.path
            return not remote.is_file(listed.pair.image) or (listed.labelled and remote.status(truth)[1] > self.made_at)
        except OSError:
            return True


_lock = threading.Lock()


def _listing(split: SplitRef, *, anew: bool = False) -> _Listing:
    with _lock:  # a page asks for many tiles at once, and one listing is enough
        if anew:
            _list.cache_clear()
        return _list(split)


@lru_cache(maxsize=4)
def _list(split: SplitRef) -> _Listing:
    listing = list_split(split.dataset, split.name)
    pairs = {pair.id: ListedPair(pair, True, listing.warp_side) for pair in listing.pairs}
    pairs |= {pair.id: ListedPair(pair, False, listing.warp_side) for pair in listing.unlabelled}
    return _Listing(pairs)
