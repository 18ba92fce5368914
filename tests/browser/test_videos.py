import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.films import LABELLED, MASKED, Films
from worker.jobs.results.record import item_key

pytestmark = pytest.mark.browser

CAN_PLAY = "document.createElement('video').canPlayType('video/mp4; codecs=\"avc1.64000a\"') !== ''"


def test_a_labelled_video_plays_and_seeks(page: Page, films: Films) -> None:
    page.goto(f"/jobs/{films.job_id}/results")
    if not page.evaluate(CAN_PLAY):
        pytest.skip("This browser was built without H.264.")
    expect(page.locator("video")).to_have_count(2)
    page.goto(f"/jobs/{films.job_id}/results/{item_key(LABELLED)}")
    film = page.locator("video")
    page.wait_for_function("() => document.querySelector('video').videoWidth === 48")
    film.evaluate("film => { film.currentTime = 0.5 }")
    page.wait_for_function(
        "() => { const film = document.querySelector('video'); return film.currentTime > 0.4 && !film.seeking }"
    )
    assert film.evaluate("film => film.duration") > 0.6


def test_frames_of_masks_are_turned(page: Page, films: Films) -> None:
    page.goto(f"/jobs/{films.job_id}/results/{item_key(MASKED)}")
    page.get_by_role("link", name=re.compile("^Frame")).click()
    expect(page.get_by_text("Frame 2 at 0.200 s")).to_be_visible()
    expect(page.get_by_alt_text(MASKED)).to_have_js_property("naturalWidth", 48)
