"""Shards of a segment job, with a real model that is tiny and untrained."""

import errno
import itertools
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deeplab.errors import DatasetError, NothingSegmentedError, OutputError
from deeplab.files import write_text
from deeplab.images.masks import read_mask
from deeplab.inference.manifest import read_manifest
from deeplab.inference.output import labelled_video_path
from deeplab.inference.output_lock import locked_output
from deeplab.reporter import Stopped
from tests.configs import write_weights
from tests.deeplab.video.filming import cut_short, film
from tests.processes import wait_until
from tests.worker.execution.kinds.store import Attempts
from tests.worker.store import FOREVER, OVER
from worker.execution.child import describe
from worker.execution.kinds import listing, run_attempt, segment
from worker.execution.reporter import AliveFile
from worker.jobs import catalog, item_lists, jobs, shards, storage, submission
from worker.jobs.database import open_session
from worker.jobs.item_lists import Item, write_chunk
from worker.jobs.jobs import Job
from worker.jobs.ownership.pins import InputChangedError
from worker.jobs.requests.specs import SegmentSpec, parse_spec
from worker.jobs.results import parts
from worker.jobs.results.filters import Filter
from worker.jobs.results.store import Results
from worker.jobs.settings import Settings

pytestmark = pytest.mark.slow

NAMES = [f"{number}.png" for number in range(4)]


@pytest.fixture
def attempts(sqlite_store: Settings, tmp_path: Path) -> Attempts:
    return Attempts(sqlite_store.model_copy(update={"shard_images": 2}), tmp_path)


def stop_after(n_questions: int) -> Callable[[], bool]:
    """An answer to `should_stop` that becomes true."""
    questions = itertools.count(1)
    return lambda: next(questions) > n_questions


def mask_times(attempts: Attempts, job: Job) -> dict[str, int]:
    masks = storage.output_dir(attempts.settings, job.id, job.spec["output"]) / "masks"
    return {path.name: path.stat().st_mtime_ns for path in masks.glob("*.png")}


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


def recorded(attempts: Attempts, job: Job) -> list[str]:
    """The images in the job's result tables, which must be one part."""
    with open_session(attempts.settings, reads_only=True) as session:
        [part] = parts.list_parts(session, job.id)
    return [image.path for image in Results(attempts.settings, lambda: [part.folder]).stream(Filter())]


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


def test_what_an_earlier_version_finished_is_recorded_too(attempts: Attempts) -> None:
    """It left manifests of its shards alone."""
    job = attempts.submit_segment()
    first = attempts.claim(job, should_stop=stop_after(5))
    with pytest.raises(Stopped):
        run_attempt(first)
    attempts.crash(first)
    with open_session(attempts.settings) as session:
        assert shards.counts(session, job.id).n_open == 1
        parts.forget(session, job.id)
    assert run_attempt(attempts.claim(job))["n_ok"] == 4
    assert recorded(attempts, job) == NAMES
    rows = read_manifest(storage.output_dir(attempts.settings, job.id, job.spec["output"]) / "manifest.csv")
    assert [row.path for row in rows] == NAMES


def test_an_image_that_is_exchanged_after_it_was_listed_is_an_error(attempts: Attempts) -> None:
    job = attempts.submit_segment()
    first = attempts.claim(job, should_stop=stop_after(1))
    with pytest.raises(Stopped):
        run_attempt(first)
    attempts.crash(first)
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
    first = attempts.claim(job, should_stop=stop_after(4))
    with pytest.raises(Stopped):
        run_attempt(first)
    attempts.crash(first)
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    second = attempts.claim(job)
    with pytest.raises(InputChangedError) as caught:
        run_attempt(second)
    sentence = f"Weights file {weights} was exchanged since job {job.id} was submitted: its sha256 differs"
    assert str(caught.value).startswith(sentence)
    assert describe(caught.value).state == catalog.FAILED
    with pytest.raises(InputChangedError):
        assist(attempts, second.job)


