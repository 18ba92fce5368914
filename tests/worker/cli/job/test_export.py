import json
import zipfile
from pathlib import Path

from tests.worker.cli.conftest import Deeplab
from tests.worker.jobs.exports.jobs_with_masks import draw, select
from worker.jobs.settings import Settings


def test_export_into_a_folder_or_an_archive(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    job = select(home, {"a.jpg": draw(0), "b.jpg": draw(1)}).job
    ended = deeplab("job", "export", job.id, tmp_path / "out")
    assert ended.output == f"Exported 3 files to {tmp_path / 'out'}.\n"
    assert sorted(path.name for path in (tmp_path / "out" / "masks").iterdir()) == ["a.png", "b.png"]
    ended = deeplab("job", "export", job.id, "--format", "cvat", tmp_path / "new" / "out.zip", "--json")
    assert json.loads(ended.stdout) == {"output": str(tmp_path / "new" / "out.zip"), "n_files": 4}
    assert "labelmap.txt" in zipfile.ZipFile(tmp_path / "new" / "out.zip").namelist()


def test_names_that_images_share_are_said(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    job = select(home, {"a.jpg": draw(0), "a.png": draw(1)}).job
    ended = deeplab("job", "export", job.id, tmp_path / "out")
    assert "their masks keep them, as in 'a.jpg.png'" in ended.stderr
    assert (ended.exit_code, ended.stdout) == (0, f"Exported 4 files to {tmp_path / 'out'}.\n")


def test_what_cannot_be_exported_is_a_sentence(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    job = select(home, {"a.jpg": draw(0)}).job
    assert deeplab("job", "export", 99, tmp_path / "out").stderr == "Error: There is no job 99.\n"
    ended = deeplab("job", "export", 1, tmp_path / "out")  # the training before it
    assert ended.stderr == "Error: Job 1 is a train job, which has no masks.\n"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    ended = deeplab("job", "export", job.id, tmp_path / "mine")
    assert ended.exit_code == 1
    assert "is not empty; choose another folder for the export" in ended.stderr
