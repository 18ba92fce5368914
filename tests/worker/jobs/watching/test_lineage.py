from collections.abc import Sequence

from tests.deeplab.drawing import draw_folder
from tests.worker.store import FOREVER, add_checkpoint, submit, submit_and_claim
from worker.jobs import catalog, jobs, leases, submission
from worker.jobs.database import open_session
from worker.jobs.jobs import JobSummary
from worker.jobs.requests.resolve import resolve_config
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings
from worker.jobs.watching.lineage import read_lineage


def ids(relatives: Sequence[JobSummary]) -> list[int]:
    return [job.id for job in relatives]


def test_jobs_know_what_they_stem_from_and_what_became_of_them(store: Settings) -> None:
    with open_session(store) as session:
        trained = submit_and_claim(session, store)
        checkpoint = str(add_checkpoint(session, store, trained))
        evaluated = submit(session, store, "evaluate", checkpoint=checkpoint)
        claimed = leases.claim(session, evaluated.id, "a", FOREVER)
        assert claimed is not None
        leases.finish(session, evaluated.id, claimed.fence, catalog.SUCCEEDED, result={"logits": "/logits"})
        refined = submit(session, store, "crf", evaluate_job=evaluated.id)
        images = draw_folder(store.home / "sample") / "images"
        segmented = submit(session, store, "segment", checkpoint=checkpoint, input=str(images))
        resumed = submit(session, store, resume=int(checkpoint))
        alone = submit(session, store)
        of_training = read_lineage(session, trained)
        assert ids(of_training.users) == [resumed.id, segmented.id, refined.id, evaluated.id]
        assert (of_training.source, of_training.parent) == (None, None)
        assert ids(read_lineage(session, evaluated).users) == [refined.id]
        sources = [read_lineage(session, job).source for job in (evaluated, refined, segmented, resumed)]
        assert [None if job is None else job.id for job in sources] == [
            trained.id,
            evaluated.id,
            trained.id,
            trained.id,
        ]
        assert read_lineage(session, alone).is_empty


def test_a_retried_job_names_its_retry_and_a_copied_one_its_copies(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        jobs.cancel(session, job.id)
    retry = submission.retry(store, job.id)
    with open_session(store) as session:
        spec = parse_spec("train", job.spec)
        copy = jobs.insert(session, store, spec, resolve_config(session, spec), parent_id=job.id)
        lineage = read_lineage(session, job)
        assert (ids(lineage.retries), ids(lineage.copies)) == ([retry.id], [copy.id])
        parents = [read_lineage(session, each).parent for each in (retry, copy)]
        assert [None if each is None else each.id for each in parents] == [job.id, job.id]
    assert (retry.is_retry, copy.is_retry) == (True, False)
