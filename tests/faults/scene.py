"""A platform that many trials of faults share: two workers, and jobs that are small but long enough to be hit."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.acceptance.platform import Platform
from tests.faults.invariants import find_violations
from tests.processes import command_of, lives, wait_until
from worker.jobs import catalog, jobs, shards
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.reconciler import take_back
from worker.jobs.settings import Settings
from worker.jobs.watching.job_list import JobFilter, list_jobs

WORKERS = ("first@test", "second@test")
PATIENCE = 240  # seconds, of which a machine with nothing else to do needs few


@dataclass(frozen=True)
class Inputs:
    """What the jobs of a scene read."""

    config: Path
    weights: Path
    images: Path


class Scene(Platform):
    """Its jobs are those of all trials so far; `mend` and `settle` stand between two trials."""

    def __init__(self, settings: Settings, inputs: Inputs, poisons: Path) -> None:
        super().__init__(settings)
        self.inputs = inputs
        self.poisons = poisons  # a file there, named after a job, says how the child of it ends
        self.damaged: set[Path] = set()  # checkpoints that trials have spoilt

    def mend(self) -> None:
        """Let everything run that was stopped or has died."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.resume()
        if self.broker is None or self.broker.poll() is not None:
            self.start_broker()
        for name in WORKERS:
            if name not in self.workers or self.workers[name].poll() is not None:
                self.start_worker(name=name)

    def settle(self) -> None:
        """Wait until all jobs have ended, and make sure that what must hold then does.

        Raises:
            TimeoutError: if they do not end by themselves; they are cancelled then.
        """
        try:
            wait_until(lambda: not self.unfinished(), PATIENCE)
        except TimeoutError:
            left = self.unfinished()
            for job in left:
                self.cancel(job)
            wait_until(lambda: not self.unfinished(), 60)
            raise TimeoutError(f"these did not end: {left}") from None
        with suppress(TimeoutError):
            wait_until(lambda: not find_violations(self.settings, self.processes(), self.damaged), 10)
        assert not find_violations(self.settings, self.processes(), self.damaged)

    def unfinished(self) -> list[Job]:
        with open_session(self.settings, reads_only=True) as session:
            waiting = [JobFilter(state=state) for state in (catalog.QUEUED, catalog.RUNNING)]
            return [jobs.get(session, job.id) for each in waiting for job in list_jobs(session, each)]

    def running(self) -> list[Job]:
        return [job for job in self.unfinished() if job.state == catalog.RUNNING]

    def train(self, overrides: str = "", iterations: int = 300, save_every: int = 20) -> Job:
        keys = f"SOLVER.ITER_MAX={iterations}\nSOLVER.ITER_SAVE={save_every}\n{overrides}"
        return self.submit("train", config=str(self.inputs.config), overrides=keys)

    def evaluate(self, weights: Path | None = None) -> Job:
        return self.submit("evaluate", checkpoint=str(weights or self.inputs.weights), config=str(self.inputs.config))

    def segment(self, weights: Path | None = None, images: Path | None = None, output: Path | None = None) -> Job:
        """A job of 150 images in 15 shards, one image per forward pass."""
        return self.submit(
            "segment",
            checkpoint=str(weights or self.inputs.weights),
            config=str(self.inputs.config),
            input=str(images or self.inputs.images),
            output=None if output is None else str(output),
            overrides="IMAGE.SIZE.TEST=256",
            batch_size="1",
        )

    def submit_one(self, rng: random.Random) -> Job:
        """A job of some kind."""
        kind = rng.choice(["train", "evaluate", "segment"])
        return self.train() if kind == "train" else self.evaluate() if kind == "evaluate" else self.segment()

    def until_running(self, job: Job) -> None:
        self.wait(job, lambda job: job.state == catalog.RUNNING or job.is_terminal, PATIENCE)

    def until_at_work(self, job: Job, done: int = 1) -> None:
        """Wait until an attempt reports progress."""
        self.wait(job, lambda job: job.state == catalog.RUNNING and job.done >= done, PATIENCE)

    def until_random_moment(self, job: Job, rng: random.Random) -> None:
        """Wait until some moment in the first attempt."""
        self.until_running(job)
        time.sleep(rng.uniform(0, 6))

    def until_ended(self, job: Job) -> Job:
        return self.wait(job, seconds=PATIENCE)

    def cancel(self, job: Job) -> None:
        with open_session(self.settings) as session:
            jobs.cancel(session, job.id)

    def poison(self, job_id: int, kind: str) -> None:
        """Let every child of a job end so: a key of POISONS in poison/sitecustomize.py."""
        (self.poisons / str(job_id)).write_text(kind)

    def assistants(self, job: Job) -> list[psutil.Process]:
        return [each for each in self.children(job) if "--assist" in command_of(each)]

    def n_finished_shards(self, job: Job) -> int:
        with open_session(self.settings, reads_only=True) as session:
            counts = shards.counts(session, job.id)
        return counts.n_shards - counts.n_open

    def between_attempts(self, job: Job, act: Callable[[], object]) -> None:
        """Kill the workers of a job, put it back into the queue, and do something before anybody takes it."""
        kill(self.processes())
        take_back(self.settings)
        assert self.job(job.id).state == catalog.QUEUED
        act()
        self.mend()


def kill(processes: list[psutil.Process]) -> None:
    """Kill processes; those that have ended meanwhile are none of our business."""
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    wait_until(lambda: not any(lives(each) for each in processes), 20)
