import pytest
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from tests.worker.store import FOREVER, add_checkpoint, submit
from worker.jobs import jobs, leases, submission
from worker.jobs.catalog import CANCELLED, QUEUED, SUCCEEDED
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.reconciler import free_waiting
from worker.jobs.records import events
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.scheduling import chains
from worker.jobs.settings import Settings
from worker.jobs.tables import AwaitedJobRow, JobRow


def start(session: Session, job: Job) -> Job:
    claimed = leases.claim(session, job.id, "a", FOREVER)
    assert claimed is not None
    return claimed


def succeed(session: Session, job: Job, result: dict[str, object] | None = None) -> None:
    leases.finish(session, job.id, start(session, job).fence, SUCCEEDED, result=result)


def chain(session: Session, store: Settings) -> tuple[Job, Job, Job]:
    """Train, evaluate, refine."""
    trained = submit(session, store)
    evaluated = submit(session, store, "evaluate", checkpoint=f"job:{trained.id}")
    return trained, evaluated, submit(session, store, "crf", evaluate_job=evaluated.id)


def test_a_job_starts_when_all_that_it_waits_for_have_succeeded(store: Settings) -> None:
    with open_session(store) as session:
        first, second = submit(session, store), submit(session, store)
        waiting = submit(session, store, after=[first.id, second.id])
        assert waiting.awaits_others
        succeed(session, first)
        assert leases.claim(session, waiting.id, "a", FOREVER) is None
        assert chains.list_open(session, [waiting.id]) == {waiting.id: [second.id]}
        succeed(session, second)
        assert not jobs.get(session, waiting.id).awaits_others
        start(session, waiting)


def test_whoever_waits_for_what_has_succeeded_does_not_wait(store: Settings) -> None:
    with open_session(store) as session:
        first = submit(session, store)
        succeed(session, first)
        assert not submit(session, store, after=[first.id]).awaits_others


def test_an_evaluation_takes_the_best_checkpoint_of_the_job_that_it_names(store: Settings) -> None:
    with open_session(store) as session:
        trained, evaluated, refined = chain(session, store)
        assert (evaluated.checkpoint, evaluated.dataset) == (f"job:{trained.id}", trained.dataset)
        running = start(session, trained)
        best = add_checkpoint(session, store, running, 10, is_best=True)
        add_checkpoint(session, store, running, 20)
        leases.finish(session, trained.id, running.fence, SUCCEEDED)
        evaluated = jobs.get(session, evaluated.id)
        assert (evaluated.checkpoint, evaluated.spec["checkpoint"]) == (str(best), str(best))
        assert events.list_events(session, evaluated.id)[-1].message == f"takes checkpoint {best} of job {trained.id}"
        succeed(session, evaluated, {"logits": "somewhere"})
        start(session, refined)
        again = submit(session, store, "evaluate", checkpoint=f"job:{trained.id}")
        assert (again.checkpoint, again.awaits_others) == (str(best), False)


def test_a_training_that_leaves_no_checkpoint_takes_its_followers_along(store: Settings) -> None:
    with open_session(store) as session:
        trained, evaluated, refined = chain(session, store)
        succeed(session, trained)
        reasons = [jobs.get(session, job.id).error for job in (evaluated, refined)]
        assert reasons == [
            f"Job {trained.id} has left no checkpoint.",
            f"Job {evaluated.id}, which it waits for, was cancelled.",
        ]


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_who_waits_in_vain_is_cancelled_with_the_reason(store: Settings, end: str) -> None:
    with open_session(store) as session:
        trained, evaluated, refined = chain(session, store)
        if end == "failed":
            leases.finish(session, trained.id, start(session, trained).fence, "failed", error="Boom.")
        else:
            jobs.cancel(session, trained.id)
        ended = [jobs.get(session, job.id) for job in (evaluated, refined)]
        assert [job.state for job in ended] == [CANCELLED, CANCELLED]
        assert all(job.finished_at for job in ended)
        verb = "failed" if end == "failed" else "was cancelled"
        assert ended[0].error == f"Job {trained.id}, which it waits for, {verb}."
        assert ended[1].error == f"Job {evaluated.id}, which it waits for, was cancelled."


def test_a_long_chain_ends_at_once(sqlite_store: Settings) -> None:
    with open_session(sqlite_store) as session:
        first = submit(session, sqlite_store)
        row = session.get_one(JobRow, first.id)
        columns = ("kind", "queue", "spec", "config", "max_attempts", "created_at", "state")
        values = {name: getattr(row, name) for name in columns}
        ids = range(first.id + 1, first.id + 1201)
        session.execute(insert(JobRow), [values | {"id": job_id, "awaits_others": True} for job_id in ids])
        session.execute(insert(AwaitedJobRow), [{"job_id": job_id, "awaited_id": job_id - 1} for job_id in ids])
        jobs.cancel(session, first.id)
        assert jobs.get(session, ids[-1]).state == CANCELLED


def test_what_two_ends_at_the_same_moment_left_over_is_settled_by_the_reconciler(store: Settings) -> None:
    with open_session(store) as session:
        first, second = submit(session, store), submit(session, store)
        freed, in_vain = submit(session, store, after=[first.id]), submit(session, store, after=[second.id])
        for job, state in ((first, SUCCEEDED), (second, "failed")):  # as if each had not seen the other one's end
            session.execute(update(JobRow).where(JobRow.id == job.id).values(state=state))
    free_waiting(store)
    with open_session(store) as session:
        assert not jobs.get(session, freed.id).awaits_others
        assert jobs.get(session, freed.id).state == QUEUED
        assert jobs.get(session, in_vain.id).error == f"Job {second.id}, which it waits for, failed."


def test_nothing_can_wait_for_what_is_not_there_or_has_failed(store: Settings) -> None:
    with open_session(store) as session:
        cancelled = jobs.cancel(session, submit(session, store).id)
        with pytest.raises(SpecError, match=f"after: Job {cancelled.id} was cancelled, so nothing can wait for it."):
            submit(session, store, after=[cancelled.id])
        with pytest.raises(SpecError, match="after: There is no job 4711"):
            submit(session, store, after="4711")
        with pytest.raises(SpecError, match=f"checkpoint: Job {cancelled.id} was cancelled"):
            submit(session, store, "evaluate", checkpoint=f"job:{cancelled.id}")
        with pytest.raises(SpecError, match="checkpoint: There is no job 99999999999999999999"):
            submit(session, store, "evaluate", checkpoint="job:99999999999999999999")


def test_a_retry_waits_for_those_alone_that_have_yet_to_end(store: Settings) -> None:
    with open_session(store) as session:
        failed, running = submit(session, store), submit(session, store)
        waiting = submit(session, store, after=[failed.id, running.id], priority=3)
        jobs.cancel(session, failed.id)
    spec, _ = submission.request_again(store, waiting.id)
    assert (spec.after, spec.priority) == ((running.id,), 3)
