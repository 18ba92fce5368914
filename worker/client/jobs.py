"""What can be asked of the jobs of a platform, wherever it runs. `deeplab job` knows them by this alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from worker.jobs.chained_submission import Step
from worker.jobs.cleaning.deletion import Loss
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.submission import Hear
from worker.jobs.watching.job_list import JobFilter
from worker.jobs.watching.whole_job import WholeJob


@dataclass(frozen=True)
class LogPart:
    """A part of the log of an attempt."""

    fence: int  # of the attempt; 0 before the first
    log: str
    until: int  # the byte behind it, where the next part begins


class Jobs(Protocol):
    """The jobs of a platform. Errors are DeepLabError, and SpecError where fields of a request are wrong."""

    def list_jobs(self, wanted: JobFilter, *, before: int | None = None, limit: int = 50) -> list[JobSummary]:
        """List jobs, newest first."""

    def show(self, job_id: int) -> WholeJob:
        """Read a job with what it left behind."""

    def show_checkpoint(self, checkpoint_id: int) -> Checkpoint:
        """Read a checkpoint."""

    def read_log(self, job_id: int, attempt: int | None, after: int) -> LogPart:
        """Read the log of an attempt, by default the last one, from a byte on: as much as is sent at a time."""

    def submit(
        self, kind: str, fields: Mapping[str, Any], label: Mapping[str, str], *, then: Sequence[Step], hear: Hear
    ) -> list[Job]:
        """Submit a job, and those that `then` names; `hear` is told what is no reason to refuse them."""

    def retry(self, job_id: int, *, failed: bool, hear: Hear) -> Job:
        """Submit a failed or cancelled job again; `failed`: of a segment job what failed."""

    def clone(self, job_id: int, changes: Mapping[str, Any], *, hear: Hear) -> Job:
        """Submit a job's request again with some fields changed."""

    def edit(self, job_id: int, changes: Mapping[str, Any]) -> Job:
        """Change name, notes, experiment or priority."""

    def cancel(self, job_id: int) -> Job:
        """End a job; a running one ends a few seconds later."""

    def pause(self, job_id: int) -> Job:
        """Put a job on hold."""

    def resume(self, job_id: int) -> Job:
        """Let a job that is on hold start."""

    def foresee_deletion(self, job_id: int) -> Loss:
        """Say what deleting a job would delete."""

    def delete(self, job_id: int) -> Loss:
        """Delete a job that has ended, with its files."""
