import json
import shutil
import zipfile
from pathlib import Path

from tests.configs import tiny_model, write_config
from tests.deeplab.datasets.importing import exports
from tests.worker.cli.conftest import Deeplab
from worker.jobs.settings import Settings


def zipped(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder), "zip", folder))


def test_an_archive_is_imported_registered_and_trained_on(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    archive = zipped(exports.cvat_images(tmp_path / "export"))
    ended = deeplab("dataset", "import", archive, tmp_path / "street")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.splitlines() == [
        "Imported 2 images from the format cvat-images: train 1, val 1.",
        "Classes:",
        *("  0 background", "  1 car", "  2 dog"),
        f"Next: deeplab dataset register NAME {tmp_path / 'street'}",
    ]
    assert sorted(path.name for path in (tmp_path / "street").iterdir()) == [
        *("images", "labels.txt", "masks", "train.txt", "val.txt")
    ]
    assert deeplab("dataset", "register", "street", tmp_path / "street").exit_code == 0
    checked = deeplab("dataset", "check", "street", "-j", 1)
    assert (checked.exit_code, "no problems" in checked.stdout) == (0, True), checked.output
    config = write_config(
        tmp_path,
        DATASET={"N_CLASSES": 3, "ROOT": str(tmp_path / "street"), "LABELS": str(tmp_path / "street/labels.txt")},
        IMAGE={"SIZE": {"BASE": None, "TRAIN": 33}},
        MODEL=tiny_model(),
        SOLVER={"BATCH_SIZE": {"TRAIN": 1}, "ITER_MAX": 2},
        DATALOADER={"NUM_WORKERS": 0},
    )
    trained = deeplab("train", "-c", config, "-o", tmp_path / "run", "--cpu")
    assert trained.exit_code == 0, trained.output
    assert (tmp_path / "run/checkpoint_final.pth").is_file()


def test_options(deeplab: Deeplab, tmp_path: Path) -> None:
    exports.label_studio(tmp_path / "export")
    (tmp_path / "pictures").mkdir()
    for scene in exports.SCENES:
        (tmp_path / f"export/{scene}.jpg").rename(tmp_path / f"pictures/{scene}.jpg")
    tasks = tmp_path / "export/project-1-at-2024.json"
    lacking = deeplab("dataset", "import", tasks, tmp_path / "out")
    assert lacking.exit_code == 1
    assert "2 images that it names are not there" in lacking.stderr
    assert "name the folder of the images by --images." in lacking.stderr
    options = ("--images", tmp_path / "pictures", "--unlabelled", "ignore", "--val", 0, "--format", "label-studio")
    ended = deeplab("dataset", "import", tasks, tmp_path / "out", *options, "--json")
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    assert told["class_names"] == ["car", "dog"]
    assert (told["format"], told["root"], told["splits"]) == ("label-studio", str(tmp_path / "out"), {"train": 2})
    assert (tmp_path / "pictures/a.jpg").exists()
    again = deeplab("dataset", "import", tasks, tmp_path / "out", *options)
    assert (
        again.stderr.splitlines()[-1] == f"Error: {tmp_path}/out: is not empty; choose another folder for the dataset."
    )


def test_a_table_of_colours_can_be_named(deeplab: Deeplab, tmp_path: Path) -> None:
    (exports.camvid(tmp_path / "export") / "class_dict.csv").unlink()
    colours = tmp_path / "label_colors.txt"
    colours.write_text("0 0 0\t\tVoid\n64 0 128\t\tBig Car\n192 128 0\t\tdog\n")
    ended = deeplab("dataset", "import", tmp_path / "export", tmp_path / "out", "--colours", colours, "--json")
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout)["class_names"] == ["Void", "Big Car", "dog"]


def test_a_fault_names_files_as_the_archive_does(deeplab: Deeplab, tmp_path: Path) -> None:
    root = exports.labelme(tmp_path / "export")
    (root / "a.json").write_text('{"shapes": [')
    ended = deeplab("dataset", "import", zipped(root), tmp_path / "out")
    assert ended.exit_code == 1
    assert ended.stderr.splitlines()[-1].startswith("Error: a.json: the annotations cannot be read: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export", "export.zip"]


def test_an_archive_that_leads_out_is_refused(deeplab: Deeplab, tmp_path: Path) -> None:
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../evil.json", b"{}")
    ended = deeplab("dataset", "import", archive, tmp_path / "out")
    assert ended.exit_code == 1
    assert "a path that leads out of the folder" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["export.zip"]
