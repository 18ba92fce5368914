"""The viewer: moved, zoomed, turned to the next image and opened again at the same place."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.canvas import (
    BAR,
    DISC,
    address_of,
    open_image,
    points_of,
    shows,
)
from tests.processes import wait_until
from tests.web.viewed import Viewed

pytestmark = pytest.mark.browser


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
