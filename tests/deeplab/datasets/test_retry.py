import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets.retry import read_patiently
from deeplab.errors import ImageError
from deeplab.images.files import read_image


def failing(*errors: Exception) -> Callable[[], str]:
    """A function that raises each of some errors once, as the cause of an ImageError, and then succeeds."""
    left = list(errors)

    def read() -> str:
        if left:
            raise ImageError("a.jpg: cannot be read.") from left.pop(0)
        return "pixels"

    return read


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN])
def test_what_passes_is_tried_again(number: int) -> None:
    error = OSError(number, "text")
    assert read_patiently(failing(error, error), pauses=(0, 0)) == "pixels"
    with pytest.raises(ImageError):
        read_patiently(failing(error, error, error), pauses=(0, 0))


@pytest.mark.parametrize(
    "cause",
    [
        OSError("image file is truncated"),
        FileNotFoundError(errno.ENOENT, "text"),
        PermissionError(errno.EACCES, "text"),
    ],
)
def test_what_does_not_pass_counts_at_once(cause: Exception) -> None:
    with pytest.raises(ImageError):
        read_patiently(failing(cause), pauses=(0, 0))


def test_a_disk_that_fails_below_the_decoder_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "a.png")
    decode, fails = Image.open, [True, True]

    def open_on_a_poor_network(*arguments: Any, **options: Any) -> Image.Image:
        if fails and fails.pop():
            raise OSError(errno.ESTALE, "Stale file handle")
        return decode(*arguments, **options)

    monkeypatch.setattr(Image, "open", open_on_a_poor_network)
    assert read_patiently(lambda: read_image(tmp_path / "a.png"), pauses=(0, 0)).shape == (2, 2, 3)
