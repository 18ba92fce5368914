"""Every page can be used by people who see, hear or move otherwise."""

import pytest
from playwright.sync_api import Page

from tests.browser.addresses import addresses
from tests.browser.barriers import find_barriers
from tests.web.films import LABELLED, Films
from tests.web.population import Population
from tests.web.viewed import Viewed
from worker.jobs.results.record import item_key

pytestmark = pytest.mark.browser


def test_no_page_has_a_serious_barrier(page: Page, population: Population, viewed: Viewed, films: Films) -> None:
    view = f"{viewed.address('0', f'?b={viewed.segmented}')}#mode=swipe&left=a&right=truth"
    images = f"/evaluations/compare/images?job={viewed.evaluated}&job={viewed.refined}"
    film = f"/jobs/{films.job_id}/results/{item_key(LABELLED)}"
    found = {}
    for address in (*addresses(population), view, images, film):
        page.goto(address)
        found[address] = find_barriers(page)
    assert {address: barriers for address, barriers in found.items() if barriers} == {}


def test_a_barrier_is_found(page: Page) -> None:
    page.goto("/jobs")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<main><img src=\"data:,\"></main>')")
    assert any(each.startswith("light: image-alt") for each in find_barriers(page))
