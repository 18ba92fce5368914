import re

from flask.testing import FlaskClient

from tests.web.population import Population


def test_checkpoints_are_listed_with_what_to_do_with_them(client: FlaskClient, population: Population) -> None:
    page = client.get("/checkpoints").text
    assert 'href="/jobs/new/evaluate?checkpoint=2"' in page
    assert 'href="/jobs/new/segment?checkpoint=2"' in page
    assert f'href="/jobs/new/train?clone={population.trained}&amp;resume=2"' in page
    assert "DeepLabV2_<wbr>ResNet50_<wbr>MSC" in page
    assert "2.05\u202fkB" in page
    assert "70.9\u202f%" in page
    assert re.search(r">best</span> 71.6\u202f%</td>", page)
    assert page.count(">best</span>") == 1


def test_evaluations_can_be_selected_for_a_comparison(client: FlaskClient, population: Population) -> None:
    page = client.get("/checkpoints").text
    assert '<form action="/evaluations/compare">' in page
    assert f'name="job" value="{population.refined}"' in page


def test_without_checkpoints_it_says_what_to_do_next(new_client: FlaskClient) -> None:
    assert 'href="/jobs/new/train"' in new_client.get("/checkpoints").text
