"""One job with what it left behind: what its page, the API and `deeplab job show` tell of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from worker.jobs import jobs, outcomes
from worker.jobs.jobs import Attempt, Job
from worker.jobs.records import checkpoints, evaluations, events, trials
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.records.evaluations import Evaluation
from worker.jobs.records.events import Event
from worker.jobs.records.trials import Trial
from worker.jobs.settings import Settings
from worker.jobs.watching.waiting import find_obstacle


@dataclass(frozen=True, kw_only=True)
class WholeJob(Job):
    """A job and what it left behind."""

    obstacle: str | None  # why a queued job cannot start for now, a sentence; None if a live worker can run it
    remedy: str | None  # the command that removes the obstacle, if one can
    standing: str | None  # what counts against it while it has not ended, a sentence
    evaluation: Evaluation | None
    trials: Sequence[Trial]  # of a grid search
    checkpoints: Sequence[Checkpoint]  # the newest first
    history: Sequence[Attempt]  # its attempts, oldest first
    events: Sequence[Event]  # oldest first


def read_whole_job(session: Session, settings: Settings, job_id: int) -> WholeJob:
    """Read a job and what it left behind; settings bound what may happen to it.

    Raises:
        JobNotFoundError: if there is no such job.
    """
    job = jobs.get(session, job_id)
    obstacle = find_obstacle(session, settings, job)
    return WholeJob(
        **vars(job),
        obstacle=None if obstacle is None else obstacle.sentence,
        remedy=None if obstacle is None else obstacle.command,
        standing=None if job.is_terminal else outcomes.describe_standing(job, settings),
        evaluation=evaluations.find(session, job_id),
        trials=trials.list_trials(session, job_id, job.spec),
        checkpoints=checkpoints.list_checkpoints(session, job_id),
        history=jobs.list_attempts(session, job_id),
        events=events.list_events(session, job_id),
    )
