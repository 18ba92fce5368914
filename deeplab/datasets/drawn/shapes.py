"""Scenes of textured shapes, and their label maps. Torch-free."""

from collections.abc import Callable
from colorsys import hsv_to_rgb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

CLASS_NAMES = ("background", "circle", "square", "triangle", "star", "cross")

Floats = NDArray[np.float64]
_OVERSAMPLING = 4  # shapes are drawn so many times larger, then averaged


class Scene(NamedTuple):
    """A drawing and its ground truth."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    label_map: NDArray[np.uint8]  # (H, W) indices into CLASS_NAMES


def draw_scene(width: int, height: int, unit: int, rng: np.random.Generator) -> Scene:
    """Draw shapes of all kinds on a cluttered background.

    Args:
        width: of the scene, pixels.
        height: of the scene, pixels.
        unit: shapes have diameters of a quarter to a half of it, pixels.
        rng: the only source of randomness.
    """
    canvas = _background(width, height, unit, rng)
    label_map = np.zeros((height, width), np.uint8)
    for x, y, radius in _places(width, height, unit, rng):
        kind = int(rng.integers(1, len(CLASS_NAMES)))
        angle = rng.uniform(0, 2 * np.pi)
        coverage = _coverage(_outline(kind, angle) * radius + (x, y), width, height)
        shadow = _coverage(_outline(kind, angle) * radius + (x + 0.1 * radius, y + 0.15 * radius), width, height)
        canvas *= 1 - 0.35 * shadow[..., None]
        rows, columns = np.mgrid[:height, :width]
        fill = _fill(kind, (columns - x) / radius, (rows - y) / radius, angle, rng)
        canvas += coverage[..., None] * (fill - canvas)
        label_map[coverage >= 0.5] = kind
    grain = rng.normal(0, 5, canvas.shape)
    return Scene(np.clip(np.rint(canvas + grain), 0, 255).astype(np.uint8), label_map)


def _places(width: int, height: int, unit: int, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Choose centres and radii of shapes that hardly touch, some of them cut by the border."""
    places: list[tuple[float, float, float]] = []
    for _ in range(round(9 * width * height / unit**2)):
        x, y, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.13, 0.25) * unit
        if all(np.hypot(x - other_x, y - other_y) > 0.95 * (radius + other) for other_x, other_y, other in places):
            places.append((x, y, radius))
    return places


def _outline(kind: int, angle: float) -> Floats:
    """Corners of a shape around the origin, (n, 2), within the unit circle."""
    match CLASS_NAMES[kind]:
        case "circle":
            polar = np.ones(64)
        case "square":
            polar = np.ones(4)
        case "triangle":
            polar = np.ones(3)
        case "star":
            polar = np.tile([1.0, 0.45], 5)
        case _:  # a cross: two corners at the end of each arm, and one between the arms
            return _rotated(np.array([(1, 0.3), (0.3, 0.3), (0.3, 1)]), angle)
    turn = angle + np.arange(len(polar)) * 2 * np.pi / len(polar)
    outline: Floats = polar[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return outline


def _rotated(corners: Floats, angle: float) -> Floats:
    """Four copies of the corners, each rotated by another quarter turn."""
    turns = angle + np.arange(4) * np.pi / 2
    x, y = corners.T * 0.95
    return np.concatenate([np.stack([x * np.cos(t) - y * np.sin(t), x * np.sin(t) + y * np.cos(t)], 1) for t in turns])


def _coverage(corners: Floats, width: int, height: int) -> Floats:
    """Compute how much of each pixel a polygon covers, (height, width) in 0..1."""
    large = Image.new("L", (width * _OVERSAMPLING, height * _OVERSAMPLING))
    ImageDraw.Draw(large).polygon([(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in corners.tolist()], fill=255)
    return np.asarray(large.reduce(_OVERSAMPLING), np.float64) / 255


def _fill(kind: int, x: Floats, y: Floats, angle: float, rng: np.random.Generator) -> Floats:
    """Draw the two-coloured texture of a kind of shape, lit from above, (H, W, 3); x and y are in radii."""
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    pattern = _TEXTURES[CLASS_NAMES[kind]](u, v) * 0.5 + 0.5
    hue = (kind - 1) / 5 + rng.normal(0, 0.05)  # kinds usually differ in colour, but similar ones overlap
    light, dark = _colour(hue, 0.55, 0.98), _colour(hue + rng.uniform(-0.08, 0.08), 0.9, 0.55)
    return (dark + pattern[..., None] * (light - dark)) * np.clip(1.05 - 0.2 * y, 0.8, 1.15)[..., None]


_TEXTURES: dict[str, Callable[[Floats, Floats], Floats]] = {  # -1..1 at positions within the unit circle
    "circle": lambda u, v: np.sin(np.hypot(u, v) * 19),  # rings
    "square": lambda u, v: np.tanh(6 * np.sin(u * 11) * np.sin(v * 11)),  # chequers
    "triangle": lambda u, v: np.tanh(4 * np.sin(v * 14)),  # stripes
    "star": lambda u, v: np.tanh(6 * (np.cos(u * 17) + np.cos(v * 17) - 0.6)),  # dots
    "cross": lambda u, v: np.clip(1.4 * u, -1, 1),  # a slope
}


def _background(width: int, height: int, unit: int, rng: np.random.Generator) -> Floats:
    """Soft clouds of two muted colours with scribbles and confetti, (height, width, 3)."""
    hue = rng.uniform()
    first, second = _colour(hue, 0.25, rng.uniform(0.35, 0.9)), _colour(hue + 0.2, 0.3, rng.uniform(0.35, 0.9))
    coarse = Image.fromarray(rng.uniform(0, 1, (4, 5)).astype(np.float32))
    clouds = np.clip(np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float64), 0, 1)
    canvas = Image.fromarray((first + clouds[..., None] * (second - first)).astype(np.uint8))
    canvas = canvas.resize((2 * width, 2 * height))  # drawn twice as large, then averaged
    for _ in range(round(14 * width * height / unit**2)):
        _scribble(ImageDraw.Draw(canvas), rng.uniform(0, 2 * width), rng.uniform(0, 2 * height), 2 * unit, rng)
    return np.asarray(canvas.reduce(2), np.float64)


def _scribble(pen: ImageDraw.ImageDraw, x: float, y: float, unit: int, rng: np.random.Generator) -> None:
    """Draw a line, an arc or a small polygon, which belongs to no class."""
    colour = tuple(int(part) for part in _colour(rng.uniform(), 0.35, rng.uniform(0.3, 0.95)))
    reach = rng.uniform(0.02, 0.06) * unit
    match int(rng.integers(3)):
        case 0:
            right, down = rng.uniform(-0.3, 0.3, 2) * unit
            pen.line((x, y, x + right, y + down), colour, width=int(rng.integers(1, 4)))
        case 1:
            start, end = rng.uniform(0, 360, 2)
            pen.arc((x - 5 * reach, y - 3 * reach, x + 5 * reach, y + 3 * reach), start, end, colour, width=2)
        case _:
            pen.regular_polygon((x, y, reach), int(rng.integers(3, 7)), rng.uniform(0, 360), colour)


def _colour(hue: float, saturation: float, value: float) -> Floats:
    """RGB in 0..255; the hue is a fraction of the colour circle."""
    return np.array(hsv_to_rgb(hue % 1, saturation, value)) * 255
