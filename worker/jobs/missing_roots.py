"""Jobs that name a named root which this machine does not have: they are left to workers that have it.

Whoever passes a job over says so once among its events, from which pages tell why it waits.
"""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from worker.jobs import named_paths
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.places import Places, UnknownRootError, require_known
from worker.jobs.records import events
from worker.jobs.settings import Settings
from worker.jobs.tables import EventRow

_SAYS = " passed it over: "
_MOST = 5000  # jobs that a process remembers; those of a day would be few

# The ids of what this process has passed over, by database and by what it has itself; so that it looks at each once.
_passed_over: defaultdict[tuple[str, Places], set[int]] = defaultdict(set)


def find_missing(job: Job) -> UnknownRootError | None:
    """Find a root that a job names and this machine does not have."""
    try:
        require_known(named_paths.list_all(job))
    except UnknownRootError as error:
        return error
    return None


def list_passed_over(settings: Settings) -> Sequence[int]:
    """List the jobs that this process has passed over."""
    return sorted(_passed_over[settings.database, settings.places])


def pass_over(session: Session, settings: Settings, job: Job, owner: str, error: UnknownRootError) -> None:
    """Leave a job to others from now on, and record why; the processes of a worker do so once."""
    mine = _passed_over[settings.database, settings.places]
    if len(mine) >= _MOST:
        mine.clear()
    mine.add(job.id)
    sentence = f"{owner.partition('/')[0]}{_SAYS}{error}"
    told = select(EventRow.id).where(EventRow.job_id == job.id, EventRow.fence == job.fence)
    if session.scalar(told.where(EventRow.message == sentence).limit(1)) is None:
        events.add(session, job.id, job.fence, sentence)


def describe(session: Session, jobs: Sequence[JobSummary]) -> dict[int, str]:
    """Why some of these queued jobs may wait, by their ids: what passed them over since their last attempt."""
    fences = {job.id: job.fence for job in jobs}
    query = select(EventRow.job_id, EventRow.fence, EventRow.message).where(EventRow.job_id.in_(fences))
    said = session.execute(query.where(EventRow.message.contains(_SAYS)).order_by(EventRow.id)).all()
    return {
        job_id: f"It waits for a worker that has what it names: {message}"
        for job_id, fence, message in said
        if fence == fences[job_id]
    }