def test_a_folder_that_somebody_else_fills_is_refused(attempts: Attempts) -> None:
    attempts.settings = attempts.settings.model_copy(update={"lease_seconds": 0.1})  # that it waits for
    output = attempts.root.parent / "out"
    attempt = attempts.claim(attempts.submit_segment(output=str(output)))
    with locked_output(output, "deeplab segment"), pytest.raises(OutputError, match="deeplab segment is filling this"):
        run_attempt(attempt)
    assert run_attempt(attempt)["n_ok"] == 4


@pytest.mark.parametrize("n_questions", range(1, 7))
def test_what_is_done_is_not_done_again(attempts: Attempts, n_questions: int) -> None:
    """Wherever the first attempt is stopped."""
    job = attempts.submit_segment()
    first = attempts.claim(job, should_stop=stop_after(n_questions))
    with pytest.raises(Stopped):
        run_attempt(first)
    early = mask_times(attempts, job)
    attempts.crash(first)
    assert run_attempt(attempts.claim(job))["n_ok"] == 4
    late = mask_times(attempts, job)
    assert len(late) == 4
    assert early.items() <= late.items()


@pytest.mark.parametrize("n_questions", [3, 5])
def test_images_are_counted_once_whichever_attempt_did_them(attempts: Attempts, n_questions: int) -> None:
    (attempts.root / "images" / "1.png").write_bytes(b"no image")
    job = attempts.submit_segment()
    first = attempts.claim(job, should_stop=stop_after(n_questions))
    with pytest.raises(Stopped):
        run_attempt(first)
    attempts.crash(first)
    result = run_attempt(attempts.claim(job))
    assert (result["n_ok"], result["n_error"]) == (3, 1)
    rows = read_manifest(storage.output_dir(attempts.settings, job.id, job.spec["output"]) / "manifest.csv")
    assert [(row.path, row.status) for row in rows] == list(zip(NAMES, ["ok", "error", "ok", "ok"], strict=True))


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
    first = attempts.claim(job, should_stop=stop_after(5))  # when one shard is done
    with pytest.raises(Stopped):
        run_attempt(first)
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
    attempts.crash(first)
    assert run_attempt(attempts.claim(job))["n_ok"] == 4
    assert recorded(attempts, job) == NAMES


