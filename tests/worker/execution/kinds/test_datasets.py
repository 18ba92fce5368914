"""Check and import jobs, run in this process."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deeplab.errors import DatasetError
from tests.deeplab.datasets.importing import exports
from tests.worker.execution.kinds.store import Attempts
from tests.worker.store import submit
from worker.execution.kinds import run_attempt
from worker.jobs import dataset_reports, datasets, storage, submission, uploads
from worker.jobs.cleaning import leftovers
from worker.jobs.database import open_session
from worker.jobs.dataset_reports import ReportError
from worker.jobs.dataset_surveys import survey
from worker.jobs.datasets import Dataset, NameRefusedError
from worker.jobs.jobs import Job
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings
from worker.jobs.uploads import UploadError


@pytest.fixture
def attempts(sqlite_store: Settings, tmp_path: Path) -> Attempts:
    return Attempts(sqlite_store, tmp_path)


def register(attempts: Attempts) -> Dataset:
    (attempts.root / "labels.txt").write_text("0\tsky\n1\troad\n2\tcar\n")
    with open_session(attempts.settings) as session:
        return datasets.register(session, "street", survey(attempts.root))


def request(attempts: Attempts, kind: str, **fields: Any) -> Job:
    with open_session(attempts.settings) as session:
        return submit(session, attempts.settings, kind, **fields)


def upload(settings: Settings, *files: Path, root: Path | None = None) -> str:
    contents = {str(path.relative_to(root)) if root else path.name: path.read_bytes() for path in files}
    begun = uploads.begin(settings, len(contents), sum(map(len, contents.values())))
    for name, content in contents.items():
        uploads.append(settings, begun.id, name, 0, content)
    return uploads.finish(settings, begun.id).id


def zipped(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder), "zip", folder))


def test_a_check_leaves_its_report(attempts: Attempts) -> None:
    dataset = register(attempts)
    (attempts.root / "images/0.png").unlink()
    Image.fromarray(np.full((40, 48), 9, np.uint8)).save(attempts.root / "masks/1.png")
    job = attempts.succeed(attempts.claim(request(attempts, "check", dataset="street")))
    assert job.result is not None
    assert (job.result["n_problems"], job.result["n_images"], job.unit, job.queue) == (4, 6, "image", "cpu")
    assert (job.dataset, job.model, job.dataset_version is None) == ("street", "", False)
    with open_session(attempts.settings, reads_only=True) as session:
        newest = dataset_reports.find_newest(session, dataset.names)
    assert newest is not None
    assert (newest.job_id, newest.version) == (job.id, job.dataset_version)
    report, n_problems = dataset_reports.read_report(newest.path)
    assert report.class_names == ["sky", "road", "car"]
    assert report.splits[0].missing == [f"{attempts.root}/images/0"]
    assert report.splits[0].unknown_values[0].values == {9: 40 * 48}
    assert n_problems == {"train": 2, "val": 2}
    newest.path.write_text("{}")
    with pytest.raises(ReportError, match="check the dataset again"):
        dataset_reports.read_report(newest.path)


def test_only_a_split_that_is_there_is_checked(attempts: Attempts) -> None:
    register(attempts)
    with pytest.raises(SpecError, match="'night' is no split of street; its splits are train, val"):
        request(attempts, "check", dataset="street", split="night")
    job = attempts.succeed(attempts.claim(request(attempts, "check", dataset="street", split="val")))
    assert job.result is not None
    assert job.result["n_images"] == 4


def test_an_upload_becomes_a_registered_dataset(attempts: Attempts, tmp_path: Path) -> None:
    settings = attempts.settings
    upload_id = upload(settings, zipped(exports.cvat_images(tmp_path / "export")))
    spec = parse_spec("import", {"source": f"upload:{upload_id}", "dataset": "cars", "val_share": 0.5})
    job = attempts.succeed(attempts.claim(submission.submit(settings, spec)))
    assert job.result is not None
    assert (job.result["format"], job.result["splits"]) == ("cvat-images", {"train": 1, "val": 1})
    with open_session(settings, reads_only=True) as session:
        dataset = datasets.get_by_name(session, "cars")
    assert dataset.root == str(storage.datasets_dir(settings) / str(job.id) / "1" / "cars")
    with pytest.raises(UploadError, match="imported already"):
        uploads.find(settings, upload_id)
    assert not [each for each in leftovers.find_leftovers(settings) if "import" in each.why]


def test_an_upload_of_single_files_is_imported(attempts: Attempts, tmp_path: Path) -> None:
    root = exports.labelme(tmp_path / "export")
    upload_id = upload(attempts.settings, *(each for each in root.rglob("*") if each.is_file()), root=tmp_path)
    job = attempts.succeed(attempts.claim(request(attempts, "import", source=f"upload:{upload_id}", dataset="cars")))
    assert job.result is not None
    assert (job.result["format"], job.result["n_images"]) == ("labelme", 2)


def test_a_failed_import_leaves_nothing_but_the_upload(attempts: Attempts, tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"no archive")
    upload_id = upload(attempts.settings, tmp_path / "no.zip")
    attempt = attempts.claim(request(attempts, "import", source=f"upload:{upload_id}", dataset="cars"))
    with pytest.raises(DatasetError, match=r"no\.zip: cannot be unpacked"):
        run_attempt(attempt)
    assert [path for path in storage.datasets_dir(attempts.settings).rglob("*") if path.is_file()] == []
    assert uploads.find(attempts.settings, upload_id).name == "no.zip"


def test_what_cannot_be_imported_is_refused_at_once(attempts: Attempts, tmp_path: Path) -> None:
    register(attempts)
    archive = str(zipped(exports.masks(tmp_path / "export")))
    for fields, sentence in (
        ({"source": archive, "dataset": "street"}, "already a dataset named 'street'"),
        ({"source": archive, "dataset": "../street"}, "A name consists of"),
        ({"source": f"{archive}s", "dataset": "new"}, "neither a file nor a folder"),
        ({"source": "upload:../../etc", "dataset": "new"}, "is not the id of an upload"),
        ({"source": f"upload:{'0' * 32}", "dataset": "new"}, "There is no upload"),
        ({"source": archive, "dataset": "new", "format": "cvatt"}, "format"),
        ({"source": archive, "dataset": "new", "val_share": 1}, "less than 1"),
    ):
        with pytest.raises(SpecError, match=sentence):
            submission.submit(attempts.settings, parse_spec("import", fields))


def test_a_name_that_was_taken_meanwhile_fails_the_import(attempts: Attempts, tmp_path: Path) -> None:
    archive = str(zipped(exports.masks(tmp_path / "export")))
    attempt = attempts.claim(request(attempts, "import", source=archive, dataset="street"))
    register(attempts)
    with pytest.raises(NameRefusedError, match="street"):
        run_attempt(attempt)


def test_uploads_that_nobody_wants_may_go_after_a_day(attempts: Attempts, tmp_path: Path) -> None:
    settings = attempts.settings
    archive = zipped(exports.masks(tmp_path / "export"))
    wanted, stale, fresh = (upload(settings, archive) for _ in range(3))
    request(attempts, "import", source=f"upload:{wanted}", dataset="new")
    for each in (wanted, stale):
        os.utime(storage.uploads_dir(settings) / each, (0, 0))
    found = [each.path.name for each in leftovers.find_leftovers(settings)]
    assert (stale in found, wanted in found, fresh in found) == (True, False, False)
