"""A home in which everything has happened once, made through the functions that the platform itself uses."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from deeplab.catalog import SCORES
from deeplab.errors import NothingSegmentedError
from deeplab.files import sha256_of, write_text
from deeplab.images.masks import read_mask, write_mask
from deeplab.inference.manifest import Row, write_manifest
from deeplab.inference.output import manifest_path
from deeplab.scores.image_scores import Certainty, ImageScores, cells_of, occurring
from tests.web.measurements import scores, training_metrics
from tests.web.photos import make_photos, segment
from tests.web.scenes import LABELS, make_dataset
from tests.worker.store import plan_shards
from worker.jobs import catalog, datasets, jobs, leases, shards, storage, submission, workers
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import survey
from worker.jobs.records import checkpoints, evaluations, metrics, trials
from worker.jobs.requests.specs import parse_spec
from worker.jobs.results import parts
from worker.jobs.results.record import ImageResult
from worker.jobs.results.writer import write_part
from worker.jobs.settings import Settings

OWNER = "gpu@laboratory"
VALIDATIONS = (0.314, 0.428, 0.553, 0.627, 0.716, 0.698)  # mean IoU after 200, 400 ... 1200 iterations


class Population:
    """Fills a home; the numbers of its jobs are attributes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.root = settings.roots[0]
        self.dataset = make_dataset(self.root / "shapes")
        self.folder = self.root / "photos"
        self.masks = make_photos(self.folder)
        with open_session(settings) as session:
            datasets.register(session, "shapes", survey(self.dataset))
            self.worker = workers.register(session, OWNER, "gpu", "NVIDIA H200", slots=1, gpus=1)
            stopped = workers.register(session, "cpu@laboratory", "cpu", "CPU (2 cores)")
            workers.unregister(session, stopped)
        self.trained = self._train_succeeded()
        self.evaluated = self._evaluate_succeeded()
        self.refined = self._crf_succeeded()
        self.segmented = self._segment_succeeded()
        self.failed = self._train_failed()
        self.cancelled = self.submit("segment", checkpoint="1", input=str(self.folder))
        with open_session(settings) as session:
            jobs.cancel(session, self.cancelled)
        self.running = self.submit("train", config=str(self.dataset / "config.yaml"), dataset="shapes")
        self.fence = self.claim(self.running)
        self.progress(self.running, self.fence, 480)
        self.queued = self.submit("evaluate", checkpoint="1", dataset="shapes")
        self.searched = self._search_succeeded()
        self.validated = self._train_validated()

    def submit(self, kind: str, **spec: object) -> int:
        return submission.submit(self.settings, parse_spec(kind, spec)).id

    def claim(self, job_id: int) -> int:
        with open_session(self.settings) as session:
            job = leases.claim(session, job_id, OWNER, lease_seconds=600)
        assert job is not None
        return job.fence

    def evaluate(self, job_id: int, fence: int, iteration: int, mean_iou: float) -> None:
        """Report an evaluation in the middle of a training."""
        with leases.fenced(self.settings, job_id, fence) as session:
            metrics.add(session, job_id, iteration, {"mean_iou": mean_iou})

    def progress(self, job_id: int, fence: int, iteration: int, total: int = 1200) -> None:
        """Report an iteration as a training does."""
        with leases.fenced(self.settings, job_id, fence) as session:
            leases.set_progress(session, job_id, iteration, total, "iteration", (total - iteration) * 0.21)
            for done in range(20, iteration + 1, 20):
                metrics.add(session, job_id, done, training_metrics(done, total))
        losses = {done: training_metrics(done, total)["loss"] for done in range(20, iteration + 1, 20)}
        lines = [f"iteration {done:5d}  loss {loss:.4f}" for done, loss in losses.items()]
        write_text(storage.log_path(self.settings, job_id, fence), "\n".join(lines) + "\n")

    def save_checkpoint(self, job_id: int, fence: int, iteration: int, *, is_best: bool = False) -> int:
        """Record a checkpoint of random bytes and return its number."""
        path = storage.attempt_dir(self.settings, job_id, fence) / f"checkpoint_{iteration:07d}.pth"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(2048))
        with leases.fenced(self.settings, job_id, fence) as session:
            checkpoints.add(session, job_id, fence, iteration, path, sha256_of(path), is_best=is_best)
        with open_session(self.settings, reads_only=True) as session:
            checkpoint = checkpoints.find_last(session, job_id)
        assert checkpoint is not None
        return checkpoint.id

    def finish(self, job_id: int, fence: int, state: str = catalog.SUCCEEDED, **outcome: Any) -> None:
        with open_session(self.settings) as session:
            leases.finish(session, job_id, fence, state, **outcome)

    def _train_succeeded(self) -> int:
        job_id = self.submit("train", config=str(self.dataset / "config.yaml"), dataset="shapes", seed=7)
        fence = self.claim(job_id)
        self.progress(job_id, fence, 1200)
        for iteration in (600, 1200):
            self.save_checkpoint(job_id, fence, iteration)
        self.finish(job_id, fence, result={"checkpoint": 2, "iteration": 1200})
        return job_id

    def _train_validated(self) -> int:
        """A training that was evaluated every 200 iterations, was best at 1000, and kept one more checkpoint."""
        overrides = ["SOLVER.EVAL_EVERY=200", "SOLVER.KEEP_LAST=1"]
        config = str(self.dataset / "config.yaml")
        job_id = self.submit("train", config=config, dataset="shapes", overrides=overrides)
        fence = self.claim(job_id)
        self.progress(job_id, fence, 1200)
        for iteration, mean_iou in zip(range(200, 1201, 200), VALIDATIONS, strict=True):
            self.evaluate(job_id, fence, iteration, mean_iou)
        best, final = (self.save_checkpoint(job_id, fence, i, is_best=i == 1000) for i in (1000, 1200))
        result = {"checkpoint": final, "iteration": 1200, "best_checkpoint": best, "mean_iou": max(VALIDATIONS)}
        self.finish(job_id, fence, result=result)
        return job_id

    def _evaluate_succeeded(self) -> int:
        job_id = self.submit("evaluate", checkpoint="2", dataset="shapes")
        fence = self.claim(job_id)
        self._record_scores(job_id, fence, [[900, 60, 40], [30, 260, 10], [20, 60, 120]], {})
        self._record_image(job_id, fence)
        self.finish(job_id, fence, result={"mean_iou": 0.68, "logits": str(self.root)})
        return job_id

    def _record_image(self, job_id: int, fence: int) -> None:
        """Record the one image of the split val, of whose disc a part was not found."""
        truth = read_mask(self.dataset / "masks" / "3.png")
        labels = np.where((truth == 1) & (np.arange(truth.shape[1]) % 3 == 0), 0, truth).astype(np.uint8)
        write_mask(storage.label_maps_dir(self.settings, job_id, fence) / "3.png", labels)
        counts = np.bincount(3 * truth.ravel() + labels.ravel(), minlength=9).reshape(3, 3)
        certainty = Certainty(0.93, {0: 0.95, 1: 0.8, 2: 0.9}, 0.7, {0: 0.8, 1: 0.4, 2: 0.9})
        pixels = occurring(counts.sum(axis=0))
        scores = ImageScores("3", 64, 48, 0.05, pixels, cells_of(counts), certainty)
        with open_session(self.settings) as session:
            self.record(session, job_id, [ImageResult.of_scores(scores)])

    def _crf_succeeded(self) -> int:
        job_id = self.submit("crf", evaluate_job=self.evaluated)
        fence = self.claim(job_id)
        self._record_scores(job_id, fence, [[960, 20, 20], [20, 275, 5], [30, 60, 110]], {"crf": {"ITER_MAX": 10}})
        self.finish(job_id, fence, result={"mean_iou": 0.74})
        return job_id

    def _search_succeeded(self) -> int:
        grid = "BI_W=2,4,8\nBI_XY_STD=40,67"
        job_id = self.submit("crf", evaluate_job=self.evaluated, grid=grid, sample=30, overrides="CRF.POS_W=2")
        fence = self.claim(job_id)
        tried = [{**dict.fromkeys(SCORES, 0.9), "mean_iou": 0.7 + 0.01 * (n % 5)} for n in range(6)]
        with leases.fenced(self.settings, job_id, fence) as session:
            trials.add(session, job_id, tried)
        best = {"BI_W": 8, "BI_XY_STD": 40}
        self.finish(job_id, fence, result={"mean_iou": 0.74, "n_images": 30, "best": best})
        return job_id

    def _record_scores(
        self, job_id: int, fence: int, confusion: Sequence[Sequence[int]], settings: dict[str, Any]
    ) -> None:
        with leases.fenced(self.settings, job_id, fence) as session:
            evaluations.add(
                session,
                job_id,
                checkpoint="2",
                dataset="shapes",
                split="val",
                settings=settings,
                scores=scores(confusion, LABELS),
                confusion=[list(row) for row in confusion],
            )

    def _train_failed(self) -> int:
        job_id = self.submit("train", config=str(self.dataset / "config.yaml"))
        fence = self.claim(job_id)
        self.finish(job_id, fence, catalog.FAILED, error="masks/3.png: holds class 7; DATASET.N_CLASSES is 3.")
        return job_id

    def _segment_succeeded(self) -> int:
        job_id = self.submit("segment", checkpoint="2", input=str(self.folder), batch_size=2)
        fence = self.claim(job_id)
        output = storage.output_dir(self.settings, job_id)
        rows = segment(self.masks, output)
        write_manifest(manifest_path(output), rows)
        with open_session(self.settings) as session:
            self._finish_shard(session, job_id, rows, manifest_path(output))
        n_ok = sum(row.status == "ok" for row in rows)
        self.finish(job_id, fence, result={"output": str(output), "n_ok": n_ok, "n_error": len(rows) - n_ok})
        return job_id

    def segment_nothing(self) -> int:
        """A segment job whose only image is broken."""
        job_id = self.submit("segment", checkpoint="2", input=str(self.folder))
        fence = self.claim(job_id)
        output = storage.output_dir(self.settings, job_id)
        rows = segment({}, output)
        write_manifest(manifest_path(output), rows)
        with open_session(self.settings) as session:
            self._finish_shard(session, job_id, rows, manifest_path(output))
        self.finish(job_id, fence, catalog.FAILED, error=str(NothingSegmentedError(1, rows[0].error)))
        return job_id

    def _finish_shard(self, session: Session, job_id: int, rows: Sequence[Row], manifest: Path) -> None:
        plan_shards(session, job_id, len(rows), size=1000)
        shard = shards.claim(session, job_id, OWNER, 600)
        assert shard is not None
        n_ok = sum(row.status == "ok" for row in rows)
        shards.finish(session, shard, manifest, n_ok, len(rows) - n_ok)
        self.record(session, job_id, [ImageResult.of_row(row) for row in rows])

    def record(self, session: Session, job_id: int, images: Sequence[ImageResult]) -> None:
        """Leave the results of some images."""
        folder = storage.part_dir(self.settings, job_id, 1, 1)
        write_part(folder, images)
        parts.add(session, job_id, folder, len(images))
