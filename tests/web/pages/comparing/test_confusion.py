"""The page of a confusion matrix."""

import re

from flask.testing import FlaskClient
from sqlalchemy import update

from tests.web.evaluated import images, record_evaluation
from tests.web.population import Population
from worker.jobs.database import open_session
from worker.jobs.tables import EvaluationRow


def rows_of(page: str) -> list[list[str]]:
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>([^<]+)</t[hd]>", row) for row in rows]


def test_the_largest_confusions_are_a_table(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/evaluations/{population.evaluated}/confusion").text
    assert f'data-address="/api/v1/evaluations/{population.evaluated}/confusion"' in page
    rows = rows_of(page)
    assert rows[:2] == [["bar", "disc", "30.0\u202f%", "60"], ["disc", "ground", "10.0\u202f%", "30"]]
    by_pixels = client.get(f"/evaluations/{population.evaluated}/confusion?sort=-pixels").text
    assert [row[3] for row in rows_of(by_pixels)] == ["60", "60", "40", "30", "20", "10"]


def test_they_are_searched_by_class(client: FlaskClient, population: Population) -> None:
    address = f"/evaluations/{population.evaluated}/confusion"
    assert [row[:2] for row in rows_of(client.get(f"{address}?search=DISC").text)] == [
        ["bar", "disc"],
        ["disc", "ground"],
        ["ground", "disc"],
        ["disc", "bar"],
    ]
    assert "No class of that name is confused." in client.get(f"{address}?search=sky").text


def test_each_leads_to_its_images(client: FlaskClient, population: Population) -> None:
    job_id = record_evaluation(population, {"a": [(0, 0, 90), (0, 2, 10), (1, 1, 5), (2, 2, 5)]})
    page = client.get(f"/evaluations/{job_id}/confusion").text
    assert f'href="/jobs/{job_id}/results?true=0&amp;predicted=2&amp;sort=-pixels"' in page
    assert f'data-images="/jobs/{job_id}/results"' in page


def test_without_rows_there_are_no_images_to_lead_to(client: FlaskClient, population: Population) -> None:
    job_id = record_evaluation(population, {"a": [(0, 0, 90), (0, 2, 10), (1, 1, 5), (2, 2, 5)]}, with_rows=False)
    page = client.get(f"/evaluations/{job_id}/confusion").text
    assert 'data-images=""' in page
    assert ">images</a>" not in page


def test_the_page_of_many_classes_is_light(client: FlaskClient, population: Population) -> None:
    names = [f"class {index}" for index in range(182)]
    image = [(true, predicted, 1 + true * predicted) for true in range(182) for predicted in range(0, 182, 3)]
    job_id = record_evaluation(population, {"a": image}, names)
    for address in (f"/evaluations/{job_id}/confusion", f"/jobs/{job_id}"):
        assert len(client.get(address).data) < 60_000, address
    assert "The first 100 of " in client.get(f"/evaluations/{job_id}/confusion").text


def test_a_job_without_an_evaluation_is_said(client: FlaskClient, population: Population) -> None:
    answer = client.get(f"/evaluations/{population.trained}/confusion")
    assert answer.status_code == 404
    assert f"Job {population.trained} has no evaluation." in answer.text


def test_an_evaluation_of_an_older_version_has_none(client: FlaskClient, population: Population) -> None:
    job_id = record_evaluation(population, images(1, 50))
    with open_session(population.settings) as session:
        session.execute(update(EvaluationRow).where(EvaluationRow.job_id == job_id).values(confusion=None))
    for address in (f"/evaluations/{job_id}/confusion", f"/api/v1/evaluations/{job_id}/confusion"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert f"The confusion matrix of job {job_id} was not kept." in answer.text
