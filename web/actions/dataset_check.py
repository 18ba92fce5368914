"""Checks a registered dataset for the page and the API, in bounded time."""

import threading

from deeplab.datasets.checking.check import check_dataset
from deeplab.datasets.checking.report import DatasetReport
from deeplab.errors import DeepLabError
from deeplab.reporter import SilentReporter
from web.context import reading
from worker.jobs import datasets

_SECONDS = 10.0  # a proxy may give up on an answer after 30
_one_at_a_time = threading.Lock()


def check(name: str) -> DatasetReport:
    """Check all splits of a registered dataset; of a large one as many random pairs as ten seconds allow.

    Raises:
        DatasetNotFoundError: if there is none of that name.
        DatasetError: if its labels file cannot be read any more.
        DeepLabError: if a dataset is being checked already.
    """
    with reading() as session:
        dataset = datasets.get_by_name(session, name)
    if not _one_at_a_time.acquire(blocking=False):
        raise DeepLabError("Another dataset is being checked; try again in ten seconds.")
    try:
        return check_dataset(
            datasets.config_of(dataset), SilentReporter(), splits=list(dataset.splits), n_workers=1, seconds=_SECONDS
        )
    finally:
        _one_at_a_time.release()
