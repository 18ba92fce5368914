import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets.class_names import load_class_names
from deeplab.errors import DatasetError, NothingSegmentedError, OutputError
from deeplab.files import write_text
from deeplab.images.files import read_image
from deeplab.images.masks import read_mask
from deeplab.images.palette import palette
from deeplab.inference.folder import segment_folder, segment_items
from deeplab.inference.manifest import Row, read_manifest
from deeplab.inference.output import mask_path
from deeplab.inference.output_lock import locked_output
from deeplab.inference.segmenter import Segmenter
from deeplab.reporter import SilentReporter, Stopped
from tests.configs import tiny_model
from tests.deeplab.inference.conftest import CLASS_NAMES, draw, tiny_segmenter
from tests.reporters import Recorder


def draw_difficult(folder: Path) -> tuple[list[str], list[str]]:
    """The readable and the unreadable files of a difficult folder."""
    good = ["a.jpg", "a.png", "deep/er/b 'quoted\" ü.png", "one.png", "grey.png", "palette.png", "deep.png", "rgba.png"]
    for seed, name in enumerate(good[:3]):
        draw(folder / name, seed=seed)
    draw(folder / "one.png", 1, 1)
    Image.new("L", (30, 20), 90).save(folder / "grey.png")
    Image.new("P", (30, 20), 3).save(folder / "palette.png")
    Image.fromarray(np.full((20, 30), 40000, np.uint16)).save(folder / "deep.png")
    Image.new("RGBA", (30, 20), (9, 9, 9, 128)).save(folder / "rgba.png")
    draw(folder / "half.jpg", 100, 100)
    (folder / "half.jpg").write_bytes((folder / "half.jpg").read_bytes()[:2000])
    (folder / "text.jpg").write_text("no image")
    (folder / "notes.txt").write_text("not looked at")
    return good, ["half.jpg", "text.jpg"]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_every_image_gets_a_mask_or_an_error(tmp_path: Path, segmenter: Segmenter, batch_size: int) -> None:
    good, bad = draw_difficult(tmp_path / "in")
    latin = os.fsdecode(b"caf\xe9.png")
    draw(tmp_path / "x.png").tofile(tmp_path / "ignored")
    (tmp_path / "x.png").rename(tmp_path / "in" / latin)
    good.append(latin)
    recorder = Recorder()
    summary = segment_folder(segmenter, tmp_path / "in", tmp_path / "out", recorder, batch_size=batch_size)

    rows = {row.path: row for row in read_manifest(tmp_path / "out" / "manifest.csv")}
    assert sorted(rows) == sorted(good + bad)
    for name in good:
        image, mask = read_image(tmp_path / "in" / name), read_mask(tmp_path / "out" / "masks" / f"{name}.png")
        assert (mask == segmenter.predict([image])[0]).mean() > 0.999
        assert (rows[name].height, rows[name].width, rows[name].status, rows[name].error) == (*mask.shape, "ok", "")
        assert sum(rows[name].pixels.values()) == mask.size
        assert rows[name].seconds > 0
    for name in bad:
        assert (rows[name].status, rows[name].width, rows[name].pixels) == ("error", None, {})
        assert rows[name].error.startswith(f"{tmp_path / 'in' / name}: ")
        assert not mask_path(tmp_path / "out", name).exists()
    assert (summary.n_ok, summary.n_error, summary.n_skipped) == (len(good), len(bad), 0)
    assert sum(summary.pixels.values()) == sum(sum(row.pixels.values()) for row in rows.values())
    n_images = len(good + bad)
    assert recorder.progressed == [(done, n_images, "image") for done in range(n_images + 1)]
    assert load_class_names(tmp_path / "out" / "labels.txt") == CLASS_NAMES
    assert not (tmp_path / "out" / "overlays").exists()


def test_a_run_fails_if_all_images_do(tmp_path: Path, segmenter: Segmenter) -> None:
    images, output = tmp_path / "in", tmp_path / "out"
    images.mkdir()
    (images / "a.png").write_text("no image")
    with pytest.raises(NothingSegmentedError, match=f"^{images / 'a.png'}: "):
        segment_folder(segmenter, images, output, SilentReporter())
    (images / "b.png").write_text("no image")
    sentence = f"^None of 2 files could be segmented; the first: {images / 'a.png'}: "
    with pytest.raises(NothingSegmentedError, match=sentence):
        segment_folder(segmenter, images, output, SilentReporter())
    assert [row.status for row in read_manifest(output / "manifest.csv")] == ["error", "error"]
    draw(images / "b.png")
    assert segment_folder(segmenter, images, output, SilentReporter()).n_error == 1
    assert segment_folder(segmenter, images, output, SilentReporter()).n_skipped == 1


