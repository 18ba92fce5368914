"""Segment jobs of videos."""

from pathlib import Path

import pytest

from deeplab.errors import OutputError
from deeplab.inference.manifest import read_manifest
from deeplab.inference.output import labelled_video_path
from tests.deeplab.video.filming import cut_short, film
from tests.worker.execution.kinds.segment.steps import interrupt
from tests.worker.execution.kinds.store import Attempts
from worker.execution.kinds import run_attempt
from worker.jobs import storage

pytestmark = pytest.mark.slow


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
    job = attempts.find(attempt.job)
    assert (job.done, job.total, job.unit) == (7, 7, "frame")


def test_a_job_of_one_video(attempts: Attempts) -> None:
    path = film(attempts.root / "film.mp4", n=6)
    attempt = attempts.claim(attempts.submit_segment(input=str(path)))
    result = run_attempt(attempt)
    assert (result["n_ok"], result["n_videos"], result["n_frames"]) == (1, 1, 6)
    assert labelled_video_path(Path(result["output"]), "film.mp4").is_file()
    assert attempts.find(attempt.job).done == 6


@pytest.mark.parametrize("n_questions", [2, 4, 7])
def test_a_half_written_video_is_never_seen(attempts: Attempts, n_questions: int) -> None:
    """Wherever the first attempt is stopped; the next one does the video from its beginning."""
    path = film(attempts.root / "film.mp4", n=6)
    job = attempts.submit_segment(input=str(path))
    interrupt(attempts, job, n_questions)
    output = storage.output_dir(attempts.settings, job.id)
    assert not list(output.rglob("*film*"))
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
