"""The viewer: what is on its canvas, pixel by pixel."""

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.canvas import (
    BAR,
    DISC,
    GROUND,
    IGNORED,
    RIGHT,
    WRONG,
    Colour,
    Point,
    open_image,
    points_of,
    read,
    shows,
)
from tests.processes import wait_until
from tests.web.viewed import Viewed

pytestmark = pytest.mark.browser


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


def test_the_pixels_of_the_confusion_that_led_here_are_lit(page: Page, viewed: Viewed) -> None:
    at = points_of(viewed)
    open_image(page, viewed, query="?true=1&predicted=0&sort=-pixels")
    expect(page.locator(".stage-title-left")).to_have_text("disc taken for ground")
    shows(page, {at["wrong"]: WRONG})
    assert all(max(colour) < 100 for colour in read(page, [at["disc"], at["ground"]]))
    page.keyboard.press("2")
    shows(page, {at["wrong"]: GROUND})


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
