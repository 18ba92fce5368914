import re

import pytest
from flask.testing import FlaskClient

from tests.web.population import Population


def places(page: str) -> list[tuple[str, str]]:
    return re.findall(r'href="([^"]+)" rel=|class="page-place">([^<]+)<', page)


def test_checkpoints_are_listed_with_what_to_do_with_them(client: FlaskClient, population: Population) -> None:
    page = client.get("/checkpoints").text
    assert 'href="/jobs/new/evaluate?checkpoint=2"' in page
    assert 'href="/jobs/new/segment?checkpoint=2"' in page
    assert f'href="/jobs/new/train?clone={population.trained}&amp;resume=2"' in page
    assert "DeepLabV2_<wbr>ResNet50_<wbr>MSC" in page
    assert "2.05\u202fkB" in page
    assert re.search(r'<td class="num">\s*65.2\u202f%<br><small>val</small>', page)
    assert re.search(rf'70.9\u202f%\s*<a href="/jobs/{population.refined}">val with CRF</a>', page)
    assert re.search(r">best</span> 71.6\u202f%<br><small>val</small>", page)
    assert page.count(">best</span>") == 1


def test_evaluations_can_be_selected_for_a_comparison(client: FlaskClient, population: Population) -> None:
    page = client.get("/evaluations").text
    assert '<form action="/evaluations/compare"' in page
    assert f'name="job" value="{population.refined}"' in page


def test_without_checkpoints_it_says_what_to_do_next(new_client: FlaskClient) -> None:
    assert 'href="/jobs/new/train"' in new_client.get("/checkpoints").text


@pytest.mark.parametrize("address", ["/checkpoints", "/evaluations"])
def test_lists_lead_both_ways(client: FlaskClient, address: str) -> None:
    client.application.config["CHECKPOINTS_PER_PAGE"] = 1
    first = client.get(address).text
    onward = re.search(r'href="([^"]+)" rel="next"', first)
    assert onward is not None
    second = client.get(onward[1]).text
    assert "2\u20132 of " in second
    back = re.search(r'href="([^"]+)" rel="prev"', second)
    assert back is not None
    assert places(client.get(back[1]).text) == places(first)


def test_the_lists_can_be_those_of_one_job_or_checkpoint(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/checkpoints?job={population.trained}").text
    assert re.findall(r"<tr>\s*<td><a [^>]+>(\d+)</a></td>", page) == ["2", "1"]
    assert "No evaluations." in client.get("/evaluations?checkpoint=77").text
    assert f'value="{population.refined}"' in client.get("/evaluations?checkpoint=2").text
