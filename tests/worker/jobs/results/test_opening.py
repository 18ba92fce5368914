"""Results of jobs of this version and of earlier ones, which have left manifests alone."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from deeplab.errors import OutputError
from deeplab.inference.manifest import Row, write_manifest
from deeplab.inference.output import manifest_path
from tests.worker.store import FOREVER, plan_shards, submit_segment
from worker.jobs import catalog, jobs, leases, shards, storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.results import parts
from worker.jobs.results.filters import Filter
from worker.jobs.results.opening import open_results
from worker.jobs.results.record import ImageResult
from worker.jobs.results.store import Results
from worker.jobs.results.writer import write_part
from worker.jobs.settings import Settings

ROWS = [
    Row("a.jpg", 10, 10, "ok", "", 0.25, {0: 60, 3: 40}),
    Row("b.mp4", 8, 8, "ok", "", 2.0, {0: 640}, 10),
    Row("broken.jpg", None, None, "error", "broken.jpg: is cut short.", 0.1, {}),
    Row("r\udce4um.jpg", 10, 10, "ok", "", 0.5, {5: 100}),
]


def run(settings: Settings, *of_shards: Sequence[Row], state: str | None = catalog.SUCCEEDED) -> Job:
    """A job of an earlier version: shards with manifests, and one manifest of all if it has succeeded."""
    with open_session(settings) as session:
        job = leases.claim(session, submit_segment(session, settings).id, "a", FOREVER)
        assert job is not None
        plan_shards(session, job.id, 2 * len(of_shards), 2)
        for rows in of_shards:
            shard = shards.claim(session, job.id, "a", FOREVER)
            assert shard is not None
            manifest = storage.shard_manifest_path(settings, job.id, job.fence, shard.number, shard.fence)
            write_manifest(manifest, rows)
            shards.finish(session, shard, manifest, len(rows), 0)
        if state is not None:
            leases.finish(session, job.id, job.fence, state)
        if state == catalog.SUCCEEDED:
            write_manifest(merged_manifest(settings, job), [row for rows in of_shards for row in rows])
        return jobs.get(session, job.id)


def merged_manifest(settings: Settings, job: Job) -> Path:
    return manifest_path(storage.output_dir(settings, job.id))


def paths(results: Results) -> list[str]:
    return [image.path for image in results.stream(Filter())]


def test_parts_are_found_while_the_job_runs_and_afterwards(sqlite_store: Settings) -> None:
    job = run(sqlite_store, state=None)
    results = open_results(sqlite_store, job)
    assert (results.is_empty, paths(results)) == (True, [])
    folder = storage.part_dir(sqlite_store, job.id, job.fence, 1)
    write_part(folder, [ImageResult.of_row(ROWS[0])])
    with open_session(sqlite_store) as session:
        parts.add(session, job.id, folder, 1)
    assert paths(open_results(sqlite_store, job)) == ["a.jpg"]
    with open_session(sqlite_store) as session:
        leases.finish(session, job.id, job.fence, catalog.SUCCEEDED)
        ended = jobs.get(session, job.id)
    assert paths(open_results(sqlite_store, ended)) == ["a.jpg"]
    assert not storage.indexed_part_dir(sqlite_store, job.id).exists()


def test_a_manifest_of_an_earlier_version_is_read_once(sqlite_store: Settings) -> None:
    job = run(sqlite_store, ROWS[:2], ROWS[2:])
    results = open_results(sqlite_store, job)
    found = {image.item: (image, results.classes_in(image)) for image in results.stream(Filter())}
    assert len(found) == len(ROWS)
    for row in ROWS:
        image, classes = found[row.path]
        assert (image.width, image.height, image.status, image.error) == (row.width, row.height, row.status, row.error)
        assert ({each.index: each.pixels for each in classes}, image.frames) == (row.pixels, row.frames)
        assert image.seconds == pytest.approx(row.seconds)
    merged_manifest(sqlite_store, job).write_text("This is no manifest.")
    assert len(paths(open_results(sqlite_store, job))) == 4
    folder = storage.job_dir(sqlite_store, job.id)
    assert {path.name for path in folder.iterdir()} >= {"results", "results.lock"}
    assert not (folder / "results-draft").exists()


def test_a_job_that_failed_half_way_has_the_rows_of_its_finished_shards(sqlite_store: Settings) -> None:
    job = run(sqlite_store, ROWS[:2], state=catalog.FAILED)
    assert paths(open_results(sqlite_store, job)) == ["a.jpg", "b.mp4"]


def test_many_rows_are_written_in_chunks(sqlite_store: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.jobs.results.indexing._AT_ONCE", 3)
    rows = [Row(f"{number}.jpg", 1, 1, "ok", "", 0.1, {0: 1}) for number in range(10)]
    job = run(sqlite_store, rows)
    assert paths(open_results(sqlite_store, job)) == [row.path for row in rows]


def test_several_who_ask_at_once_wait_for_one_index(sqlite_store: Settings) -> None:
    job = run(sqlite_store, ROWS)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(open_results(sqlite_store, job).count(Filter()))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [4, 4, 4, 4]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "manifest.csv: line 1 is not from a manifest"),
        ("a,b\n", "manifest.csv: line 1 is not from a manifest; expected path,width,"),
        ('path,width,height,status,error,seconds,pixels,frames\na.jpg,1,1,ok,,0.1,"{""0"":', "line 2 is not from"),
    ],
)
def test_a_damaged_manifest_is_said_and_leaves_nothing(sqlite_store: Settings, content: str, sentence: str) -> None:
    job = run(sqlite_store, ROWS)
    merged_manifest(sqlite_store, job).write_text(content)
    with pytest.raises(OutputError, match=sentence):
        open_results(sqlite_store, job)
    assert not storage.indexed_part_dir(sqlite_store, job.id).exists()
    write_manifest(merged_manifest(sqlite_store, job), ROWS)  # once it is mended
    assert open_results(sqlite_store, job).count(Filter()) == 4


def test_shards_that_an_earlier_version_finished_are_noticed(store: Settings) -> None:
    with open_session(store) as session:
        job = leases.claim(session, submit_segment(session, store).id, "a", FOREVER)
        assert job is not None
        plan_shards(session, job.id, 4, 2)
        assert parts.find_unrecorded(session, job.id) is None
        for manifest in (Path("0.csv"), Path("1.csv")):
            shard = shards.claim(session, job.id, "a", FOREVER)
            assert shard is not None
            shards.finish(session, shard, manifest, 1, 1)
        parts.add(session, job.id, Path("part"), 2)
        unrecorded = parts.find_unrecorded(session, job.id)
        assert unrecorded is not None
        assert {each.manifest for each in unrecorded.shards} == {Path("0.csv"), Path("1.csv")}
        parts.replace_unrecorded(session, job.id, unrecorded, Path("earlier"), 4)
        assert [(part.folder, part.n_images) for part in parts.list_parts(session, job.id)] == [(Path("earlier"), 4)]
        assert parts.find_unrecorded(session, job.id) is None