def test_a_listing_that_was_interrupted_goes_on_where_it_was(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have segmented what was listed; files that came meanwhile are listed only behind it."""
    folder = attempts.root / "images"
    for name in ("a.raw", "z.raw", "3x/a.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    job = attempts.submit_segment()
    first = attempts.claim(job, owner="owner")
    monkeypatch.setattr(listing, "_FIRST_CHUNK", 3)
    spec = SegmentSpec.model_validate(job.spec)
    with monkeypatch.context() as patch:  # as if it were killed after the first chunk
        patch.setattr(listing.Listing, "_list_rest", lambda _self: None)
        with listing.Listing(first, spec, storage.output_dir(attempts.settings, job.id)):
            pass
    (folder / "0a.png").touch()
    (folder / "9.png").touch()
    attempts.crash(first)
    result = run_attempt(attempts.claim(job))
    assert (result["n_ok"], result["n_error"], result["passed_over"]) == (4, 2, {"raw": 2})
    assert recorded(attempts, job) == ["0.png", "1.png", "2.png", "3.png", "3x/a.png", "9.png"]


def test_an_error_of_the_listing_ends_the_attempt(attempts: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_FIRST_CHUNK", 2)
    hidden = attempts.root / "images" / "9"
    hidden.mkdir()
    attempt = attempts.claim(attempts.submit_segment())
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", raise_for(hidden, os.scandir))
        with pytest.raises(DatasetError, match="9: the folder cannot be listed: Input/output error"):
            run_attempt(attempt)


def raise_for(folder: Path, scandir: Callable[..., Any]) -> Callable[..., Any]:
    def scan(path: Path) -> Any:
        if path == folder:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return scandir(path)

    return scan


def test_an_assistant_waits_for_shards_while_items_are_listed(attempts: Attempts) -> None:
    job = attempts.claim(attempts.submit_segment(), owner="owner").job
    plan(attempts, job)
    with open_session(attempts.settings) as session:
        item_lists.set_passed_over(session, job.id, {}, complete=False)
    thread = threading.Thread(target=assist, args=(attempts, job))
    thread.start()
    wait_until(lambda: len(mask_times(attempts, job)) == 4, 30)
    thread.join(1)
    assert thread.is_alive()
    with open_session(attempts.settings) as session:
        item_lists.set_passed_over(session, job.id, {}, complete=True)
    thread.join(30)
    assert not thread.is_alive()


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


def test_an_assistant_takes_what_is_free_and_the_owner_the_rest(attempts: Attempts) -> None:
    attempt = attempts.claim(attempts.submit_segment(), owner="owner")
    plan(attempts, attempt.job)
    with open_session(attempts.settings) as session:
        shards.claim(session, attempt.job.id, "owner", FOREVER)
    assist(attempts, attempt.job)
    assert set(mask_times(attempts, attempt.job)) == {"2.png.png", "3.png.png"}
    with open_session(attempts.settings) as session:
        assert shards.counts(session, attempt.job.id).n_ok == 2
        shards.release(session, attempt.job.id, "owner")
    assert run_attempt(attempt)["n_ok"] == 4
    rows = read_manifest(storage.output_dir(attempts.settings, attempt.job.id) / "manifest.csv")
    assert [row.path for row in rows] == NAMES


def test_the_owner_waits_for_others_and_takes_over_from_those_that_die(attempts: Attempts) -> None:
    attempt = attempts.claim(attempts.submit_segment(), owner="owner")
    plan(attempts, attempt.job)
    with open_session(attempts.settings) as session:
        held = shards.claim(session, attempt.job.id, "assistant", FOREVER)
    results: list[dict[str, object]] = []
    thread = threading.Thread(target=lambda: results.append(run_attempt(attempt)))
    thread.start()
    wait_until(lambda: len(mask_times(attempts, attempt.job)) == 2, 30)
    thread.join(1)
    assert thread.is_alive()
    with open_session(attempts.settings) as session:
        shards.renew(session, attempt.job.id, "assistant", OVER)
    thread.join(30)
    output = storage.output_dir(attempts.settings, attempt.job.id)
    assert results == [
        {"output": str(output), "n_ok": 4, "n_error": 0, "n_videos": 0, "n_frames": 0, "passed_over": {}}
    ]
    assert held is not None
    with open_session(attempts.settings) as session, pytest.raises(shards.ShardLostError):
        shards.finish(session, held, Path("late.csv"), 2, 0)


def test_a_shard_that_was_taken_meanwhile_is_left_to_the_taker(attempts: Attempts) -> None:
    job = attempts.claim(attempts.submit_segment(), owner="owner").job
    plan(attempts, job)
    taken: list[shards.Shard | None] = []

    def take_it() -> bool:
        """Asked for the second time when the first shard is being segmented."""
        with open_session(attempts.settings) as session:
            if len(taken) == 1:
                shards.renew(session, job.id, "slow", OVER)
            taken.append(shards.claim(session, job.id, "taker", FOREVER) if len(taken) == 1 else None)
        return False

    assist(attempts, job, "slow", take_it)
    shard = taken[1]
    assert shard is not None
    assert (shard.number, shard.fence) == (0, 2)
    with open_session(attempts.settings) as session:
        assert shards.counts(session, job.id).n_ok == 2  # of the other shard
        shards.finish(session, shard, Path("taker.csv"), 2, 0)
        assert shards.manifests(session, job.id)[0] == Path("taker.csv")


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


def test_files_of_other_kinds_are_counted(attempts: Attempts) -> None:
    job = attempts.submit_segment()
    folder = Path(job.spec["input"])
    for name in ("a.raw", "b.RAW", "c"):
        (folder / name).touch()
    result = run_attempt(attempts.claim(job))
    assert result["passed_over"] == {"raw": 2, "no suffix": 1}
    assert json.loads((Path(result["output"]) / "passed_over.json").read_text()) == result["passed_over"]


def job_of(attempts: Attempts, job: Job) -> Job:
    with open_session(attempts.settings, reads_only=True) as session:
        return jobs.get(session, job.id)


def test_a_video_is_an_item_and_progress_counts_its_frames(attempts: Attempts) -> None:
    film(attempts.root / "images" / "1.mp4", n=6)
    attempt = attempts.claim(attempts.submit_segment(every=2, video_output="masks"))
    result = run_attempt(attempt)
    output = Path(result["output"])
    assert (result["n_ok"], result["n_error"], result["n_videos"], result["n_frames"]) == (5, 0, 1, 3)
    rows = read_manifest(output / "manifest.csv")
    assert [(row.path, row.frames) for row in rows] == [
        ("0.png", None),
        ("1.mp4", 3),
        ("1.png", None),
        ("2.png", None),
        ("3.png", None),
    ]
    assert sorted(path.name for path in (output / "masks" / "1.mp4").iterdir()) == [
        f"0000000{number}.png" for number in (0, 2, 4)
    ]
    assert "4 shards to do" in attempts.events(attempt.job)  # the video is one
    job = job_of(attempts, attempt.job)
    assert (job.done, job.total, job.unit) == (7, 7, "frame")


def test_a_job_of_one_video(attempts: Attempts) -> None:
    path = film(attempts.root / "film.mp4", n=6)
    attempt = attempts.claim(attempts.submit_segment(input=str(path)))
    result = run_attempt(attempt)
    assert (result["n_ok"], result["n_videos"], result["n_frames"]) == (1, 1, 6)
    assert labelled_video_path(Path(result["output"]), "film.mp4").is_file()
    assert job_of(attempts, attempt.job).done == 6


@pytest.mark.parametrize("n_questions", [2, 4, 7])
def test_a_half_written_video_is_never_seen(attempts: Attempts, n_questions: int) -> None:
    """Wherever the first attempt is stopped; the next one does the video from its beginning."""
    path = film(attempts.root / "film.mp4", n=6)
    job = attempts.submit_segment(input=str(path))
    first = attempts.claim(job, should_stop=stop_after(n_questions))
    with pytest.raises(Stopped):
        run_attempt(first)
    output = storage.output_dir(attempts.settings, job.id)
    assert not list(output.rglob("*film*"))
    attempts.crash(first)
    assert run_attempt(attempts.claim(job))["n_frames"] == 6


def test_a_video_that_was_cut_short_is_an_error_of_the_job(attempts: Attempts) -> None:
    cut_short(film(attempts.root / "images" / "film.mkv", n=30))
    result = run_attempt(attempts.claim(attempts.submit_segment()))
    assert (result["n_ok"], result["n_error"], result["n_videos"], result["n_frames"]) == (4, 1, 0, 0)
    row = read_manifest(Path(result["output"]) / "manifest.csv")[-1]
    assert (row.path, row.status) == ("film.mkv", "error")
    assert row.frames is not None
    assert 2 < row.frames < 20
    assert "film.mkv: is cut short" in row.error


def test_steps_of_videos_belong_to_the_output(attempts: Attempts, tmp_path: Path) -> None:
    path = film(attempts.root / "film.mp4", n=6)
    run_attempt(attempts.claim(attempts.submit_segment(input=str(path), output=str(tmp_path / "out"))))
    other = attempts.submit_segment(input=str(path), output=str(tmp_path / "out"), every=2)
    with pytest.raises(OutputError, match="holds the results of a run with different every"):
        run_attempt(attempts.claim(other))


def test_jobs_that_an_earlier_version_listed_go_on(attempts: Attempts) -> None:
    attempt = attempts.claim(attempts.submit_segment())
    write_text(storage.items_path(attempts.settings, attempt.job.id), '["0.png", "2.png"]')
    assert run_attempt(attempt)["n_ok"] == 2
