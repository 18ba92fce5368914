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


def test_evaluations_can_be_compared(client: FlaskClient, population: Population) -> None:
    assert f'name="job" value="{population.refined}"' in client.get("/checkpoints").text
    page = client.get(f"/evaluations/compare?job={population.evaluated}&job={population.refined}").text
    assert page.count('<th scope="col" class="num">') == 2
    assert '<span class="tag">CRF</span>' in page
    assert re.search(r'<td class="num">65.2\u202f%</td><td class="num best">70.9\u202f%</td>', page)


def test_comparing_needs_evaluations(client: FlaskClient, population: Population) -> None:
    nothing = client.get("/evaluations/compare")
    assert nothing.status_code == 400
    assert "Select at least one evaluation" in nothing.text
    other = client.get(f"/evaluations/compare?job={population.trained}")
    assert other.status_code == 404
    assert f"Job {population.trained} has no evaluation" in other.text


def test_without_checkpoints_it_says_what_to_do_next(new_client: FlaskClient) -> None:
    assert 'href="/jobs/new/train"' in new_client.get("/checkpoints").text
