"""What tests of the store put into it."""

from typing import Any

from sqlalchemy.orm import Session

from tests.configs import write_config
from tests.deeplab.drawing import draw_folder
from worker.jobs import item_lists, jobs, leases
from worker.jobs.item_lists import Cut
from worker.jobs.jobs import Job
from worker.jobs.records import checkpoints
from worker.jobs.requests.resolve import resolve_config
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings

FOREVER = 1000.0  # seconds of a lease that does not run out in a test
OVER = -1.0  # ... and of one that has run out as soon as it is taken


def submit(session: Session, settings: Settings, kind: str = "train", **fields: Any) -> Job:
    """A queued job; of kind train unless told otherwise."""
    if kind == "train" and "config" not in fields:
        fields["config"] = str(write_config(settings.home))
    spec = parse_spec(kind, fields)
    return jobs.insert(session, settings, spec, resolve_config(session, spec))


def submit_and_claim(session: Session, settings: Settings, owner: str = "a", lease_seconds: float = FOREVER) -> Job:
    """A train job that is running."""
    job = leases.claim(session, submit(session, settings).id, owner, lease_seconds)
    assert job is not None
    return job


def add_checkpoint(
    session: Session, settings: Settings, job: Job, iteration: int = 10, *, is_best: bool = False
) -> int:
    """Record a checkpoint file of a job's attempt; its number."""
    path = settings.home / f"checkpoint-{job.id}-{job.fence}-{iteration}.pth"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights %d" % iteration)
    checkpoints.add(session, job.id, job.fence, iteration, path, sha256="0" * 64, is_best=is_best)
    session.flush()
    checkpoint = checkpoints.find_last(session, job.id)
    assert checkpoint is not None
    return checkpoint.id


def submit_segment(session: Session, settings: Settings, **fields: Any) -> Job:
    """A queued segment job on a folder of six images."""
    trained = submit_and_claim(session, settings)
    checkpoint = add_checkpoint(session, settings, trained)
    images = draw_folder(settings.home / "sample") / "images"
    return submit(session, settings, "segment", checkpoint=str(checkpoint), input=str(images), **fields)


def plan_shards(session: Session, job_id: int, n_items: int, size: int) -> None:
    """Split a job of so many images, all listed, into shards."""
    item_lists.begin(session, job_id)
    cuts = [Cut(min(size, n_items - first), min(size, n_items - first), 0) for first in range(0, n_items, size)]
    if cuts:
        item_lists.extend(session, job_id, "1/items/0.jsonl", cuts, has_videos=False)
    item_lists.set_passed_over(session, job_id, {}, complete=True)
