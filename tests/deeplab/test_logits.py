from pathlib import Path

import numpy as np
import pytest

from deeplab.errors import DatasetError, OutputError
from deeplab.logits import load_probs, save_logits


def test_float32_are_the_very_numbers(tmp_path: Path) -> None:
    logits = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    save_logits(tmp_path / "city" / "a.npy", logits)
    written = np.load(tmp_path / "city" / "a.npy")
    assert written.dtype == np.float32
    assert np.array_equal(written, logits)


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6, 1e30])
def test_float16_means_the_same_however_large(tmp_path: Path, scale: float) -> None:
    rng = np.random.default_rng(1)
    close = rng.normal(scale=3, size=(5, 6, 7)).astype(np.float32)  # classes that compete ...
    hopeless = np.full((2, 6, 7), -scale, np.float32)  # ... and classes that do not
    common = np.float32(min(scale, 1e3)) * rng.normal(size=(6, 7)).astype(np.float32)
    logits = np.concatenate([close + common, hopeless + common])
    save_logits(tmp_path / "float16.npy", logits, "float16")
    save_logits(tmp_path / "float32.npy", logits)
    written = np.load(tmp_path / "float16.npy")
    assert written.dtype == np.float16
    assert np.isfinite(written).all()
    got, expected = (load_probs(tmp_path / f"{dtype}.npy", 7, 37, 50) for dtype in ("float16", "float32"))
    np.testing.assert_allclose(got, expected, atol=5e-3)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "city").touch()
    with pytest.raises(OutputError, match="city: the folder cannot be created"):
        save_logits(tmp_path / "city" / "a.npy", np.zeros((2, 1, 1), np.float32))


def test_logits_that_are_no_numbers_name_the_remedy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((2, 3, 4), np.nan, np.float32))
    with pytest.raises(DatasetError, match=r"a\.npy: the logits hold NaN or infinity; .* bf16 or fp32"):
        load_probs(tmp_path / "a.npy", 2, 3, 4)


def test_logits_larger_than_their_image_are_refused_before_they_are_read(tmp_path: Path) -> None:
    """A header that claims terabytes, and a file of holes that really has so many bytes."""
    path = tmp_path / "a.npy"
    header = np.lib.format.header_data_from_array_1_0(np.zeros((2, 1, 1), np.float32))
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header | {"shape": (2, 1_000_000, 1_000_000)})
    with pytest.raises(DatasetError, match=r"a\.npy: the logits cannot be read"):
        load_probs(path, 2, 10, 10)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header | {"shape": (2, 500_000, 500_000)})
        file.truncate(file.tell() + 2 * 500_000 * 500_000 * 4)
    with pytest.raises(
        DatasetError, match=r"a\.npy: logits of shape \(2, 500000, 500000\) are larger than their image"
    ):
        load_probs(path, 2, 10, 10)


def test_an_archive_of_arrays_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, a=np.zeros((2, 1, 1)))
    with pytest.raises(DatasetError, match=r"a\.npy: is an archive of arrays"):
        load_probs(tmp_path / "a.npy", 2, 10, 10)