def test_overlays_blend_image_and_palette(tmp_path: Path, segmenter: Segmenter) -> None:
    Image.new("RGB", (64, 48), (200, 100, 40)).save(tmp_path / "a.png")
    segment_folder(segmenter, tmp_path, tmp_path / "out", SilentReporter(), overlays=True)
    mask = read_mask(tmp_path / "out" / "masks" / "a.png.png")
    overlay = read_image(tmp_path / "out" / "overlays" / "a.png.jpg").astype(int)
    assert overlay.shape == (48, 64, 3)
    expected = palette()[mask] / 2 + np.array([100, 50, 20])
    assert np.abs(overlay.mean((0, 1)) - expected.mean((0, 1))).max() < 4


def test_a_stopped_run_continues_where_it_was(tmp_path: Path, segmenter: Segmenter) -> None:
    for number in range(8):
        draw(tmp_path / "in" / f"{number}.png", seed=number)
    with pytest.raises(Stopped, match=r"Stopped after \d of 8 images"):
        segment_folder(segmenter, tmp_path / "in", tmp_path / "out", Recorder(stop_after=1 + 3))
    first = read_manifest(tmp_path / "out" / "manifest.csv")
    assert 3 <= len(first) < 8
    times = {row.path: mask_path(tmp_path / "out", row.path).stat().st_mtime_ns for row in first}

    recorder = Recorder()
    summary = segment_folder(segmenter, tmp_path / "in", tmp_path / "out", recorder)
    assert (summary.n_ok, summary.n_skipped) == (8 - len(first), len(first))
    assert recorder.progressed[0] == (len(first), 8, "image")
    assert sum(summary.pixels.values()) == 8 * 20 * 30
    rows = read_manifest(tmp_path / "out" / "manifest.csv")
    assert sorted(row.path for row in rows) == [f"{number}.png" for number in range(8)]
    assert all(mask_path(tmp_path / "out", name).stat().st_mtime_ns == time for name, time in times.items())


def test_a_killed_run_continues_with_one_row_per_image(tmp_path: Path, segmenter: Segmenter) -> None:
    good, bad = draw_difficult(tmp_path / "in")
    segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    manifest = tmp_path / "out" / "manifest.csv"
    mask_path(tmp_path / "out", "one.png").unlink()  # a row whose mask is gone is done again
    with manifest.open("ab") as file:
        file.write(b'"deep/er')  # a row that was cut short
    draw(tmp_path / "in" / "half.jpg")  # an error that was fixed
    summary = segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    assert (summary.n_ok, summary.n_error, summary.n_skipped) == (2, 1, len(good) - 1)
    assert sorted(row.path for row in read_manifest(manifest)) == sorted(good + bad)
    assert mask_path(tmp_path / "out", "one.png").exists()


def test_overlays_that_are_missing_are_made_later(tmp_path: Path, segmenter: Segmenter) -> None:
    draw(tmp_path / "in" / "a.png")
    segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    summary = segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter(), overlays=True)
    assert (summary.n_ok, summary.n_skipped) == (1, 0)
    assert (tmp_path / "out" / "overlays" / "a.png.jpg").exists()


def test_results_of_other_settings_are_not_mixed(tmp_path: Path, segmenter: Segmenter) -> None:
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "other" / "a.png")
    output = tmp_path / "out"
    segment_folder(segmenter, tmp_path / "in", output, SilentReporter())
    with pytest.raises(OutputError, match="out: holds the results of a run with different weights; choose another"):
        segment_folder(tiny_segmenter(seed=1), tmp_path / "in", output, SilentReporter())
    with pytest.raises(OutputError, match="with different input and inference; choose another output folder"):
        segment_folder(tiny_segmenter(INFERENCE={"FLIP": True}), tmp_path / "other", output, SilentReporter())
    assert json.loads((output / "run.json").read_text())["input"] == str(tmp_path / "in")


@pytest.mark.parametrize(("key", "value"), [("STRIDE_IN", "3x3"), ("ATROUS_RATES", [1, 3])])
def test_the_same_weights_in_another_geometry_are_another_model(
    tmp_path: Path, segmenter: Segmenter, key: str, value: object
) -> None:
    draw(tmp_path / "in" / "a.png")
    other = tiny_segmenter(MODEL=tiny_model("DeepLabV2_ResNet50_MSC", **{key: value}))
    assert other.settings()["weights"] == segmenter.settings()["weights"]
    for number, (first, second) in enumerate(((segmenter, other), (other, segmenter))):
        output = tmp_path / str(number)
        segment_folder(first, tmp_path / "in", output, SilentReporter())
        with pytest.raises(OutputError, match=f"with different {key.lower()}; choose another output folder"):
            segment_folder(second, tmp_path / "in", output, SilentReporter())


def test_output_inside_the_input_is_not_taken_for_input(tmp_path: Path, segmenter: Segmenter) -> None:
    draw(tmp_path / "a.png")
    for _ in range(2):
        segment_folder(segmenter, tmp_path, tmp_path / "out", SilentReporter(), overlays=True)
    assert [row.path for row in read_manifest(tmp_path / "out" / "manifest.csv")] == ["a.png"]


