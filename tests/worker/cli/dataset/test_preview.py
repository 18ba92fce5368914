from pathlib import Path

from PIL import Image

from tests.worker.cli.conftest import Deeplab
from worker.jobs.settings import Settings


def test_preview(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    ended = deeplab("dataset", "preview", "-c", config, "-o", tmp_path / "out.png", "--images", 6, "--columns", 3)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == f"Preview: {tmp_path / 'out.png'}\n"
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (2 * (3 * 40 + 10), 2 * 40 + 10)


def test_preview_of_a_registered_dataset(deeplab: Deeplab, home: Settings, config: Path, tmp_path: Path) -> None:
    assert deeplab("dataset", "register", "drawn", tmp_path / "drawn").exit_code == 0
    ended = deeplab(
        "dataset", "preview", "drawn", "-o", tmp_path / "out.png", "--images", 2, "--set", "IMAGE.SIZE.TRAIN=30"
    )
    assert ended.exit_code == 0, ended.output
    assert (tmp_path / "out.png").exists()


def test_preview_that_cannot_be_written(deeplab: Deeplab, config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = deeplab("dataset", "preview", "-c", config, "-o", tmp_path / "file/out.png", "--images", 1)
    assert ended.exit_code == 1
    assert ended.stderr.splitlines()[-1].startswith(f"Error: {tmp_path}/file: the folder cannot be created")
