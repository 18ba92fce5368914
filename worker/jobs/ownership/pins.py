"""What a job reads, as it was when the job was submitted: files by their hash, many files by a hash of sizes and times.

A change is named before anything runs on it. Files are hashed outside of transactions, and not again while their size
and times stay the same.
"""

import hashlib
import os
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.errors import DeepLabError
from deeplab.files import printable, sha256_of
from deeplab.mirrors import local_path, mirror_of
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.requests.specs import CheckpointSpec, CrfSpec, RegisterSpec, Spec, TrainSpec, TrySpec
from worker.jobs.settings import Settings
from worker.jobs.tables import InputPinRow, JobRow

INITIAL_WEIGHTS = "MODEL.INIT_MODEL"
_NOUNS = {
    "checkpoint": "weights file",
    "file": "weights file",
    "image": "image",
    INITIAL_WEIGHTS: "weights file",
    "DATASET.LABELS": "labels file",
    "DATASET.PALETTE": "colour table",
    "logits": "folder of logits",
}
_CLASSES = ("DATASET.LABELS", "DATASET.PALETTE")
_SPLIT = "DATASET.SPLIT."
_SHOWN = 12  # characters of a hash


class InputChangedError(DeepLabError):
    """Something that a job reads is not what it was when the job was submitted."""


@dataclass(frozen=True)
class Pin:
    """What something was when the job was submitted."""

    name: str  # the field or key that names it
    path: str
    stamp: str  # size and times of a file; empty for a folder
    digest: str  # of its bytes; of a folder: of the names, sizes and times of its files


def pin_inputs(settings: Settings, spec: Spec, config: Mapping[str, Any]) -> list[Pin]:
    """Look at everything that a job will read. Large files take a while; hold no transaction meanwhile.

    Raises:
        DeepLabError: if something cannot be read.
    """
    with open_session(settings, reads_only=True) as session:
        logits = _logits_of(session, spec)
    named = [*_named_files(spec, config), *([("logits", logits)] if logits else [])]
    return [_pin(settings, name, path) for name, path in named if _exists(path)]


def record(session: Session, job_id: int, pins: list[Pin]) -> None:
    """Keep what a job was submitted with."""
    for pin in pins:
        session.add(InputPinRow(job_id=job_id, name=pin.name, path=pin.path, stamp=pin.stamp, digest=pin.digest))


def require_unchanged(settings: Settings, job: Job, *, besides: Container[str] = ()) -> None:
    """Compare what a job reads with what it was when the job was submitted.

    Args:
        settings: name the database.
        job: the job.
        besides: names of pins that this attempt does not read.

    Raises:
        InputChangedError: if something was exchanged or is gone.
        DeepLabError: if something cannot be read.
    """
    with open_session(settings, reads_only=True) as session:
        has_path = InputPinRow.path != ""  # lists have none
        rows = session.scalars(select(InputPinRow).where(InputPinRow.job_id == job.id, has_path)).all()
    for row in rows:
        if row.name not in besides:
            _require_same(Pin(row.name, row.path, row.stamp, row.digest), job.id)


def require_same_list(settings: Settings, job_id: int, name: str, what: str, digest: str) -> None:
    """Compare a list of files, whose first look is the job's own first step, with what it was then.

    Raises:
        InputChangedError: if it differs from what an earlier attempt found.
    """
    with open_session(settings) as session:
        row = session.get(InputPinRow, (job_id, name))
        if row is None:
            session.add(InputPinRow(job_id=job_id, name=name, path="", stamp="", digest=digest))
        elif row.digest != digest:
            raise InputChangedError(
                f"{what} was changed since job {job_id} began: files are new, gone, or of another size or time;"
                " submit the job again to use it as it is now."
            )


def split_digests(session: Session, job_id: int) -> dict[str, str]:
    """What the splits that a job has read were then: a hash of ids, sizes and times, by the split's name."""
    of_split = InputPinRow.name.startswith(_SPLIT, autoescape=True)
    query = select(InputPinRow.name, InputPinRow.digest).where(InputPinRow.job_id == job_id, of_split)
    return {name.removeprefix(_SPLIT): digest for name, digest in session.execute(query.order_by(InputPinRow.name))}


