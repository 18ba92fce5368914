"""What a job leaves of one image: the record that becomes rows of the result tables."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from deeplab.inference.manifest import Row
from deeplab.scores.image_scores import Certainty, ImageScores


@dataclass(frozen=True)
class ImageResult:
    """One image, or video, of a segment, evaluate or crf job."""

    path: str  # of the image in the input folder, or its id in the split; may contain surrogate escapes
    width: int | None  # pixels; None if the image could not be decoded
    height: int | None
    status: Literal["ok", "error"]
    error: str  # one sentence; empty for "ok"
    seconds: float  # of work on this image
    pixels: Mapping[int, int]  # by class of the label map; of a video by class of all frames
    frames: int | None = None  # of a video; None: an image
    certainty: Certainty | None = None
    scores: ImageScores | None = None  # of an evaluated image

    @classmethod
    def of_row(cls, row: Row) -> Self:
        """The record of a row of a manifest."""
        return cls(**vars(row))

    @classmethod
    def of_scores(cls, scores: ImageScores) -> Self:
        """The record of an evaluated image."""
        return cls(
            path=scores.id,
            width=scores.width,
            height=scores.height,
            status="ok",
            error="",
            seconds=scores.seconds,
            pixels=scores.pixels,
            certainty=scores.certainty,
            scores=scores,
        )


def item_key(path: str) -> str:
    """The key that stands for an image in addresses, whatever bytes its path has: 16 hexadecimal digits."""
    return hashlib.blake2s(os.fsencode(path), digest_size=8).hexdigest()
