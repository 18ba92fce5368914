import json
import zipfile
from pathlib import Path

import pytest

from deeplab.images.masks import write_mask
from deeplab.inference.manifest import Row
from deeplab.inference.output import mask_path
from deeplab.scores.image_scores import Certainty
from tests.worker.cli.conftest import Deeplab
from tests.worker.jobs.exports.jobs_with_masks import draw, select
from worker.cli.job.commands import export
from worker.jobs.results.job_files import output_dir
from worker.jobs.results.questions import FILTERS
from worker.jobs.settings import Settings


def test_export_into_a_folder_or_an_archive(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    job = select(home, {"a.jpg": draw(0), "b.jpg": draw(1)}).job
    ended = deeplab("job", "export", job.id, tmp_path / "out")
    assert ended.output == f"Exported 3 files to {tmp_path / 'out'}.\n"
    assert sorted(path.name for path in (tmp_path / "out" / "masks").iterdir()) == ["a.png", "b.png"]
    ended = deeplab("job", "export", job.id, "--format", "cvat", tmp_path / "new" / "out.zip", "--json")
    assert json.loads(ended.stdout) == {"output": str(tmp_path / "new" / "out.zip"), "n_files": 4}
    assert "labelmap.txt" in zipfile.ZipFile(tmp_path / "new" / "out.zip").namelist()


def test_the_options_are_the_filters_of_the_page() -> None:
    names = [parameter.name for parameter in export.params]
    assert [name for name in names if name in FILTERS] == list(FILTERS)


def test_names_that_images_share_are_said(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    job = select(home, {"a.jpg": draw(0), "a.png": draw(1)}).job
    ended = deeplab("job", "export", job.id, tmp_path / "out")
    assert "their masks keep them, as in 'a.jpg.png'" in ended.stderr
    assert (ended.exit_code, ended.stdout) == (0, f"Exported 4 files to {tmp_path / 'out'}.\n")


def test_what_cannot_be_exported_is_a_sentence(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    job = select(home, {"a.jpg": draw(0)}).job
    assert deeplab("job", "export", 99, tmp_path / "out").stderr == "Error: There is no job 99.\n"
    ended = deeplab("job", "export", 1, tmp_path / "out")  # the training before it
    assert ended.stderr == "Error: Jobs of the kind train, such as job 1, have no masks.\n"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    ended = deeplab("job", "export", job.id, tmp_path / "mine")
    assert ended.exit_code == 1
    assert "is not empty; choose another folder for the export" in ended.stderr


def test_the_images_are_chosen_by_the_filters_of_the_page(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    masks = {"a/1.jpg": draw(0), "a/2.jpg": draw(1), "b/1.jpg": draw(2)}
    sure = Certainty(0.9, {0: 0.9}, None, {})
    row = Row("b/3.jpg", 31, 24, "ok", "", 0.1, {0: 700, 1: 44}, certainty=sure)
    selection = select(home, masks, [row])
    write_mask(mask_path(output_dir(home, selection.job), "b/3.jpg"), draw(3))

    def exported(*options: object) -> list[str]:
        out = tmp_path / "-".join(map(str, options)).replace("/", "")
        deeplab("job", "export", selection.job.id, out, *options)
        return sorted(str(path.relative_to(out / "masks").with_suffix("")) for path in out.rglob("*.png"))

    assert exported("--folder", "a") == ["a/1", "a/2"]
    assert exported("--folder", "a", "--name", "2.J") == ["a/2"]
    assert exported("--class", "disc: red") == exported("--class", 1) == ["b/3"]
    assert exported("--class", "ground", "--max-share", "95") == ["b/3"]
    assert exported("--min-confidence", 80) == ["b/3"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--class", "tree"), "--class: must be the name or the number of one of the job's 3 classes, got 'tree'."),
        (("--true", "3", "--predicted", "1"), "--true: must be the name or the number of one of the job's 3 classes"),
        (("--predicted", "1"), "--predicted: needs true and predicted, the two classes of a confusion."),
        (("--min-share", "5"), "--class: is required with a share, which is that of one class."),
        (("--class", "1", "--max-share", "all"), "--max-share: must be a percentage from 0 to 100, got 'all'."),
        (("--name", "zebra"), "has no masks of such images."),
        (("--only", "errors"), "Images that failed have no masks to export."),
        (("--only", "masks"), "--only: must be errors, got 'masks'."),
    ],
)
def test_filters_that_make_no_sense_are_refused(
    deeplab: Deeplab, home: Settings, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    ended = deeplab("job", "export", select(home, {"a.jpg": draw(0)}).job.id, tmp_path / "out", *options)
    assert ended.exit_code == (
        2 if sentence.startswith("--") else 1
    )  # of an option that makes no sense, else of the job
    assert sentence in ended.stderr
    assert not (tmp_path / "out").exists()
