"""What owners and assistants of a segment job do, with a real model that is tiny and untrained, and what they leave."""

import itertools
from collections.abc import Callable

import pytest

from deeplab.reporter import Stopped
from tests.worker.execution.kinds.store import Attempts
from worker.execution.kinds import run_attempt, segment
from worker.execution.reporter import AliveFile
from worker.jobs import item_lists, storage
from worker.jobs.database import open_session
from worker.jobs.item_lists import Item, write_chunk
from worker.jobs.jobs import Job
from worker.jobs.results import parts
from worker.jobs.results.filters import Filter
from worker.jobs.results.store import Results

NAMES = [f"{number}.png" for number in range(4)]


def stop_after(n_questions: int) -> Callable[[], bool]:
    """An answer to `should_stop` that becomes true."""
    questions = itertools.count(1)
    return lambda: next(questions) > n_questions


def interrupt(attempts: Attempts, job: Job, n_questions: int) -> None:
    """Begin an attempt, and stop it when it has asked so often whether to stop; another one may begin."""
    attempt = attempts.claim(job, should_stop=stop_after(n_questions))
    with pytest.raises(Stopped):
        run_attempt(attempt)
    attempts.crash(attempt)


def plan(attempts: Attempts, job: Job) -> None:
    """What the owner does before the first shard."""
    path = storage.items_chunk_path(attempts.settings, job.id, job.fence, 0)
    cuts = write_chunk(path, [Item(name) for name in NAMES], 2)
    with open_session(attempts.settings) as session:
        item_lists.begin(session, job.id)
        name = storage.chunk_name(attempts.settings, job.id, path)
        item_lists.extend(session, job.id, name, cuts, has_videos=False)
        item_lists.set_passed_over(session, job.id, {}, complete=True)


def assist(
    attempts: Attempts, job: Job, owner: str = "assistant", should_stop: Callable[[], bool] = lambda: False
) -> None:
    folder = storage.assistant_dir(attempts.settings, job.id, job.fence, owner)
    folder.mkdir(parents=True)
    alive = AliveFile(storage.alive_in(folder))
    segment.assist(attempts.settings, job, owner, alive, should_stop)


def mask_times(attempts: Attempts, job: Job) -> dict[str, int]:
    masks = storage.output_dir(attempts.settings, job.id, job.spec["output"]) / "masks"
    return {path.name: path.stat().st_mtime_ns for path in masks.glob("*.png")}


def recorded(attempts: Attempts, job: Job) -> list[str]:
    """The images in the job's result tables, which must be one part."""
    with open_session(attempts.settings, reads_only=True) as session:
        [part] = parts.list_parts(session, job.id)
    return [image.path for image in Results(attempts.settings, lambda: [part.folder]).stream(Filter())]
