"""Why a queued job waits, in one sentence: what keeps it from being started, or what comes before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.orm import Session

from worker.jobs import missing_roots, workers
from worker.jobs.catalog import QUEUED, RUNNING
from worker.jobs.jobs import JobSummary
from worker.jobs.settings import Settings
from worker.jobs.tables import READY, JobRow
from worker.jobs.watching.schedule import Schedule
from worker.jobs.workers import Worker


@dataclass(frozen=True)
class Obstacle:
    """What keeps a queued job from being started."""

    sentence: str
    command: str | None  # what removes it, if a command can

    def __str__(self) -> str:
        """All of it as one line."""
        return self.sentence if self.command is None else f"{self.sentence} Start one: {self.command}"


def find_obstacle(session: Session, settings: Settings, job: JobSummary) -> Obstacle | None:
    """Find what keeps a job waiting; None if it is not queued, or some live worker can run it."""
    return find_obstacles(session, settings, [job]).get(job.id)


def find_obstacles(session: Session, settings: Settings, jobs: Sequence[JobSummary]) -> dict[int, Obstacle]:
    """Find what keeps jobs waiting, by their ids; what concerns all of them is read once."""
    queued = [job for job in jobs if job.state == QUEUED]
    if not queued:
        return {}
    alive = workers.list_alive(session)
    found = {}
    schedule, passed_over = Schedule(session, settings, queued), missing_roots.describe(session, queued)
    for job in queued:
        if sentence := schedule.describe(job):
            found[job.id] = Obstacle(sentence, None)
        elif obstacle := _obstacle(job, [each for each in alive if each.queue == job.queue]):
            found[job.id] = obstacle
        elif job.id in passed_over:
            found[job.id] = Obstacle(passed_over[job.id], None)
    return found


def _obstacle(job: JobSummary, serving: Sequence[Worker]) -> Obstacle | None:
    """What keeps a queued job from being started by the live workers of its queue."""
    if not serving:
        sentence = f"No live worker serves the {job.queue} queue."
        return Obstacle(sentence, f"deeplab worker start --queue {job.queue}")
    most = max(each.gpus for each in serving)
    if job.gpus > max(most, 1):
        return Obstacle(f"It asks for {job.gpus} GPUs; no live worker has as many (at most {most}).", None)
    return None


@dataclass(frozen=True)
class Place:
    """The place of a queued job in its queue."""

    n_before: int  # jobs that may start as well, and go before it: of a higher priority, or older
    n_running: int  # jobs of the queue that are running ...
    n_slots: int  # ... on so many slots of live workers
    free_in: float | None  # seconds until the first of them is expected to end; None if nothing is known


def find_place(session: Session, job: JobSummary) -> Place | None:
    """Find the place of a job in its queue; None if it is not queued."""
    if job.state != QUEUED:
        return None
    queue = JobRow.queue == job.queue
    is_before = or_(JobRow.rank < -job.priority, and_(JobRow.rank == -job.priority, JobRow.id < job.id))
    n_before = session.scalar(select(func.count(JobRow.id)).where(queue, text(READY), is_before))
    running = select(func.count(), func.min(JobRow.eta_seconds)).where(queue, JobRow.state == RUNNING)
    n_running, free_in = session.execute(running).one()
    return Place(n_before or 0, n_running, workers.count_slots(session, job.queue), free_in)
