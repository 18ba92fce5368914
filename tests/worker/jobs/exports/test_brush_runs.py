"""Run lengths of every size come back."""

import numpy as np
import pytest

from tests.worker.jobs.exports.rle_pack import unpack
from worker.jobs.exports.brush_runs import pack


def test_an_example_by_hand() -> None:
    """Two pixels, the first one painted: eight words of two runs."""
    header = f"{8:032b}" + f"{7:05b}" + "0010" + "0011" + "0111" + "1111"
    runs = "1" + "00" + "011" + "11111111" + "1" + "00" + "011" + "00000000"
    bits = header + runs
    expected = [int((bits + "0" * 7)[at : at + 8], 2) for at in range(0, len(bits), 8)]
    assert pack(np.array([[True, False]])) == expected


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 63, 64, 65, 16383, 16384, 16385, 32768, 32769, 100_000])
def test_runs_of_every_length(n: int) -> None:
    inside = np.array([False] + [True] * n + [False] * 3)[None]
    assert unpack(pack(inside)) == np.where(inside.ravel().repeat(4), 255, 0).tolist()


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_noise(share: float) -> None:
    inside = np.random.default_rng(0).random((41, 23)) < share
    assert unpack(pack(inside)) == np.where(inside.ravel().repeat(4), 255, 0).tolist()
