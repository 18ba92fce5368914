"""What a child does for each kind of job: from the job's request and configuration to calls of the core and back."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, assert_never

from sqlalchemy.orm import Session

from deeplab.config import Config, parse_config
from deeplab.errors import CheckpointError
from deeplab.files import sha256_of
from deeplab.formats import size
from deeplab.mirrors import local_path
from worker.execution.reporter import JobReporter
from worker.jobs import leases, storage
from worker.jobs.catalog import Kind
from worker.jobs.cleaning import leftovers
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.ownership import room
from worker.jobs.records import checkpoints, events
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobContext:
    """What the code of a kind works with."""

    settings: Settings
    job: Job
    reporter: JobReporter

    @property
    def folder(self) -> Path:
        """Where the files of this attempt go."""
        return storage.attempt_dir(self.settings, self.job.id, self.job.fence)

    @cached_property
    def config(self) -> Config:
        """The configuration that was resolved when the job was submitted."""
        return parse_config(self.job.config, f"job {self.job.id}")

    def fenced(self) -> AbstractContextManager[Session]:
        """Open a session whose writes are committed only if this attempt still owns the job.

        Raises:
            LeaseLostError: if it does not.
        """
        return leases.fenced(self.settings, self.job.id, self.job.fence)

    def add_event(self, message: str) -> None:
        """Tell people what happened to the job."""
        with self.fenced() as session:
            events.add(session, self.job.id, self.job.fence, message)


def run_attempt(context: JobContext) -> dict[str, Any]:
    """Do what the job asks for and return its result.

    Raises:
        OutputError: if there is no room to begin.
    """
    settings, job = context.settings, context.job
    if found := leftovers.find_own_leftovers(settings, job):
        _log.info("Earlier attempts left %s, which are deleted.", size(leftovers.remove(settings, found)))
    room.require_room_for(settings, job)
    return runner_of(context.job.kind)(context)


def runner_of(kind: Kind) -> Callable[[JobContext], dict[str, Any]]:
    """Import the code of a kind of job, and with it only the part of the core that it needs."""
    match kind:
        case "train":
            from worker.execution.kinds.train import run
        case "evaluate":
            from worker.execution.kinds.evaluate import run
        case "crf":
            from worker.execution.kinds.crf import run
        case "segment":
            from worker.execution.kinds.segment import run
        case "register":
            from worker.execution.kinds.register import run
        case "onnx":
            from worker.execution.kinds.onnx_file import run
        case "try":
            from worker.execution.kinds.try_image import run
        case "check":
            from worker.execution.kinds.check import run
        case "import":
            from worker.execution.kinds.import_ import run
        case _:
            assert_never(kind)
    return run


def weights_path(settings: Settings, ref: CheckpointRef) -> Path:
    """Find the file of a checkpoint.

    Raises:
        CheckpointError: if the file of one of this platform's checkpoints is gone or damaged.
    """
    if ref.id is None:  # a job that is named by its id was replaced by its checkpoint before this one started
        return local_path(ref.text)
    with open_session(settings, reads_only=True) as session:
        checkpoint = checkpoints.get(session, ref.id)
    require_intact(checkpoint)
    return checkpoint.path


def require_intact(checkpoint: Checkpoint) -> None:
    """Compare a checkpoint's file with its record.

    Raises:
        CheckpointError: if the file is gone, or its bytes are not those that were recorded.
    """
    where = f"Checkpoint {checkpoint.id} (iteration {checkpoint.iteration} of job {checkpoint.job_id})"
    try:
        intact = sha256_of(checkpoint.path) == checkpoint.sha256
    except OSError as error:
        raise CheckpointError(f"{where} cannot be read: {checkpoint.path}: {error.strerror}.") from error
    if not intact:
        raise CheckpointError(f"{where} is damaged: {checkpoint.path} has changed since it was recorded.")
