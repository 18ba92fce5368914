from pathlib import Path

from deeplab.inference.manifest import Row, write_manifest
from deeplab.scores.image_scores import Certainty
from worker.jobs.results.manifest_rows import manifest_rows
from worker.jobs.results.record import ImageResult
from worker.jobs.results.store import Results
from worker.jobs.results.writer import write_part
from worker.jobs.settings import Settings

# In two parts, and in the order of their paths.
FIRST = [
    Row("=formula.png", 4, 3, "ok", "", 0.0625, {0: 5, 2: 7}),
    Row("a/1.png", None, None, "error", 'It says "no",\nand\r ends.', 0.0, {}),
    Row("a/film.mp4", 64, 48, "ok", "", 12.3456, {1: 2**40}, frames=12),
]
SECOND = [
    Row("b/\udcff.png", 1, 1, "ok", "", 1.0, {0: 1}),
    Row("b/sure.png", 4, 3, "ok", "", 1e-5, {0: 1, 1: 9, 2: 2}, certainty=Certainty(0.1, {0: 1.0, 1: 1e-6}, None, {})),
    Row("b/tie.png", 4, 3, "ok", "", 0.0005, {3: 12}, certainty=Certainty(1 / 128, {3: 1 / 128}, None, {})),
]


def test_a_manifest_from_results_is_that_of_its_rows(settings: Settings, tmp_path: Path) -> None:
    folders = [tmp_path / "second", tmp_path / "first"]
    for folder, rows in zip(folders, (SECOND, FIRST), strict=True):
        write_part(folder, [ImageResult.of_row(row) for row in rows])
    write_manifest(tmp_path / "results.csv", manifest_rows(Results(settings, lambda: folders)))
    write_manifest(tmp_path / "rows.csv", [*FIRST, *SECOND])
    assert (tmp_path / "results.csv").read_bytes() == (tmp_path / "rows.csv").read_bytes()


def test_results_that_are_empty_have_no_rows(settings: Settings) -> None:
    assert list(manifest_rows(Results(settings, list))) == []
