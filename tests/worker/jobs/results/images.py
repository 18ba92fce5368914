"""Results of images, made up."""

from deeplab.scores.image_scores import Cell, Certainty, ImageScores
from worker.jobs.results.record import ImageResult


def segmented(path: str, pixels: dict[int, int], seconds: float = 0.5) -> ImageResult:
    return ImageResult(path, 10, 10, "ok", "", seconds, pixels)


def broken(path: str) -> ImageResult:
    return ImageResult(path, None, None, "error", "The file is cut short.", 0.1, {})


def evaluated(path: str, *cells: tuple[int, int, int], confidence: float = 0.9) -> ImageResult:
    """One whose (true, predicted, pixels) are given; all of its pixels are labelled."""
    pixels: dict[int, int] = {}
    for _, predicted, n in cells:
        pixels[predicted] = pixels.get(predicted, 0) + n
    certainty = Certainty(confidence, dict.fromkeys(pixels, confidence), 0.5, {cell[0]: 0.25 for cell in cells})
    return ImageResult.of_scores(
        ImageScores(path, 10, 10, 0.5, pixels, [Cell(*cell) for cell in cells], certainty),
    )
