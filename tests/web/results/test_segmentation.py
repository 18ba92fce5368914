import os

import pytest

from deeplab.inference.manifest import ManifestWriter, Row
from tests.web.population import OWNER, Population
from web.results.segmentation import Results, class_shares, colour, item_key, load_results
from worker.jobs import jobs, shards
from worker.jobs.database import open_session


def results_of(population: Population, job_id: int) -> Results:
    with open_session(population.settings, reads_only=True) as session:
        return load_results(session, population.settings, jobs.get(session, job_id))


def test_a_finished_job_has_all_rows_by_path(population: Population) -> None:
    results = results_of(population, population.segmented)
    paths = [row.path for row in results.rows]
    assert paths == sorted(paths)
    assert len(paths) == 6
    assert [row.path for row in results.errors] == ["broken.jpg"]
    assert results.by_key[item_key("000.jpg")].path == "000.jpg"
    assert sum(results.pixels.values()) == 5 * 48 * 64


def test_a_running_job_has_the_rows_of_its_finished_shards(population: Population) -> None:
    job_id = population.submit("segment", checkpoint="2", input=str(population.folder))
    population.claim(job_id)
    assert results_of(population, job_id).rows == []
    manifest = population.root / "shard.csv"
    with ManifestWriter(manifest, [Row("000.jpg", 4, 4, "ok", "", 0.1, {0: 16})]):
        pass
    with open_session(population.settings) as session:
        shards.plan(session, job_id, 6, size=3)
        shard = shards.claim(session, job_id, OWNER, 60)
        assert shard is not None
        shards.finish(session, shard, manifest, 1, 0)
    assert [row.path for row in results_of(population, job_id).rows] == ["000.jpg"]


def test_keys_tell_all_names_apart() -> None:
    names = ["a.jpg", "A.jpg", "a/b.jpg", "ä.jpg", "a\nb.jpg", os.fsdecode(b"\xe9.jpg"), os.fsdecode(b"\xe8.jpg")]
    keys = {item_key(name) for name in names}
    assert len(keys) == len(names)
    assert all(len(key) == 16 and key.isalnum() for key in keys)


def test_shares_are_of_all_pixels_and_the_largest_first() -> None:
    shares = class_shares({0: 50, 1: 0, 2: 150, 9: 200}, ["ground", "disc", "bar"])
    assert [(share.name, share.fraction) for share in shares] == [("class 9", 0.5), ("bar", 0.375), ("ground", 0.125)]
    assert class_shares({}, []) == []


@pytest.mark.parametrize(("index", "expected"), [(0, "#000000"), (1, "#800000"), (2, "#008000"), (15, "#c08080")])
def test_colours_are_those_of_the_masks(index: int, expected: str) -> None:
    assert colour(index) == expected
