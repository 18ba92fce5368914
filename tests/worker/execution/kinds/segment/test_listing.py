"""The list of a segment job's items."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deeplab.errors import DatasetError
from deeplab.files import write_text
from tests.worker.execution.kinds.segment.steps import recorded
from tests.worker.execution.kinds.store import Attempts
from worker.execution.kinds import listing, run_attempt
from worker.jobs import storage
from worker.jobs.requests.specs import SegmentSpec

pytestmark = pytest.mark.slow


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


def test_files_of_other_kinds_are_counted(attempts: Attempts) -> None:
    job = attempts.submit_segment()
    folder = Path(job.spec["input"])
    for name in ("a.raw", "b.RAW", "c"):
        (folder / name).touch()
    result = run_attempt(attempts.claim(job))
    assert result["passed_over"] == {"raw": 2, "no suffix": 1}
    assert json.loads((Path(result["output"]) / "passed_over.json").read_text()) == result["passed_over"]


def test_jobs_that_an_earlier_version_listed_go_on(attempts: Attempts) -> None:
    attempt = attempts.claim(attempts.submit_segment())
    write_text(storage.items_path(attempts.settings, attempt.job.id), '["0.png", "2.png"]')
    assert run_attempt(attempt)["n_ok"] == 2
