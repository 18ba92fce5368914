"""Nobody waits for a request that takes long: not the heartbeats of running jobs, and not other requests."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.web.scenes import make_dataset
from web.actions import registration, submission
from worker.jobs import datasets, jobs, leases, workers
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import survey
from worker.jobs.jobs import Job
from worker.jobs.requests import resolve
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings
from worker.jobs.watching.job_list import count_by_state


class Gate:
    """Stands for work that takes long: whoever calls it waits until it is opened."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self._work = work
        self._entered, self._opened = threading.Event(), threading.Event()

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self._entered.set()
        assert self._opened.wait(60)
        return self._work(*arguments, **named)

    def wait_until_entered(self) -> None:
        assert self._entered.wait(60)

    def open(self) -> None:
        self._opened.set()


class Requests:
    """The requests that change something, on a store with one dataset, a job that runs, and one that has failed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.dataset = make_dataset(settings.roots[0] / "shapes")
        self.running, self.failed = self._train(), self._train()
        with open_session(settings) as session:
            datasets.register(session, "shapes", survey(self.dataset))
            self.worker = workers.register(session, "gpu@here", "gpu", "CPU")
            for job in (self.running, self.failed):
                assert leases.claim(session, job.id, "gpu@here", 1000) is not None
            leases.finish(session, self.failed.id, 1, "failed", error="Because.")

    def _train(self) -> Job:
        config = str(self.dataset / "config.yaml")
        return submission.submit(self.settings, parse_spec("train", {"config": config}), user_id=None).job

    def submit(self) -> None:
        self._train()

    def clone(self) -> None:
        submission.clone(self.settings, self.running.id, {"seed": 3}, user_id=None)

    def retry(self) -> None:
        submission.retry(self.settings, self.failed.id, user_id=None)

    def register(self) -> None:
        registration.register(self.settings, "again", str(self.dataset), user_id=None)

    def write_as_others_do(self) -> None:
        """What must go on: heartbeats, progress under the fence, and what other people change."""
        with open_session(self.settings) as session:
            workers.heartbeat(session, self.worker)
            assert not leases.heartbeat(session, self.running.id, 1, 1000)
        with leases.fenced(self.settings, self.running.id, 1) as session:
            leases.set_progress(session, self.running.id, 5, 10, "iteration", 1.0)
        with open_session(self.settings) as session:
            jobs.cancel(session, self.running.id)


@pytest.mark.parametrize(
    ("request_name", "module", "work"),
    [
        ("submit", resolve, "load_config"),
        ("submit", resolve, "parse_config"),
        ("clone", resolve, "load_config"),
        ("retry", resolve, "load_config"),
        ("register", registration, "survey"),
    ],
)
def test_others_write_while_a_request_is_in_its_slowest_part(
    store: Settings, monkeypatch: pytest.MonkeyPatch, request_name: str, module: Any, work: str
) -> None:
    requests = Requests(store)
    with open_session(store, reads_only=True) as session:
        before = sum(count_by_state(session).values()) + len(datasets.list_datasets(session))
    gate = Gate(getattr(module, work))
    monkeypatch.setattr(module, work, gate)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(getattr(requests, request_name))
        gate.wait_until_entered()
        try:
            requests.write_as_others_do()  # SQLite would say after 30 seconds that it is locked
            assert not slow.done()
        finally:
            gate.open()
        slow.result(60)
    with open_session(store, reads_only=True) as session:
        assert sum(count_by_state(session).values()) + len(datasets.list_datasets(session)) == before + 1


def test_two_people_register_one_name(store: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them is told so, also when both find the name free."""
    dataset = make_dataset(store.roots[0] / "shapes")
    both = threading.Barrier(2, timeout=60)

    def survey_together(*arguments: Any, **named: Any) -> Any:
        both.wait()
        return survey(*arguments, **named)

    monkeypatch.setattr(registration, "survey", survey_together)
    with ThreadPoolExecutor(2) as pool:
        attempts = [pool.submit(registration.register, store, "twice", str(dataset), user_id=None) for _ in range(2)]
        errors = [attempt.exception(60) for attempt in attempts]
    assert sorted(str(error) for error in errors) == ["None", "name: There is already a dataset named 'twice'."]
