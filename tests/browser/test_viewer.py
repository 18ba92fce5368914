"""The viewer: what is on its canvas, pixel by pixel."""

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.processes import wait_until
from tests.web.population import Population
from tests.web.viewed import Viewed, make_viewed

pytestmark = pytest.mark.browser

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


@pytest.fixture(scope="module")
def viewed(population: Population) -> Viewed:
    return make_viewed(population)


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


def as_png(values: NDArray[np.uint8], line_filter: int) -> bytes:
    """A grey PNG whose lines all have one filter."""
    padded = np.pad(values.astype(int), ((1, 0), (1, 0)))
    left, above, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    distances = np.abs(np.stack([above - corner, left - corner, left + above - 2 * corner]))
    paeth = np.choose(distances.argmin(axis=0), [left, above, corner])
    guess = [np.zeros_like(left), left, above, (left + above) // 2, paeth][line_filter]
    lines = np.pad((values - guess).astype(np.uint8), ((0, 0), (1, 0)), constant_values=line_filter)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.parametrize("line_filter", range(5))
def test_label_maps_are_decoded_exactly(page: Page, viewed: Viewed, line_filter: int) -> None:
    values = np.random.default_rng(0).integers(0, 256, (37, 23), np.uint8)
    content = as_png(values, line_filter)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), values)
    page.goto(viewed.address("0"))
    decoded = page.evaluate(
        """async (bytes) => {
          const { decodeGreyPng } = await import("/static/viewer/png.js");
          const { width, height, values } = await decodeGreyPng(new Uint8Array(bytes).buffer);
          return [width, height, [...values]];
        }""",
        list(content),
    )
    assert decoded == [23, 37, values.ravel().tolist()]


def test_a_prediction_is_painted_in_the_colours_of_its_classes(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed)
    at = points_of(viewed)
    shows(page, {at["ground"]: GROUND, at["disc"]: DISC, at["bar"]: BAR, at["wrong"]: GROUND})


def test_every_layer_is_a_button_and_a_digit(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed)
    at = points_of(viewed)
    ignored = (224, 224, 192)
    shown: dict[str, dict[Point, Colour]] = {
        "Ground truth": {at["wrong"]: DISC, at["ground"]: GROUND, at["ignored"]: ignored},
        "Errors": {at["wrong"]: WRONG, at["disc"]: RIGHT, at["ignored"]: IGNORED},
        "Prediction": {at["wrong"]: GROUND},
    }
    for name, colours in shown.items():
        page.get_by_role("button", name=name, exact=False).first.click()
        shows(page, colours)
    page.evaluate("document.activeElement.blur()")
    for key, name in (("3", "Ground truth"), ("4", "Errors"), ("2", "Prediction")):
        page.keyboard.press(key)
        shows(page, shown[name])
    page.keyboard.press("1")
    wait_until(lambda: read(page, [at["ground"]])[0] != GROUND, 30)


def test_a_refined_label_map_is_a_layer(page: Page, viewed: Viewed) -> None:
    row, column = next(
        (r, c)
        for r in range(10, 40)
        for c in range(4, 60)
        if viewed.refinements["0"][r, c] == 1 and viewed.labels["0"][r, c] == 0
    )
    open_image(page, viewed, "left=crf")
    shows(page, {(column, row): DISC})


def test_confidence_is_a_ramp_of_colours(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed, "left=confidence")
    at = points_of(viewed)
    wait_until(lambda: len(set(read(page, [at["ground"], at["disc"], at["bar"]]))) == 3, 30)
    expect(page.locator("#key-confidence")).to_be_visible()


def test_opacity_blends_the_layer_with_the_image(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed)
    at = points_of(viewed)
    shows(page, {at["disc"]: DISC})
    page.keyboard.press("1")
    wait_until(lambda: read(page, [at["ground"]])[0] != GROUND, 30)
    image = read(page, [at["disc"]])[0]
    page.keyboard.press("2")
    page.get_by_label("Mask opacity").fill("50")
    expected = [round((a + b) / 2) for a, b in zip(DISC, image, strict=True)]
    wait_until(lambda: max(abs(a - b) for a, b in zip(read(page, [at["disc"]])[0], expected, strict=True)) <= 2, 30)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("h")
    shows(page, {at["disc"]: image})


def test_the_swipe_parts_two_layers(page: Page, viewed: Viewed) -> None:
    at = points_of(viewed)["wrong"]
    for place, expected in ((0.99, GROUND), (0.01, DISC)):
        open_image(page, viewed, f"mode=swipe&left=a&right=truth&at={place}")
        page.reload()
        shows(page, {at: expected})
    divider = page.get_by_role("slider", name="Border between both layers")
    divider.focus()
    page.keyboard.press("End")
    shows(page, {at: GROUND})
    expect(divider).to_have_attribute("aria-valuenow", "100")
    page.keyboard.press("Home")
    shows(page, {at: DISC})
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "2")
    expect(page.get_by_role("heading", level=1)).to_have_text("0")  # still the same image