def test_impossible_folders_are_refused(tmp_path: Path, segmenter: Segmenter) -> None:
    draw(tmp_path / "in" / "a.png")
    (tmp_path / "file").touch()
    (tmp_path / "foreign" / "masks").mkdir(parents=True)

    def run(input_dir: str, output_dir: str) -> None:
        segment_folder(segmenter, tmp_path / input_dir, tmp_path / output_dir, SilentReporter())

    with pytest.raises(OutputError, match="in: is the folder of the images; the masks need a folder of their own"):
        run("in", "in")
    with pytest.raises(OutputError, match="out: the folder cannot be created: Not a directory"):
        run("in", "file/out")
    with pytest.raises(OutputError, match=r"foreign: holds masks and more, perhaps, but no run\.json"):
        run("in", "foreign")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match="Too many levels of symbolic links"):
        run("in", "loop")
    with pytest.raises(DatasetError, match="gone: the folder does not exist"):
        run("gone", "out")
    with pytest.raises(DatasetError, match="foreign: the folder holds no image"):
        run("foreign", "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["labels.txt", "a.jpg", ".git", "masks"])
def test_a_folder_with_anything_of_somebody_else_is_left_alone(tmp_path: Path, segmenter: Segmenter, name: str) -> None:
    draw(tmp_path / "in" / "a.png")
    theirs = tmp_path / "out" / name
    write_text(theirs, "1\tmy-important-class\n")
    with pytest.raises(OutputError, match=rf"out: holds {re.escape(name)} and more, perhaps, but no run\.json"):
        segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
    assert theirs.read_text() == "1\tmy-important-class\n"


def test_a_folder_in_which_another_worker_begins_is_used(tmp_path: Path, segmenter: Segmenter) -> None:
    draw(tmp_path / "in" / "a.png")
    write_text(tmp_path / "out" / f".{'0' * 32}.tmp", "{")  # its run.json, on the way
    assert segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter()).n_ok == 1


def test_two_processes_do_not_fill_one_folder(tmp_path: Path, segmenter: Segmenter) -> None:
    draw(tmp_path / "in" / "a.png")
    segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    with (
        locked_output(tmp_path / "out", "job 5"),
        pytest.raises(OutputError, match=r"out: job 5 is filling this folder"),
    ):
        segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())


def test_a_folder_that_cannot_be_written_ends_the_run(tmp_path: Path, segmenter: Segmenter) -> None:
    draw(tmp_path / "in" / "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").mkdir()
    with pytest.raises(OutputError, match=r"run\.json: cannot be read: .*directory"):
        segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())


def test_a_name_that_leaves_no_room_for_the_suffix_is_a_row(tmp_path: Path, segmenter: Segmenter) -> None:
    long = "x" * 250 + ".png"
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / long)
    summary = segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    assert (summary.n_ok, summary.n_error) == (1, 1)
    (row,) = (row for row in read_manifest(tmp_path / "out" / "manifest.csv") if row.path == long)
    assert row.error.endswith("cannot be written: File name too long.")


def test_items_have_a_manifest_of_their_own(tmp_path: Path, segmenter: Segmenter) -> None:
    for number in range(4):
        draw(tmp_path / "in" / f"{number}.png", seed=number)
    manifest = tmp_path / "7" / "manifest.csv"

    def run(done: Sequence[Row]) -> tuple[int, int, int]:
        items = ["1.png", "2.png", "gone.png"]
        summary = segment_items(
            segmenter, tmp_path / "in", tmp_path / "out", items, manifest, SilentReporter(), done=done
        )
        rows = read_manifest(manifest)
        assert [row.path for row in rows] == items
        assert [row.status for row in rows] == ["ok", "ok", "error"]
        assert rows[2].error.endswith("gone.png: the file does not exist.")
        return summary.n_ok, summary.n_error, summary.n_skipped

    assert run(done=[]) == (2, 1, 0)
    first = read_manifest(manifest)
    assert run(done=first) == (0, 1, 2)
    mask_path(tmp_path / "out", "2.png").unlink()
    assert run(done=first) == (1, 1, 1)
    assert sorted(path.name for path in (tmp_path / "out" / "masks").iterdir()) == ["1.png.png", "2.png.png"]


@pytest.mark.parametrize("inference", [{}, {"MODE": "slide", "WINDOW": 32}])
def test_masks_are_the_labels_that_test_scores(tmp_path: Path, inference: dict[str, object]) -> None:
    """Of images larger and smaller than IMAGE.SIZE.TEST, 64."""
    segmenter = tiny_segmenter(INFERENCE=inference)
    images = {"a.png": draw(tmp_path / "in" / "a.png", 90, 150), "b.png": draw(tmp_path / "in" / "b.png", 40, 20)}
    segment_folder(segmenter, tmp_path / "in", tmp_path / "out", SilentReporter())
    for name, image in images.items():
        scored = segmenter.predictions([image])[0].labels().numpy()
        assert np.array_equal(read_mask(mask_path(tmp_path / "out", name)), scored)
