import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from deeplab.datasets.layouts.cocostuff import MatFile, list_cocostuff164k
from deeplab.errors import DatasetError


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float64])
def test_labels_are_shifted_by_one_and_unlabelled_is_255(tmp_path: Path, dtype: type) -> None:
    savemat(tmp_path / "a.mat", {"S": np.array([[0, 1, 182], [2, 0, 5]], dtype), "captions": "a cat"})
    labels = MatFile(tmp_path / "a.mat").read()
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[255, 0, 181], [1, 255, 4]]


def test_compressed_files_are_read(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"S": np.ones((3, 4), np.uint8)}, do_compression=True)
    assert MatFile(tmp_path / "a.mat").read().tolist() == [[0] * 4] * 3


def test_file_without_s_is_named_with_what_it_holds(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"captions": "a cat", "regionMapStuff": np.ones((2, 2))})
    with pytest.raises(DatasetError) as caught:
        MatFile(tmp_path / "a.mat").read()
    assert str(caught.value) == (
        f"{tmp_path}/a.mat: has no variable S, the label map; it holds captions, regionMapStuff."
    )


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (np.array([[-1, 3]]), r"S holds numbers from -1 to 3; expected whole numbers from 0 \(unlabelled\) to 255\.$"),
        (np.array([[0, 256]]), "S holds numbers from 0 to 256; expected"),
        (np.array([[0.5, 3]]), r"S holds numbers from 0\.5 to 3\.0; expected"),
        (np.array([[np.nan, 3]]), "S holds numbers from nan to nan; expected"),
        (np.ones((2, 2, 3)), r"S is an array of shape \(2, 2, 3\) and type float64; expected a matrix"),
        (np.array([["cat"]]), r"S is an array of shape \(1, 1\) and type <U3; expected a matrix"),
    ],
)
def test_s_that_is_not_a_label_map_is_refused(tmp_path: Path, labels: NDArray[np.generic], reason: str) -> None:
    savemat(tmp_path / "a.mat", {"S": labels})
    with pytest.raises(DatasetError, match=rf"a\.mat: {reason}"):
        MatFile(tmp_path / "a.mat").read()


def test_files_that_are_not_matlab_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"S": np.ones((50, 50))})
    whole = path.read_bytes()
    for content in (b"", b"no matlab file", whole[:200], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=r"a\.mat: cannot be read as a MATLAB file: \S") as caught:
            MatFile(path).read()
        assert "\n" not in str(caught.value)


def test_matlab_73_files_are_refused(tmp_path: Path) -> None:
    header = b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + b"\x00\x02IM"
    (tmp_path / "a.mat").write_bytes(header + bytes(400))
    with pytest.raises(DatasetError, match=r"is a MATLAB 7\.3 file; expected one saved with -v7\.$"):
        MatFile(tmp_path / "a.mat").read()


def test_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "images/val2017").mkdir(parents=True)
    with pytest.raises(
        DatasetError, match=r"images/val2017: the folder holds no image; expected files ending in \.jpg"
    ):
        list_cocostuff164k(tmp_path, "val2017")


def test_a_file_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """A megabyte that unpacks to a gigabyte, whatever size its matrix is said to have."""
    path = tmp_path / "a.mat"
    savemat(path, {"S": np.zeros((2, 2), np.uint8)})
    pack = zlib.compressobj(9)
    packed = b"".join(pack.compress(bytes(2**20)) for _ in range(1024)) + pack.flush()
    path.write_bytes(path.read_bytes()[:128] + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(DatasetError, match=r"a\.mat: .*unpack to more than the 536,870,912 bytes that belong there"):
        MatFile(path).read()
