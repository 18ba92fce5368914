"""Why a queued job must not start yet, though a worker may be free: others, a time, a pause or a limit."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from deeplab.formats import list_briefly, plural
from worker.jobs import holds, outcomes
from worker.jobs.database import read_clock
from worker.jobs.jobs import JobSummary
from worker.jobs.scheduling import chains, next_job
from worker.jobs.settings import Settings
from worker.jobs.tables import AttemptRow


class Schedule:
    """What is known of when jobs may start, read once for all of them."""

    def __init__(self, session: Session, settings: Settings, queued: Sequence[JobSummary]) -> None:
        self._session = session
        self._limits = settings.running_per_queue, settings.running_per_user
        self._awaited = chains.list_open(session, [job.id for job in queued if job.awaits_others])
        self._pauses = holds.list_pauses(session)
        self._running = next_job.count_running(session) if any(self._limits) else {}

    def describe(self, job: JobSummary) -> str | None:
        """Why a queued job does not start; None if it would, had a worker a free slot."""
        if job.held_at is not None:
            return f"It is on hold since {_clock(job.held_at)}."
        if job.awaits_others:
            return f"It waits for {_jobs(self._awaited.get(job.id, []))}."
        return self._describe_time(job) or self._describe_queue(job) or self._describe_limit(job)

    def _describe_time(self, job: JobSummary) -> str | None:
        """When it may start, as was asked for, or after an attempt."""
        seconds = 0.0 if job.not_before is None else job.not_before - read_clock(self._session)
        if seconds <= 0 or job.not_before is None:
            return None
        last = select(AttemptRow.outcome).where(AttemptRow.job_id == job.id, AttemptRow.fence == job.fence)
        outcome = self._session.scalars(last).one_or_none()
        if outcome is None:
            return f"It does not start before {_clock(job.not_before)}."
        return outcomes.describe_wait(job, outcome, seconds)

    def _describe_queue(self, job: JobSummary) -> str | None:
        pause = self._pauses.get(job.queue)
        if pause is None:
            return None
        return (
            f"The {job.queue} queue is paused{f' by {pause.user}' if pause.user else ''} since {_clock(pause.since)}."
        )

    def _describe_limit(self, job: JobSummary) -> str | None:
        """Which limit of running jobs is reached."""
        of_queue, of_user = self._limits
        n_own = self._running.get((job.queue, job.user), 0)
        n_all = sum(n for (queue, _), n in self._running.items() if queue == job.queue)
        if of_queue is not None and n_all >= of_queue:
            return f"{n_all} of at most {plural(of_queue, 'job')} of the {job.queue} queue run."
        if of_user is not None and n_own >= of_user:
            whose = job.user or "the command line"
            return f"{n_own} of at most {plural(of_user, 'job')} of {whose} run in the {job.queue} queue."
        return None


def _jobs(job_ids: Sequence[int]) -> str:
    """Jobs in a sentence: "job 12", "jobs 12, 13"."""
    if not job_ids:
        return "jobs that have just ended"
    return f"job{'s' if len(job_ids) > 1 else ''} {list_briefly([str(job_id) for job_id in job_ids])}"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
