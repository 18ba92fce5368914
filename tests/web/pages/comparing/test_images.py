"""The images in which one evaluation beats another most."""

import re

import pytest
from flask.testing import FlaskClient

from tests.web.evaluated import record_evaluation
from tests.web.population import Population
from worker.jobs.results.record import item_key

HITS = {f"{number:02d}": (50, 20 + number) for number in range(60)}  # the second job wins from 31 on


@pytest.fixture(scope="module")
def jobs(population: Population) -> tuple[int, int]:
    def record(place: int) -> int:
        images = {
            path: [(0, 0, hits[place]), (0, 1, 100 - hits[place]), (1, 1, 100), (2, 2, 10)]
            for path, hits in HITS.items()
        }
        return record_evaluation(population, images)

    return record(0), record(1)


def paths_of(page: str) -> list[str]:
    return re.findall(r'<span class="path">([^<]*)</span>', page)


def test_the_largest_gains_come_first_and_losses_in_the_other_direction(
    client: FlaskClient, jobs: tuple[int, int]
) -> None:
    first, second = jobs
    page = client.get(f"/evaluations/compare/images?job={first}&job={second}&class=0").text
    assert paths_of(page)[:2] == ["59", "58"]
    assert f"job {second} is better in 29 images, job {first} in 30,\n  of 60 that both have." in page
    assert '<strong class="change gain-5">+29.0</strong>' in page
    assert f'href="/jobs/{second}/results/{item_key("59")}?b={first}"' in page
    losses = client.get(f"/evaluations/compare/images?job={first}&job={second}&class=0&sort=difference").text
    assert paths_of(losses)[:2] == ["00", "01"]
    turned = client.get(f"/evaluations/compare/images?job={first}&job={second}&class=0&base={second}").text
    assert paths_of(turned)[:2] == ["00", "01"]


def test_pages_follow_each_other(client: FlaskClient, jobs: tuple[int, int]) -> None:
    address = f"/evaluations/compare/images?job={jobs[0]}&job={jobs[1]}"
    seen: list[str] = []
    while True:
        page = client.get(address).text
        seen += paths_of(page)
        link = re.search(r'href="([^"]*)" rel="next"', page)
        if link is None:
            break
        address = "/evaluations/compare/images" + link[1].replace("&amp;", "&")
    assert seen == sorted(HITS, reverse=True)
    assert "49–60 of 60" in page  # noqa: RUF001


def test_what_cannot_be_answered_is_said(client: FlaskClient, population: Population, jobs: tuple[int, int]) -> None:
    first, second = jobs
    rowless = record_evaluation(population, {"00": [(0, 0, 5), (1, 1, 5), (2, 2, 5)]}, with_rows=False)
    for query, status, sentence in (
        (f"job={first}", 400, "Images are compared between two jobs, got 1."),
        (f"job={first}&job={second}&class=3", 400, "class must be the index of a class from 0 to 2, got &#39;3&#39;."),
        (
            f"job={first}&job={second}&sort=name",
            400,
            "sort must be one of -difference, difference, got &#39;name&#39;.",
        ),
        (f"job={first}&job={second}&cursor=x", 400, "cursor is not one of this list&#39;s pages"),
        (f"job={first}&job={rowless}", 200, f"Job {rowless} left no rows per image"),
    ):
        answer = client.get(f"/evaluations/compare/images?{query}")
        assert (answer.status_code, sentence in answer.text) == (status, True), query


def test_a_class_leads_to_its_worst_images(client: FlaskClient, jobs: tuple[int, int]) -> None:
    page = client.get(f"/jobs/{jobs[0]}").text
    assert f'<form action="/jobs/{jobs[0]}/results">' in page
    assert re.search(r'<button name="class" value="1">[\d.]+\u202f%</button>', page)
    assert client.get(f"/jobs/{jobs[0]}/results?class=1&in_truth=1&sort=class_iou").status_code == 200
    assert client.get(f"/jobs/{jobs[0]}/results?true=0&predicted=1&sort=-pixels").status_code == 200
