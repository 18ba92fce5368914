import numpy as np
import pytest

from deeplab.config import parse_config
from deeplab.crf.build import build_crf, view_of
from deeplab.densecrf import CrfError
from deeplab.schema import Crf


def test_the_section_becomes_the_parameters() -> None:
    config = parse_config({"DATASET": {"N_CLASSES": 2}, "CRF": {"BI_XY_STD": 80, "BACKEND": "numba"}}, "test")
    crf = build_crf(config.CRF)
    assert crf.backend == "numba"
    assert crf.parameters.bi_xy_std == 80


def test_an_unavailable_backend_is_named() -> None:
    with pytest.raises(CrfError, match="n_threads must be a whole number"):
        build_crf(Crf(BACKEND="numba"), n_threads=0)


def test_follows_the_edge_of_the_image() -> None:
    image = np.zeros((30, 40, 3), np.uint8)
    image[:, 20:] = 255
    probs = np.full((2, 30, 40), 0.5, np.float32)
    probs[1, :, 23:], probs[0, :, :17] = 0.9, 0.9  # six columns about the edge are undecided
    probs[0, :, 23:], probs[1, :, :17] = 0.1, 0.1
    labels = build_crf(Crf()).labels(image, probs)
    assert np.array_equal(labels, np.repeat([[0] * 20 + [1] * 20], 30, axis=0))


def test_the_image_that_the_original_s_crf_sees() -> None:
    keys = {"DATASET": {"N_CLASSES": 2}, "IMAGE": {"MEAN": {"R": 100.25, "G": 0.0, "B": 3.75}}}
    image = np.array([[[100, 0, 255], [101, 7, 3], [0, 255, 0]]], np.uint8)  # RGB
    as_it_is = view_of(parse_config(keys, "test"))(image)
    original = view_of(parse_config(keys, "test", ["CRF.IMAGE=original"]))(image)
    assert as_it_is.tolist() == [[[255, 0, 100], [3, 7, 101], [0, 255, 0]]]  # BGR
    assert original.tolist() == [[[251, 0, 0], [0, 7, 0], [253, 255, 156]]]
    assert original.dtype == np.uint8
    assert original.flags.c_contiguous
