"""What a second attempt at a segment job makes of what the first one left."""

import shutil

import pytest

from deeplab.inference.manifest import read_manifest
from tests.configs import write_weights
from tests.worker.execution.kinds.segment.steps import NAMES, assist, interrupt, mask_times, recorded
from tests.worker.execution.kinds.store import Attempts
from worker.execution.child import describe
from worker.execution.kinds import run_attempt
from worker.jobs import catalog, shards, storage, submission
from worker.jobs.database import open_session
from worker.jobs.ownership.pins import InputChangedError
from worker.jobs.requests.specs import parse_spec
from worker.jobs.results import parts

pytestmark = pytest.mark.slow


def test_what_an_earlier_version_finished_is_recorded_too(attempts: Attempts) -> None:
    """It left manifests of its shards alone."""
    job = attempts.submit_segment()
    interrupt(attempts, job, 5)
    with open_session(attempts.settings) as session:
        assert shards.counts(session, job.id).n_open == 1
        parts.forget(session, job.id)
    assert run_attempt(attempts.claim(job))["n_ok"] == 4
    assert recorded(attempts, job) == NAMES
    rows = read_manifest(storage.output_dir(attempts.settings, job.id, job.spec["output"]) / "manifest.csv")
    assert [row.path for row in rows] == NAMES


def test_an_image_that_is_exchanged_after_it_was_listed_is_an_error(attempts: Attempts) -> None:
    job = attempts.submit_segment()
    interrupt(attempts, job, 1)
    image = attempts.root / "images" / NAMES[1]
    image.write_bytes((attempts.root / "images" / NAMES[0]).read_bytes() + b" ")
    result = run_attempt(attempts.claim(job))
    assert (result["n_ok"], result["n_error"]) == (3, 1)
    rows = read_manifest(storage.output_dir(attempts.settings, job.id, job.spec["output"]) / "manifest.csv")
    assert [row.path for row in rows if "was exchanged since the job listed it" in row.error] == [NAMES[1]]


def test_weights_that_are_exchanged_between_two_attempts_are_named(attempts: Attempts) -> None:
    weights = write_weights(attempts.config)
    request = {"checkpoint": str(weights), "config": str(attempts.config), "input": str(attempts.root / "images")}
    job = submission.submit(attempts.settings, parse_spec("segment", {**request, "device": "cpu"}))
    interrupt(attempts, job, 4)
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    second = attempts.claim(job)
    with pytest.raises(InputChangedError) as caught:
        run_attempt(second)
    sentence = f"Weights file {weights} was exchanged since job {job.id} was submitted: its sha256 differs"
    assert str(caught.value).startswith(sentence)
    assert describe(caught.value).state == catalog.FAILED
    with pytest.raises(InputChangedError):
        assist(attempts, second.job)


@pytest.mark.parametrize("n_questions", range(1, 7))
def test_what_is_done_is_not_done_again(attempts: Attempts, n_questions: int) -> None:
    """Wherever the first attempt is stopped."""
    job = attempts.submit_segment()
    interrupt(attempts, job, n_questions)
    early = mask_times(attempts, job)
    assert run_attempt(attempts.claim(job))["n_ok"] == 4
    late = mask_times(attempts, job)
    assert len(late) == 4
    assert early.items() <= late.items()


@pytest.mark.parametrize("n_questions", [3, 5])
def test_images_are_counted_once_whichever_attempt_did_them(attempts: Attempts, n_questions: int) -> None:
    (attempts.root / "images" / "1.png").write_bytes(b"no image")
    job = attempts.submit_segment()
    interrupt(attempts, job, n_questions)
    result = run_attempt(attempts.claim(job))
    assert (result["n_ok"], result["n_error"]) == (3, 1)
    rows = read_manifest(storage.output_dir(attempts.settings, job.id, job.spec["output"]) / "manifest.csv")
    assert [(row.path, row.status) for row in rows] == list(zip(NAMES, ["ok", "error", "ok", "ok"], strict=True))


def test_a_torn_row_and_a_lost_mask_are_done_again(attempts: Attempts) -> None:
    job = attempts.submit_segment()
    first = attempts.claim(job)
    run_attempt(first)
    manifest = storage.shard_manifest_path(attempts.settings, job.id, first.job.fence, 0, 1)
    manifest.write_bytes(manifest.read_bytes()[:-5])
    (storage.output_dir(attempts.settings, job.id, job.spec["output"]) / "masks" / "0.png.png").unlink()
    with open_session(attempts.settings) as session:  # as if the shard had not been finished
        for number in range(2):
            shards.reopen(session, job.id, number)
    attempts.crash(first)
    early = mask_times(attempts, job)
    assert run_attempt(attempts.claim(job))["n_ok"] == 4
    late = mask_times(attempts, job)
    assert {name for name in late if late[name] != early.get(name)} == {"0.png.png", "1.png.png"}


@pytest.mark.parametrize("lost", ["a part", "a part and its manifest", "a damaged part and manifest"])
def test_results_that_are_lost_before_the_end_are_made_again(attempts: Attempts, lost: str) -> None:
    job = attempts.submit_segment()
    interrupt(attempts, job, 5)  # when one shard is done
    with open_session(attempts.settings) as session:
        [part] = parts.list_parts(session, job.id)
        [manifest] = shards.manifests(session, job.id)
    if "damaged" in lost:
        (part.folder / "images.parquet").write_bytes(b"PAR1")
        manifest.write_bytes(manifest.read_bytes()[:-9])
    else:
        shutil.rmtree(part.folder)
    if lost == "a part and its manifest":
        manifest.unlink()
    assert run_attempt(attempts.claim(job))["n_ok"] == 4
    assert recorded(attempts, job) == NAMES
