from flask.testing import FlaskClient

from tests.web.population import Population


def test_a_grid_search_is_a_heat_map_beside_its_table(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.searched}/trials").text
    assert page.count(">one of the best<") == 0
    assert page.count('<span class="tag">best</span>') == 2  # in the map and in the table
    assert '<th scope="col">BI_XY_STD \\ BI_W</th>' in page
    turned = client.get(f"/jobs/{population.searched}/trials?x=BI_XY_STD").text
    assert '<th scope="col">BI_W \\ BI_XY_STD</th>' in turned


def test_it_is_on_the_page_of_its_job(client: FlaskClient, population: Population) -> None:
    assert 'class="plain heat"' in client.get(f"/jobs/{population.searched}").text


def test_other_jobs_have_no_trials(client: FlaskClient, population: Population) -> None:
    answer = client.get(f"/jobs/{population.trained}/trials")
    assert answer.status_code == 404
    assert f"Job {population.trained} has no trials" in answer.text
