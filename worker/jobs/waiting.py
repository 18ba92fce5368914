"""Why a queued job cannot start for now."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from worker.jobs import workers
from worker.jobs.catalog import QUEUED
from worker.jobs.jobs import Job


@dataclass(frozen=True)
class Obstacle:
    """What keeps a queued job from being started."""

    sentence: str
    command: str | None  # what removes it, if a command can

    def __str__(self) -> str:
        """All of it as one line."""
        return self.sentence if self.command is None else f"{self.sentence} Start one: {self.command}"


def find_obstacle(session: Session, job: Job) -> Obstacle | None:
    """Find what keeps a job waiting; None if it is not queued, or some live worker can run it."""
    if job.state != QUEUED:
        return None
    serving = [each for each in workers.list_workers(session) if each.alive and each.queue == job.queue]
    if not serving:
        sentence = f"No live worker serves the {job.queue} queue."
        return Obstacle(sentence, f"deeplab worker start --queue {job.queue}")
    most = max(each.gpus for each in serving)
    if job.gpus > max(most, 1):
        return Obstacle(f"It asks for {job.gpus} GPUs; no live worker has as many (at most {most}).", None)
    return None
