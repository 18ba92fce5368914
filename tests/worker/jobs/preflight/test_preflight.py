import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from tests.worker.jobs.preflight.mistakes import make_mistakes
from tests.worker.store import add_checkpoint, submit_and_claim
from worker.jobs import submission, workers
from worker.jobs.database import open_session
from worker.jobs.preflight import data, preflight
from worker.jobs.preflight.looking import look_for
from worker.jobs.records import events
from worker.jobs.requests.resolve import resolve_config
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import Spec, parse_spec
from worker.jobs.settings import Settings
from worker.jobs.tables import CheckpointRow
from worker.jobs.watching.job_list import list_jobs


def test_what_cannot_succeed_is_refused_before_it_is_queued(store: Settings, tmp_path: Path) -> None:
    mistakes = make_mistakes(store, tmp_path / "data")
    with open_session(store, reads_only=True) as session:
        before = [job.id for job in list_jobs(session)]
    for name, mistake in mistakes.items():
        with pytest.raises(SpecError) as caught:
            submission.submit(store, parse_spec(mistake.kind, mistake.request))
        assert list(caught.value.fields) == [mistake.field], (name, caught.value.fields)
        assert mistake.sentence in caught.value.fields[mistake.field], name
    with open_session(store, reads_only=True) as session:
        assert [job.id for job in list_jobs(session)] == before


def outlook_of(settings: Settings, spec: Spec) -> preflight.Outlook:
    with open_session(settings, reads_only=True) as session:
        config = resolve_config(session, spec)
    return preflight.look_ahead(settings, spec, config)


def test_whoever_submits_hears_that_no_worker_is_there(store: Settings) -> None:
    with open_session(store) as session:
        spec = parse_spec("train", {**submit_and_claim(session, store).spec, "device": "cuda"})
    assert outlook_of(store, spec).waits == "No worker serves the gpu queue yet; the job starts when one does."
    with open_session(store) as session:
        with_gpu = workers.register(session, "a", "gpu", "NVIDIA H200", gpus=1)
        workers.register(session, "b", "gpu", "CPU (2 cores)")
    assert outlook_of(store, spec).waits is None
    with open_session(store) as session:
        workers.unregister(session, with_gpu)  # it may come back
    assert outlook_of(store, spec).waits == (
        "None of the live workers of the gpu queue has a GPU; the job starts when one has."
    )


def test_a_job_for_which_there_is_no_room_is_refused(store: Settings) -> None:
    with open_session(store) as session:
        earlier = submit_and_claim(session, store)
        add_checkpoint(session, store, earlier)
    spec = parse_spec("train", earlier.spec)
    assert submission.submit(store, spec).state == "queued"
    with open_session(store) as session:
        session.execute(update(CheckpointRow).values(n_bytes=10**17))
    with pytest.raises(SpecError, match=r"config: It will write about 600000 TB, and the disk of .* has room for"):
        submission.submit(store, spec)
    with open_session(store) as session:
        session.execute(delete(CheckpointRow))
    with pytest.raises(SpecError, match=r"config: The disk of .* has less than 1000000 TB free\."):
        outlook_of(store.model_copy(update={"free_disk_mb": 10**12}), spec)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Opened at the end, so that no thread of a test outlives it."""
    gate = threading.Event()
    yield gate
    gate.set()


def test_a_look_that_hangs_is_not_waited_for(
    store: Settings, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_session(store) as session:
        earlier = submit_and_claim(session, store)
    monkeypatch.setattr(data, "require_split", lambda *_: gate.wait(60))
    spec = parse_spec("train", earlier.spec)
    with open_session(store, reads_only=True) as session:
        config = resolve_config(session, spec)
    (notice,) = preflight.look_ahead(store, spec, config, seconds=0.05).notices
    assert notice.startswith("Its files could not be looked at in time")
    monkeypatch.undo()
    job = submission.submit(store, spec)
    with open_session(store, reads_only=True) as session:
        assert [each.message for each in events.list_events(session, job.id)] == ["submitted"]


def test_looks_that_hang_keep_later_ones_from_being_begun(gate: threading.Event) -> None:
    def hang() -> None:
        gate.wait(60)

    assert not any(look_for(0.01, hang) for _ in range(4))
    assert not look_for(60, lambda: None)
