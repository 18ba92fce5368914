"""Attempts at jobs, run in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.configs import tiny_model, write_config, write_weights
from tests.deeplab.drawing import draw_folder
from tests.worker.store import FOREVER, submit
from worker.execution.kinds import JobContext, run_attempt
from worker.execution.reporter import AliveFile, JobReporter
from worker.jobs import catalog, jobs, leases, storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.records import checkpoints, events
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.settings import Settings


class Attempts:
    """A store, a tiny dataset and a configuration that trains a tiny model for two iterations."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.root = draw_folder(folder / "sample", n_images=4)
        self.config = write_config(
            self.root,
            DATASET={"ROOT": str(self.root), "N_CLASSES": 3},
            IMAGE={"SIZE": {"TRAIN": 17}},
            MODEL=tiny_model(),
            SOLVER={"BATCH_SIZE": {"TRAIN": 1}, "ITER_SIZE": 1, "ITER_MAX": 2, "ITER_SAVE": 1, "ITER_TB": 1},
        )

    def submit_train(self, **fields: Any) -> Job:
        with open_session(self.settings) as session:
            return submit(session, self.settings, config=str(self.config), device="cpu", **fields)

    def submit_segment(self, **fields: Any) -> Job:
        """Segment the four images with an untrained model."""
        request = {"input": str(self.root / "images"), "batch_size": 1, **fields}
        return self._submit_with_weights("segment", **request)

    def evaluate(self) -> Job:
        """Score an untrained model on the four images, and save its logits: a job that has succeeded."""
        attempt = self.claim(self.submit_evaluate())
        self.succeed(attempt)
        return attempt.job

    def submit_evaluate(self, **fields: Any) -> Job:
        return self._submit_with_weights("evaluate", **fields)

    def submit_crf(self, evaluated: Job, **fields: Any) -> Job:
        with open_session(self.settings) as session:
            return submit(session, self.settings, "crf", evaluate_job=evaluated.id, **fields)

    def _submit_with_weights(self, kind: str, **fields: Any) -> Job:
        request = {"checkpoint": str(write_weights(self.config)), "config": str(self.config), "device": "cpu"}
        with open_session(self.settings) as session:
            return submit(session, self.settings, kind, **request, **fields)

    def submit(self, kind: str, **fields: Any) -> Job:
        with open_session(self.settings) as session:
            return submit(session, self.settings, kind, device="cpu", **fields)

    def find(self, job: Job) -> Job:
        """The job as it is now."""
        with open_session(self.settings, reads_only=True) as session:
            return jobs.get(session, job.id)

    def claim(self, job: Job, owner: str = "a", should_stop: Callable[[], bool] = lambda: False) -> JobContext:
        """What a worker and its child have before the work begins."""
        with open_session(self.settings) as session:
            claimed = leases.claim(session, job.id, owner, FOREVER)
        assert claimed is not None
        folder = storage.attempt_dir(self.settings, claimed.id, claimed.fence)
        folder.mkdir(parents=True)
        alive = AliveFile(storage.alive_in(folder))
        return JobContext(
            self.settings, claimed, JobReporter(self.settings, claimed.id, claimed.fence, alive, should_stop)
        )

    def succeed(self, attempt: JobContext) -> Job:
        """Do what a child and its supervisor do for an attempt that ends well."""
        result = run_attempt(attempt)
        attempt.reporter.flush()
        with open_session(self.settings) as session:
            leases.finish(session, attempt.job.id, attempt.job.fence, catalog.SUCCEEDED, result=result)
            return jobs.get(session, attempt.job.id)

    def crash(self, attempt: JobContext) -> None:
        """Give the job back for another attempt."""
        with open_session(self.settings) as session:
            leases.release(session, self.settings, attempt.job.id, attempt.job.fence, "crashed")

    def checkpoints(self, job: Job) -> list[Checkpoint]:
        """Newest first."""
        with open_session(self.settings, reads_only=True) as session:
            return checkpoints.list_checkpoints(session, job.id)

    def events(self, job: Job) -> list[str]:
        with open_session(self.settings, reads_only=True) as session:
            return [event.message for event in events.list_events(session, job.id)]
