"""The jobs of the platform whose store this machine reaches."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from worker.client.jobs import LogPart
from worker.jobs import holds, jobs, presets, submission
from worker.jobs.chained_submission import Step, prepare_chain, submit_chain
from worker.jobs.cleaning import deletion
from worker.jobs.cleaning.deletion import Loss
from worker.jobs.database import open_session
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.preflight.preflight import Outlook
from worker.jobs.reconciler import take_back
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.requests.label import Label, parse_label
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings
from worker.jobs.submission import Hear
from worker.jobs.watching import attempt_logs, job_list
from worker.jobs.watching.job_list import JobFilter
from worker.jobs.watching.whole_job import WholeJob, read_whole_job

_PART_BYTES = 2**20  # of a log that are read at a time


class StoreJobs:
    """Jobs by the store. Whoever reaches it may do everything, and may name any path."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def list_jobs(self, wanted: JobFilter, *, before: int | None = None, limit: int = 50) -> list[JobSummary]:
        """List jobs, newest first."""
        with open_session(self._settings, reads_only=True) as session:
            return job_list.list_jobs(session, wanted, before=before, limit=limit)

    def show(self, job_id: int) -> WholeJob:
        """Read a job with what it left behind."""
        with open_session(self._settings, reads_only=True) as session:
            return read_whole_job(session, self._settings, job_id)

    def show_checkpoint(self, checkpoint_id: int) -> Checkpoint:
        """Read a checkpoint."""
        with open_session(self._settings, reads_only=True) as session:
            return checkpoints.get(session, checkpoint_id)

    def read_log(self, job_id: int, attempt: int | None, after: int) -> LogPart:
        """Read the log of an attempt from a byte on."""
        with open_session(self._settings, reads_only=True) as session:
            job = jobs.get(session, job_id)
        fence = attempt_logs.fence_of(job, attempt)
        text, until = attempt_logs.read_from(attempt_logs.log_of(self._settings, job, fence), after, _PART_BYTES)
        return LogPart(fence, text, until)

    def submit(
        self, kind: str, fields: Mapping[str, Any], label: Mapping[str, str], *, then: Sequence[Step], hear: Hear
    ) -> list[Job]:
        """Submit a job, and those that `then` names."""
        request = presets.expand(self._settings, fields, None) if fields.get("preset") else fields
        spec, named = parse_spec(kind, request), parse_label(label)
        prepared = prepare_chain(self._settings, spec, then, environment=os.environ)
        submitted = submit_chain(self._settings, prepared, label=named)
        first, *others = (each.outlook for each in prepared)
        hear(Outlook(first.waits, [*first.notices, *(notice for each in others for notice in each.notices)]))
        return submitted

    def retry(self, job_id: int, *, failed: bool, hear: Hear) -> Job:
        """Submit a failed or cancelled job again."""
        again = submission.retry_failed if failed else submission.retry
        return again(self._settings, job_id, environment=os.environ, hear=hear)

    def clone(self, job_id: int, changes: Mapping[str, Any], *, hear: Hear) -> Job:
        """Submit a job's request again with some fields changed."""
        return submission.clone(self._settings, job_id, changes, environment=os.environ, hear=hear)

    def edit(self, job_id: int, changes: Mapping[str, Any]) -> Job:
        """Change name, notes, experiment or priority."""
        with open_session(self._settings) as session:
            job = jobs.get(session, job_id)
            labels = {name: changes[name] for name in Label.model_fields if name in changes}
            if labels:
                job = jobs.relabel(session, job_id, parse_label({**job.label, "notes": job.notes, **labels}))
            return holds.set_priority(session, job_id, changes["priority"]) if "priority" in changes else job

    def cancel(self, job_id: int) -> Job:
        """End a job; a running one ends a few seconds later."""
        with open_session(self._settings) as session:
            asked = jobs.cancel(session, job_id)
        if asked.is_terminal:
            return asked
        take_back(self._settings)  # its worker may be dead, and nobody else there to end it
        with open_session(self._settings, reads_only=True) as session:
            return jobs.get(session, job_id)

    def pause(self, job_id: int) -> Job:
        """Put a job on hold."""
        with open_session(self._settings) as session:
            return holds.pause(session, job_id)

    def resume(self, job_id: int) -> Job:
        """Let a job that is on hold start."""
        with open_session(self._settings) as session:
            return holds.resume(session, job_id)

    def foresee_deletion(self, job_id: int) -> Loss:
        """Say what deleting a job would delete."""
        with open_session(self._settings, reads_only=True) as session:
            return deletion.foresee(session, job_id)

    def delete(self, job_id: int) -> Loss:
        """Delete a job that has ended, with its files."""
        return deletion.delete_job(self._settings, job_id)
