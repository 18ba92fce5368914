"""A segment job that its owner does alone: what it writes, and what it is refused for."""

from pathlib import Path

import pytest

from deeplab.errors import NothingSegmentedError, OutputError
from deeplab.images.masks import read_mask
from deeplab.inference.manifest import read_manifest
from deeplab.inference.output_lock import locked_output
from tests.worker.execution.kinds.segment.steps import NAMES, assist, plan, recorded
from tests.worker.execution.kinds.store import Attempts
from worker.execution.child import describe
from worker.execution.kinds import run_attempt, segment
from worker.jobs import catalog, jobs, shards, storage
from worker.jobs.database import open_session

pytestmark = pytest.mark.slow


def test_the_owner_alone_does_everything(attempts: Attempts) -> None:
    attempt = attempts.claim(attempts.submit_segment(overlays=True))
    result = run_attempt(attempt)
    output = storage.output_dir(attempts.settings, attempt.job.id)
    assert result == {"output": str(output), "n_ok": 4, "n_error": 0, "n_videos": 0, "n_frames": 0, "passed_over": {}}
    assert [row.path for row in read_manifest(output / "manifest.csv")] == NAMES
    assert sorted(path.name for path in output.iterdir()) == [
        ".deeplab-lock",
        "labels.txt",
        "manifest.csv",
        "masks",
        "overlays",
        "passed_over.json",
        "run.json",
    ]
    assert "2 shards to do" in attempts.events(attempt.job)
    assert recorded(attempts, attempt.job) == NAMES
    with open_session(attempts.settings) as session:
        job = jobs.get(session, attempt.job.id)
    assert (job.done, job.total, job.unit) == (4, 4, "image")


def test_a_folder_that_somebody_else_fills_is_refused(attempts: Attempts) -> None:
    attempts.settings = attempts.settings.model_copy(update={"lease_seconds": 0.1})  # that it waits for
    output = attempts.root.parent / "out"
    attempt = attempts.claim(attempts.submit_segment(output=str(output)))
    with locked_output(output, "deeplab segment"), pytest.raises(OutputError, match="deeplab segment is filling this"):
        run_attempt(attempt)
    assert run_attempt(attempt)["n_ok"] == 4


def test_a_job_whose_images_all_fail_has_failed(attempts: Attempts) -> None:
    """Also when an assistant did a part of them; the manifest stays."""
    for name in NAMES:
        (attempts.root / "images" / name).write_bytes(b"no image")
    attempt = attempts.claim(attempts.submit_segment(), owner="owner")
    plan(attempts, attempt.job)
    assist(attempts, attempt.job)
    first = attempts.root / "images" / "0.png"
    with pytest.raises(
        NothingSegmentedError, match=f"None of 4 files could be segmented; the first: {first}: "
    ) as failure:
        run_attempt(attempt)
    outcome = describe(failure.value)
    assert (outcome.state, outcome.error) == (catalog.FAILED, str(failure.value))
    rows = read_manifest(storage.output_dir(attempts.settings, attempt.job.id) / "manifest.csv")
    assert [(row.path, row.status) for row in rows] == [(name, "error") for name in NAMES]


@pytest.mark.parametrize(("max_failed", "at_least", "n_tried"), [(49, 2, 2), (49, 100, 4), (50, 2, 4), (None, 1, 4)])
def test_a_job_of_which_too_many_images_fail_stops(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch, max_failed: int | None, at_least: int, n_tried: int
) -> None:
    monkeypatch.setattr(segment, "_JUDGED_AFTER", at_least)
    for name in ("1.png", "2.png"):
        (attempts.root / "images" / name).write_bytes(b"no image")
    attempt = attempts.claim(attempts.submit_segment(max_failed=max_failed))
    if max_failed == 49:
        said = f"{n_tried // 2} of {n_tried} files failed, more than the 49 % that max_failed allows; the first: "
        with pytest.raises(segment.TooManyFailedError, match=said) as failure:
            run_attempt(attempt)
        assert describe(failure.value).state == catalog.FAILED
    else:
        assert run_attempt(attempt)["n_error"] == 2
    with open_session(attempts.settings) as session:
        counts = shards.counts(session, attempt.job.id)
    assert counts.n_ok + counts.n_error == n_tried
    rows = read_manifest(storage.output_dir(attempts.settings, attempt.job.id, None) / "manifest.csv")
    assert [row.path for row in rows] == NAMES[:n_tried]


def test_only_what_failed_is_tried_again(attempts: Attempts) -> None:
    images = attempts.root / "images"
    good = {name: (images / name).read_bytes() for name in NAMES}
    for name in ("1.png", "2.png"):
        (images / name).write_bytes(b"no image")
    job = attempts.succeed(attempts.claim(attempts.submit_segment()))
    (images / "1.png").write_bytes(good["1.png"])
    again = attempts.claim(attempts.submit_segment(only_failed_of=job.id))
    result = run_attempt(again)
    output = storage.output_dir(attempts.settings, again.job.id)
    assert (result["n_ok"], result["n_error"], result["output"]) == (1, 1, str(output))
    rows = read_manifest(output / "manifest.csv")
    assert [(row.path, row.status) for row in rows] == [("1.png", "ok"), ("2.png", "error")]
    assert [path.name for path in (output / "masks").iterdir()] == ["1.png.png"]


def test_the_output_of_other_weights_is_refused(attempts: Attempts, tmp_path: Path) -> None:
    run_attempt(attempts.claim(attempts.submit_segment(output=str(tmp_path / "out"))))
    other = attempts.submit_segment(output=str(tmp_path / "out"), overrides="INFERENCE.FLIP=true")
    with pytest.raises(OutputError, match="holds the results of a run with different inference"):
        run_attempt(attempts.claim(other))


def test_the_crf_refines_and_its_settings_belong_to_the_output(attempts: Attempts, tmp_path: Path) -> None:
    plain, refined = attempts.submit_segment(), attempts.submit_segment(crf=True, output=str(tmp_path / "out"))
    for job in (plain, refined):
        assert run_attempt(attempts.claim(job))["n_ok"] == 4
    masks = [storage.output_dir(attempts.settings, job.id, job.spec["output"]) / "masks" for job in (plain, refined)]
    assert any((read_mask(masks[0] / f"{name}.png") != read_mask(masks[1] / f"{name}.png")).any() for name in NAMES)
    other = attempts.submit_segment(crf=True, output=str(tmp_path / "out"), overrides="CRF.BI_W=5")
    with pytest.raises(OutputError, match="holds the results of a run with different crf"):
        run_attempt(attempts.claim(other))
