"""Why a queued job waits: what keeps it from being started, or what comes before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from worker.jobs import outcomes, workers
from worker.jobs.catalog import QUEUED, RUNNING
from worker.jobs.database import read_clock
from worker.jobs.jobs import JobSummary
from worker.jobs.tables import AttemptRow, JobRow
from worker.jobs.workers import Worker


@dataclass(frozen=True)
class Obstacle:
    """What keeps a queued job from being started."""

    sentence: str
    command: str | None  # what removes it, if a command can

    def __str__(self) -> str:
        """All of it as one line."""
        return self.sentence if self.command is None else f"{self.sentence} Start one: {self.command}"


def find_obstacle(session: Session, job: JobSummary) -> Obstacle | None:
    """Find what keeps a job waiting; None if it is not queued, or some live worker can run it."""
    return find_obstacles(session, [job]).get(job.id)


def find_obstacles(session: Session, jobs: Sequence[JobSummary]) -> dict[int, Obstacle]:
    """Find what keeps jobs waiting, by their ids; the workers are read once."""
    queued = [job for job in jobs if job.state == QUEUED]
    alive = [each for each in workers.list_workers(session) if each.alive] if queued else []
    found = {job.id: _obstacle(job, [each for each in alive if each.queue == job.queue]) for job in queued}
    found |= {job.id: pause for job in queued if found[job.id] is None and (pause := _find_pause(session, job))}
    return {job_id: obstacle for job_id, obstacle in found.items() if obstacle is not None}


def _obstacle(job: JobSummary, serving: Sequence[Worker]) -> Obstacle | None:
    """What keeps a queued job from being started by the live workers of its queue."""
    if not serving:
        sentence = f"No live worker serves the {job.queue} queue."
        return Obstacle(sentence, f"deeplab worker start --queue {job.queue}")
    most = max(each.gpus for each in serving)
    if job.gpus > max(most, 1):
        return Obstacle(f"It asks for {job.gpus} GPUs; no live worker has as many (at most {most}).", None)
    return None


def _find_pause(session: Session, job: JobSummary) -> Obstacle | None:
    """The pause between two attempts, if a job is in one."""
    seconds = 0.0 if job.not_before is None else job.not_before - read_clock(session)
    if seconds <= 0:
        return None
    last = select(AttemptRow.outcome).where(AttemptRow.job_id == job.id, AttemptRow.fence == job.fence)
    return Obstacle(outcomes.describe_wait(job, session.scalars(last).one() or outcomes.LOST, seconds), None)


@dataclass(frozen=True)
class Place:
    """The place of a queued job in its queue."""

    n_before: int  # jobs that were queued before it and still are
    n_running: int  # jobs of the queue that are running ...
    n_slots: int  # ... on so many slots of live workers
    free_in: float | None  # seconds until the first of them is expected to end; None if nothing is known


def find_place(session: Session, job: JobSummary) -> Place | None:
    """Find the place of a job in its queue; None if it is not queued."""
    if job.state != QUEUED:
        return None
    queue = JobRow.queue == job.queue
    n_before = session.scalar(select(func.count()).where(queue, JobRow.state == QUEUED, JobRow.id < job.id))
    running = select(func.count(), func.min(JobRow.eta_seconds)).where(queue, JobRow.state == RUNNING)
    n_running, free_in = session.execute(running).one()
    alive = [each for each in workers.list_workers(session) if each.alive and each.queue == job.queue]
    return Place(n_before or 0, n_running, sum(each.slots for each in alive), free_in)