def test_the_border_of_the_swipe_can_be_dragged(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed, "mode=swipe&left=a&right=truth")
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=4)
    page.mouse.up()
    expect(page.locator("#divider")).to_have_attribute("aria-valuenow", "75")


def test_side_by_side_both_halves_show_the_same_place(page: Page, viewed: Viewed) -> None:
    at = points_of(viewed)["wrong"]
    open_image(page, viewed, "mode=side&left=a&right=truth")
    shows(page, {at: GROUND}, pane=(0, 0.5))
    shows(page, {at: DISC}, pane=(0.5, 0.5))
    page.keyboard.press("d")
    shows(page, {at: GROUND})


def test_classes_are_hidden_and_isolated(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed, "left=a")
    at = points_of(viewed)
    shows(page, {at["disc"]: DISC, at["bar"]: BAR})
    page.get_by_role("button", name="Show disc").click()
    wait_until(lambda: read(page, [at["disc"]])[0] != DISC, 30)
    shows(page, {at["bar"]: BAR})
    page.get_by_role("button", name="disc", exact=True).click()
    shows(page, {at["disc"]: DISC})
    wait_until(lambda: DISC not in read(page, [at["bar"], at["ground"]]), 30)
    assert BAR not in read(page, [at["bar"]])
    expect(page.get_by_role("button", name="disc", exact=True)).to_have_attribute("aria-pressed", "true")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("a")
    shows(page, {at["disc"]: DISC, at["bar"]: BAR, at["ground"]: GROUND})


def test_an_isolated_class_shows_its_own_errors_alone(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed, "left=errors-a&off=0,2,255")
    at = points_of(viewed)
    shows(page, {at["disc"]: RIGHT, at["wrong"]: WRONG})
    assert RIGHT not in read(page, [at["bar"], at["ground"]])


def test_distinct_colours_are_used_everywhere_and_remembered(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed)
    at = points_of(viewed)
    shows(page, {at["bar"]: BAR})
    page.get_by_role("button", name="Distinct colours").click()
    wait_until(lambda: read(page, [at["bar"]])[0] != BAR, 30)
    colour = "#" + bytes(read(page, [at["bar"]])[0]).hex()
    expect(page.locator('[data-class="2"] svg.swatch')).to_have_attribute("color", colour)
    page.goto(viewed.address("1"))
    expect(page.locator('[data-class="2"] svg.swatch')).to_have_attribute("color", colour)


def test_what_is_under_the_pointer_is_written_and_said_on_demand(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed)
    column, row = points_of(viewed)["wrong"]
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    page.mouse.move(
        box["x"] + box["width"] / 2 + (column + 0.5 - 32) * 8, box["y"] + box["height"] / 2 + (row + 0.5 - 24) * 8
    )
    readout = page.locator("#readout")
    expect(readout).to_contain_text(f"{column}, {row}")
    expect(readout).to_contain_text("Prediction ground")
    expect(readout).to_contain_text("Ground truth disc")
    expect(readout).to_contain_text("Confidence 0.78")
    said = page.locator("#said")
    expect(said).to_have_text("")
    page.keyboard.press("i")
    expect(said).to_contain_text(f"Column {column}, row {row}. Prediction: ground. Ground truth: disc.")


def test_wheel_and_keys_zoom_at_the_pointer(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed)
    at = points_of(viewed)
    shows(page, {at["disc"]: DISC})
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # on (32, 24), which must stay there
    page.mouse.wheel(0, -462.1)
    expect(page.locator("#zoom")).to_have_text("1600 %")
    page.mouse.move(0, 0)
    shows(page, {at["disc"]: DISC, at["bar"]: BAR}, zoom=16)
    for key, zoom in (("z", "100 %"), ("+", "140 %"), ("-", "100 %")):
        page.keyboard.press(key)
        expect(page.locator("#zoom")).to_have_text(zoom)
    page.keyboard.press("f")
    expect(page.locator("#zoom")).not_to_have_text("100 %")


def test_dragging_moves_the_image(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed)
    column, row = points_of(viewed)["disc"]
    shows(page, {(column, row): DISC})
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 16, steps=4)
    page.mouse.up()
    page.mouse.move(0, 0)
    shows(page, {(column + 5, row + 2): DISC})
    page.keyboard.press("Shift+ArrowRight")  # 80 pixels, 10 of the image
    shows(page, {(column - 5, row + 2): DISC})