def split_name(split: str) -> str:
    """Under which name the list of a split is kept."""
    return f"{_SPLIT}{split}"


def _named_files(spec: Spec, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The files that a job reads, by the field or key that names them."""
    if isinstance(spec, CheckpointSpec) and spec.checkpoint_ref.is_file:
        yield "checkpoint", spec.checkpoint
    if isinstance(spec, RegisterSpec):
        yield "file", spec.file
    if isinstance(spec, TrySpec):
        yield "image", spec.image
    starts = isinstance(spec, TrainSpec) and spec.resume is None
    for name in (*_CLASSES, *([INITIAL_WEIGHTS] if starts else [])):
        section, _, key = name.partition(".")
        path = config[section][key]
        if path is not None and remote.is_file(local_path(path)):  # a palette may also be the name of one
            yield name, path


def _logits_of(session: Session, spec: Spec) -> str | None:
    if not isinstance(spec, CrfSpec):
        return None
    result = session.scalar(select(JobRow.result).where(JobRow.id == spec.evaluate_job))
    logits: str | None = (result or {}).get("logits")
    return logits


def _pin(settings: Settings, name: str, path: str) -> Pin:
    if remote.is_folder(local_path(path)):
        return Pin(name, path, "", _digest_folder(name, path))
    stamp = _stamp(name, path)
    with open_session(settings, reads_only=True) as session:
        same = select(InputPinRow.digest).where(InputPinRow.path == path, InputPinRow.stamp == stamp)
        known = session.scalars(same.limit(1)).first()
    digest = known or _digest_file(name, path)
    if _stamp(name, path) != stamp:
        raise DeepLabError(f"{_noun(name)} {printable(path)} is being written; submit the job when it is complete.")
    return Pin(name, path, stamp, digest)


def _require_same(pin: Pin, job_id: int) -> None:
    if not _exists(pin.path):
        raise InputChangedError(f"{_noun(pin.name)} {printable(pin.path)} is gone since job {job_id} was submitted.")
    if not pin.stamp:
        if _digest_folder(pin.name, pin.path) != pin.digest:
            raise _changed(pin, job_id, "files in it are new, gone, or of another size or time")
    elif _stamp(pin.name, pin.path) != pin.stamp and (now := _digest_file(pin.name, pin.path)) != pin.digest:
        raise _changed(pin, job_id, "its sha256 differs", f" ({now[:_SHOWN]}…, not {pin.digest[:_SHOWN]}…)")


def _changed(pin: Pin, job_id: int, how: str, hashes: str = "") -> InputChangedError:
    before = f"{_noun(pin.name)} {printable(pin.path)} was exchanged since job {job_id} was submitted: {how}"
    advice = "; submit the job again to use it as it is now."
    return InputChangedError(f"{before}{hashes}{advice}", discreet=f"{before}{advice}")


def _stamp(name: str, path: str) -> str:
    with _reading(name, path):
        if mirror_of(local_path(path)) is not None:
            return "{} {}".format(*remote.status(local_path(path)))
        status = os.stat(path)  # noqa: PTH116  (follows links, as whoever reads the file does)
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _digest_file(name: str, path: str) -> str:
    with _reading(name, path):
        return sha256_of(local_path(path))


def _digest_folder(name: str, path: str) -> str:
    """Hash the names, sizes and times of the files in a folder."""
    with _reading(name, path):
        lines = sorted(map(_line_of, remote.scan(local_path(path))))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _line_of(entry: os.DirEntry[str] | remote.Entry) -> str:
    if isinstance(entry, remote.Entry):
        return "{}\0{}\0{}\n".format(entry.name, *entry.status)
    return f"{entry.name}\0{entry.stat().st_size}\0{entry.stat().st_mtime_ns}\n"


def _exists(path: str) -> bool:
    return remote.is_file(local_path(path)) or remote.is_folder(local_path(path))


@contextmanager
def _reading(name: str, path: str) -> Iterator[None]:
    """Name what could not be read."""
    try:
        yield
    except OSError as error:
        raise DeepLabError(f"{_noun(name)} {printable(path)} cannot be read: {error.strerror}.") from error


def _noun(name: str) -> str:
    noun = _NOUNS[name]
    return noun[0].upper() + noun[1:]
