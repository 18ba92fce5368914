"""Turn manifests into result tables: of jobs that an earlier version ran, which has left nothing else."""

import fcntl
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

from deeplab.errors import OutputError
from deeplab.files import make_folder, printable
from deeplab.inference.manifest import Row, stream_manifest
from worker.jobs import storage
from worker.jobs.results import merging
from worker.jobs.results.parts import Part
from worker.jobs.results.record import ImageResult
from worker.jobs.results.writer import write_part
from worker.jobs.settings import Settings

_AT_ONCE = 5000  # rows; they take some megabytes


def index_manifests(settings: Settings, job_id: int, manifests: Iterable[Path]) -> Path:
    """Write the rows of an ended job's manifests as a part in the job's folder, unless that was done before.

    Others who need it meanwhile wait for it.

    Raises:
        OutputError: if a manifest cannot be read, or the part cannot be written.
    """
    folder = storage.indexed_part_dir(settings, job_id)
    if not folder.is_dir():
        with _locked(folder.with_suffix(".lock")):
            if not folder.is_dir():
                write_index(manifests, folder)
    return folder


def write_index(manifests: Iterable[Path], folder: Path) -> int:
    """Write the rows of manifests as a part, whole or not at all, in memory that does not grow with them.

    Returns:
        How many rows there are.

    Raises:
        OutputError: if a manifest cannot be read, or the part cannot be written.
    """
    draft = folder.with_name(f"{folder.name}-draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        chunks = list(_write_chunks(chain.from_iterable(map(stream_manifest, manifests)), draft))
        merging.merge(chunks, draft / "merged")
        (draft / "merged").replace(folder)
    except OSError as error:
        raise OutputError(f"{printable(folder)}: cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return sum(chunk.n_images for chunk in chunks)


def _write_chunks(rows: Iterator[Row], draft: Path) -> Iterator[Part]:
    number = 0
    while (chunk := [ImageResult.of_row(row) for row in islice(rows, _AT_ONCE)]) or not number:
        folder = draft / str(number)
        write_part(folder, chunk)
        yield Part(number, folder, len(chunk), level=0)
        number += 1


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    make_folder(path.parent)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
