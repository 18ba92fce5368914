"""The viewer's canvas in a browser: opened close to an image, and read pixel by pixel."""

from collections.abc import Sequence

from playwright.sync_api import Page, expect

from tests.processes import wait_until
from tests.web.viewed import Viewed

GROUND, DISC, BAR = (0x5A, 0x8C, 0x46), (0xCD, 0x46, 0x3C), (0, 128, 0)  # as labels.txt says, and as in masks
RIGHT, WRONG, IGNORED = (0x00, 0x9E, 0x73), (0xD5, 0x5E, 0x00), (0x9A, 0xA0, 0xA6)
CLOSE = "zoom=8&x=32&y=24&opacity=100"  # every pixel of the image is a square, the image in the middle
READ = """async ([points, zoom, x, y, left, width]) => {
  const canvas = document.getElementById("canvas");
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const ratio = canvas.width / canvas.clientWidth;
  return points.map(([column, row]) => {
    const across = (left + width / 2) * canvas.clientWidth + (column + 0.5 - x) * zoom;
    const down = canvas.clientHeight / 2 + (row + 0.5 - y) * zoom;
    return [...copy.getImageData(Math.floor(across * ratio), Math.floor(down * ratio), 1, 1).data.slice(0, 3)];
  });
}"""

Point = tuple[int, int]  # column and row in the image
Colour = tuple[int, int, int]


def read(page: Page, points: Sequence[Point], pane: tuple[float, float] = (0, 1), zoom: float = 8) -> list[Colour]:
    """What is drawn where pixels of the image lie, in the close view; `pane` is its left and width of the canvas."""
    return [tuple(each) for each in page.evaluate(READ, [points, zoom, 32, 24, *pane])]


def shows(page: Page, expected: dict[Point, Colour], pane: tuple[float, float] = (0, 1), zoom: float = 8) -> None:
    """Wait until pixels have their colours."""
    wait_until(lambda: read(page, list(expected), pane, zoom) == list(expected.values()), 30)


def points_of(viewed: Viewed) -> dict[str, Point]:
    """Some pixels of image 0: of each class, right and wrong, ignored."""
    labels, truth = viewed.labels["0"], viewed.truths["0"]

    def first(where: object) -> Point:
        row, column = next((r, c) for r in range(10, 40) for c in range(4, 60) if where[r, c])  # type: ignore[index]
        return column, row

    return {
        "ground": first((labels == 0) & (truth == 0)),
        "disc": first((labels == 1) & (truth == 1)),
        "bar": first((labels == 2) & (truth == 2)),
        "wrong": first((labels == 0) & (truth == 1)),
        "ignored": (30, 0),
    }


def address_of(page: Page) -> str:
    """The address as it is now."""
    return str(page.evaluate("location.href"))


def open_image(page: Page, viewed: Viewed, view: str = "", query: str = "", image_id: str = "0") -> None:
    page.goto(f"{viewed.address(image_id, query)}#{CLOSE}&{view}")
    expect(page.locator("#zoom")).to_have_text("800 %")