def test_the_address_opens_the_same_view_again(page: Page, viewed: Viewed) -> None:
    page.goto(viewed.address("0"))
    for key in ("s", "4", "Shift+Digit3", "z", "+", "["):
        page.keyboard.press(key)
    page.get_by_role("button", name="Show bar").click()
    expect(page.locator("#zoom")).to_have_text("140 %")
    parts = ("mode=swipe", "left=errors-a", "opacity=50", "off=2", "at=0.5", "zoom=1.4", "x=32", "y=24")
    wait_until(lambda: all(each in address_of(page) for each in parts), 30)
    page.goto("about:blank")
    page.goto(f"{viewed.address('0')}#mode=swipe&left=errors-a&right=truth&opacity=50&at=0.5&off=2&zoom=1.4&x=32&y=24")
    expect(page.locator("#zoom")).to_have_text("140 %")
    expect(page.locator("#divider")).to_be_visible()
    expect(page.locator(".stage-title-left")).to_have_text("Errors")
    expect(page.locator(".stage-title-right")).to_have_text("Ground truth")
    expect(page.locator('[data-class="2"] [data-switch]')).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_label("Mask opacity")).to_have_value("50")


def test_a_senseless_address_shows_the_usual_view(page: Page, viewed: Viewed) -> None:
    page.goto(f"{viewed.address('0')}#mode=x&left=none&zoom=-3&x=a&off=b,,7&at=9&opacity=999&colours=red")
    expect(page.locator(".stage-title-left")).to_have_text("Prediction")
    expect(page.get_by_label("Mask opacity")).to_have_value("100")


def test_the_next_image_keeps_the_layers(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed)
    page.keyboard.press("4")
    wait_until(lambda: "left=errors-a" in (page.get_by_role("link", name="Next").get_attribute("href") or ""), 30)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", level=1)).to_have_text("1")
    expect(page.locator(".stage-title-left")).to_have_text("Errors")
    expect(page.locator("#zoom")).not_to_have_text("800 %")  # but not the place


def test_a_list_of_keys_opens_and_closes_without_leaving(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog")
    expect(keys.get_by_role("row")).to_have_count(15)
    page.keyboard.press("ArrowRight")  # does nothing behind the list
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text("0")
    page.keyboard.press("?")
    keys.get_by_label("Letters and digits are keys").uncheck()
    keys.get_by_role("button", name="Close").click()
    page.keyboard.press("s")
    expect(page.locator("#divider")).to_be_hidden()


def test_a_job_to_compare_with_is_chosen_on_the_page(page: Page, viewed: Viewed) -> None:
    open_image(page, viewed)
    page.get_by_label("Compare with").select_option(str(viewed.segmented))
    expect(page.get_by_role("button", name=f"Job {viewed.segmented}", exact=False).first).to_be_visible()
    assert "zoom=8" in page.url
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("8")
    at = points_of(viewed)
    shows(page, {at["disc"]: DISC, at["wrong"]: GROUND})


def test_tiles_of_a_large_image_join_without_seams(page: Page, viewed: Viewed) -> None:
    page.goto(f"{viewed.address('large')}#opacity=100&zoom=8&x=512&y=512")
    labels = viewed.labels["large"]
    around = [(column, row) for column in (505, 511, 512, 519) for row in (505, 511, 512, 519)]
    colours = [GROUND, DISC, BAR]
    expected = {(c - 480, r - 488): colours[labels[r, c]] for c, r in around}  # as seen from (32, 24)
    shows(page, expected)


def test_what_cannot_be_shown_is_said_on_the_canvas(page: Page, viewed: Viewed, complaints: list[str]) -> None:
    (viewed.root / "masks" / "unsaved.png").write_text("This is no mask.")
    page.goto(f"{viewed.address('unsaved')}#left=truth")
    expect(page.get_by_role("alert")).to_contain_text("unsaved.png: is not an image in a supported format")
    complaints.clear()  # the console notes the status 422


def test_fingers_drag_and_pinch(browser: Browser, server: str, viewed: Viewed) -> None:
    context = browser.new_context(base_url=server, viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(f"{viewed.address('0')}#zoom=4&x=32&y=24&opacity=100")
    expect(page.locator("#zoom")).to_have_text("400 %")
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})

    send("touchStart", (x - 30, y), (x + 30, y))
    for step in range(1, 7):
        send("touchMove", (x - 30 - 5 * step, y), (x + 30 + 5 * step, y))
    send("touchEnd")
    expect(page.locator("#zoom")).to_have_text("800 %")
    send("touchStart", (x, y))
    for step in range(1, 5):
        send("touchMove", (x + 10 * step, y))
    send("touchEnd")
    wait_until(lambda: "x=27" in address_of(page), 30)
    context.close()
