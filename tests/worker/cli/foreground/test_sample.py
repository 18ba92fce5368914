from pathlib import Path

from tests.worker.cli.conftest import Deeplab


def test_sample_shapes_draws_a_dataset(deeplab: Deeplab, tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    ended = deeplab("sample", "shapes", folder, "--train", 2, "--val", 1, "--size", 32)
    assert ended.exit_code == 0, ended.output
    assert f"deeplab train -c {folder / 'config.yaml'}" in ended.stdout
    again = deeplab("sample", "shapes", folder)
    assert again.exit_code == 1
    assert again.stderr == f"Error: {folder}: is not empty; the dataset needs a new or empty folder.\n"
