"""Every kind of job has all that a kind needs. A new kind fails here until it stands in each of these places."""

from dataclasses import replace

import pytest

from tests.paths import ROOT
from tests.worker.store import add_checkpoint, submit_and_claim
from web.forms.job_form import build_form
from web.forms.options import Options
from web.text.describe import outcome, subject
from worker.cli.job.wait import describe_result
from worker.client.store_jobs import StoreJobs
from worker.execution.kinds import runner_of
from worker.jobs.catalog import KINDS, QUEUES, SUCCEEDED, Kind
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.requests.specs import SPECS, parse_spec
from worker.jobs.settings import Settings

_REQUESTS: dict[Kind, dict[str, object]] = {
    "train": {"config": "config.yaml"},
    "evaluate": {"checkpoint": "1"},
    "crf": {"evaluate_job": 1},
    "segment": {"checkpoint": "1", "input": "photos"},
    "register": {"file": "model.pth", "config": "config.yaml"},
    "onnx": {"checkpoint": "1"},
    "try": {"checkpoint": "1", "image": "photo.jpg"},
    "check": {"dataset": "street"},
    "import": {"source": "export.zip", "dataset": "street"},
}
_RESULTS: dict[Kind, dict[str, object]] = {
    "train": {"checkpoint": 1, "iteration": 10, "best_checkpoint": None, "mean_iou": None},
    "evaluate": {"mean_iou": 0.5, "logits": None},
    "crf": {"mean_iou": 0.5},
    "segment": {"output": "masks", "n_ok": 3, "n_error": 0},
    "register": {"checkpoint": 1, "iteration": 0},
    "onnx": {"file": "model.onnx", "n_bytes": 2048, "sha256": "0" * 64, "difference": 1e-6},
    "try": {"mask": "image.png", "seconds": 0.5},
    "check": {"report": "report.json", "n_images": 3, "n_problems": 1, "n_warnings": 0},
    "import": {"dataset": "street", "root": "datasets/street", "n_images": 3, "notes": []},
}


@pytest.fixture(params=KINDS)
def succeeded(request: pytest.FixtureRequest, sqlite_store: Settings) -> Job:
    """A job of each kind that has succeeded; checkpoint 1 is in the store."""
    kind: Kind = request.param
    with open_session(sqlite_store) as session:
        job = submit_and_claim(session, sqlite_store)
        add_checkpoint(session, sqlite_store, job)
    spec = parse_spec(kind, _REQUESTS[kind]).model_dump(mode="json")
    return replace(job, kind=kind, spec=spec, result=_RESULTS[kind], state=SUCCEEDED, finished_at=job.started_at)


def test_its_request_names_it_and_a_queue() -> None:
    assert tuple(SPECS) == KINDS
    assert all(spec.kind == kind and spec.queue in QUEUES and spec.__doc__ for kind, spec in SPECS.items())


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_run(kind: Kind) -> None:
    assert callable(runner_of(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_a_form(kind: Kind) -> None:
    assert build_form(kind, Options({}, {}), {}, {}).first


def test_the_dashboard_says_what_it_works_on_and_what_came_of_it(succeeded: Job) -> None:
    assert subject(succeeded)
    assert outcome(succeeded)


def test_the_command_line_says_what_came_of_it(sqlite_store: Settings, succeeded: Job) -> None:
    assert describe_result(StoreJobs(sqlite_store), succeeded).startswith(f"Job {succeeded.id} succeeded in 0.0 s: ")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_documented(kind: Kind) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert f"\n| {kind} | {SPECS[kind].queue}" in page
