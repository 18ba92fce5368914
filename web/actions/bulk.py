"""Several jobs at once: each is cancelled or submitted again by itself, and one that is refused keeps no other back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from deeplab.errors import DeepLabError
from web.actions import cancellation, submission
from web.context import Identity
from worker.jobs.database import DatabaseError
from worker.jobs.idempotency import Once
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings

MOST = 500  # jobs in one request


@dataclass(frozen=True)
class BulkResult:
    """What became of each job."""

    jobs: Sequence[Job]  # those that were cancelled or asked to end, or the new ones
    refused: dict[int, str]  # a sentence by id
    notice: str | None = None  # that Celery could not be told


def cancel(settings: Settings, job_ids: Sequence[int], identity: Identity) -> BulkResult:
    """Cancel queued jobs, and ask the supervisors of running ones to."""
    return _each(job_ids, lambda job_id: (cancellation.cancel(settings, job_id, identity), None))


def retry(settings: Settings, job_ids: Sequence[int], identity: Identity, once: Once | None = None) -> BulkResult:
    """Submit failed and cancelled jobs again; of the same request under a key, each only once."""

    def retry_one(job_id: int) -> tuple[Job, str | None]:
        part = None if once is None else once.of_part(job_id)
        again = partial(submission.retry, settings, job_id, user_id=identity.user_id, once=part)
        submitted = submission.at_most_once(settings, part, again)
        return submitted.job, submitted.notice

    return _each(job_ids, retry_one)


def _each(job_ids: Sequence[int], act: Callable[[int], tuple[Job, str | None]]) -> BulkResult:
    done: list[Job] = []
    refused: dict[int, str] = {}
    notice: str | None = None
    for job_id in dict.fromkeys(job_ids):
        try:
            job, notice_now = act(job_id)
        except DatabaseError:  # concerns all of them
            raise
        except DeepLabError as error:
            refused[job_id] = str(error)
        else:
            done.append(job)
            notice = notice or notice_now
    return BulkResult(done, refused, notice)
