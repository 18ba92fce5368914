"""Evaluations side by side."""

import csv
import re
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.evaluated import images, record_evaluation
from tests.web.population import Population

POLICY = {"averaged_over": "classes of the ground truth", "ignored_label": 255, "inference": {"FLIP": False}}


@dataclass(frozen=True)
class Evaluated:
    """Numbers of jobs."""

    base: int
    better: int
    equal: int  # to the base
    noisy: int  # better in some images, worse in others
    rowless: int
    other_rules: int
    flipped: int


@pytest.fixture(scope="module")
def jobs(population: Population) -> Evaluated:
    def record(right: int = 70, spread: int = 5, **columns: object) -> int:
        chosen: dict[str, Any] = {"policy": POLICY, "dataset_version": "f00d" * 8} | columns
        return record_evaluation(population, images(20, right, spread=spread), **chosen)

    return Evaluated(
        base=record(),
        better=record(80),
        equal=record(),
        noisy=record(62, spread=21),
        rowless=record(75, with_rows=False),
        other_rules=record(policy={**POLICY, "ignored_label": 0}, dataset_version="beef" * 8),
        flipped=record(policy={**POLICY, "inference": {"FLIP": True}}, settings={"inference": {"FLIP": True}}),
    )


def cells_of(page: str, title: str) -> list[str]:
    row = re.search(rf"<tr><th scope=\"row\">(?:<svg.*?</svg> )?{title}</th>(.*?)</tr>", page, re.DOTALL)
    assert row is not None
    return re.findall(r"<td .*?</td>", row[1], re.DOTALL)


def test_scores_stand_beside_their_differences_to_the_base(client: FlaskClient, jobs: Evaluated) -> None:
    page = client.get(f"/evaluations/compare?job={jobs.base}&job={jobs.better}").text
    base, better, difference = cells_of(page, "ground")
    assert base == '<td class="num">56.2\u202f%</td>'
    assert better == '<td class="num best">69.5\u202f%</td>'
    assert difference == '<td class="num change gain-5">+13.2</td>'
    turned = client.get(f"/evaluations/compare?job={jobs.base}&job={jobs.better}&base={jobs.better}").text
    assert cells_of(turned, "ground")[1] == '<td class="num change loss-5">\u221213.2</td>'


def test_nothing_is_best_or_worse_among_equals(client: FlaskClient, jobs: Evaluated) -> None:
    page = client.get(f"/evaluations/compare?job={jobs.base}&job={jobs.equal}").text
    assert "best" not in page
    assert cells_of(page, "Mean IoU")[2] == '<td class="num change">0.0</td>'


def test_differences_carry_intervals_and_noise_is_said(client: FlaskClient, jobs: Evaluated) -> None:
    address = f"/evaluations/compare?job={jobs.base}&job={jobs.better}&job={jobs.noisy}"
    assert 'hx-trigger="load"' in client.get(address).text
    page = client.get(f"{address}&intervals=1").text
    assert 'hx-trigger="load"' not in page
    better, noisy = cells_of(page, "ground")[2], cells_of(page, "ground")[4]
    assert re.search(r"gain-5\">\+13\.2 <small>\[\+\d+\.\d, \+\d+\.\d\]</small>", better)
    assert re.search(r'class="num change">.*<small>\[\u2212.*, \+.*\] within noise</small>', noisy)
    assert "within noise" in cells_of(page, "Pixel accuracy")[4]


def test_without_rows_there_is_no_interval_and_the_page_says_why(client: FlaskClient, jobs: Evaluated) -> None:
    page = client.get(f"/evaluations/compare?job={jobs.base}&job={jobs.rowless}&intervals=1").text
    assert f"Job {jobs.rowless} has no intervals. Job {jobs.rowless} left no rows per image" in page
    assert "[" not in cells_of(page, "ground")[2]


def test_other_rules_and_other_data_are_not_comparable(client: FlaskClient, jobs: Evaluated) -> None:
    page = client.get(f"/evaluations/compare?job={jobs.base}&job={jobs.other_rules}&intervals=1").text
    assert f"Jobs {jobs.base} and {jobs.other_rules} are not comparable." in page
    assert "ignored label is 255 and 0." in page
    assert "version f00df00d" in page
    assert cells_of(page, "ground")[2] == '<td class="num change">\u2013</td>'


def test_another_inference_is_a_parameter_that_differs(client: FlaskClient, jobs: Evaluated) -> None:
    page = client.get(f"/evaluations/compare?job={jobs.base}&job={jobs.flipped}").text
    assert "not comparable" not in page
    assert re.search(r"INFERENCE.FLIP</th>\s*<td class=\"wrap\">\u2013</td>\s*<td class=\"wrap\">yes</td>", page)


def test_evaluations_of_older_versions_may_not_be_comparable(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/evaluations/compare?job={population.evaluated}&job={population.refined}").text
    assert "Whether they are comparable is not certain: an older version made the evaluation of jobs" in page
    assert f"{population.evaluated}, {population.refined}, without" in page
    assert '<span class="tag">CRF</span>' in page
    assert '<th scope="row">CRF.ITER_MAX</th>' in page


def test_classes_are_searched_and_sorted(client: FlaskClient, jobs: Evaluated) -> None:
    def titles(query: str) -> list[str]:
        page = client.get(f"/evaluations/compare?job={jobs.base}&job={jobs.better}&{query}").text
        return re.findall(r"</svg> (.*?)</th>", page)

    assert titles("") == ["ground", "disc", "bar"]
    assert titles("search=AR") == ["bar"]
    assert titles("sort=name") == ["bar", "disc", "ground"]
    assert titles(f"sort=-{jobs.base}")[0] == "bar"
    assert titles(f"sort={jobs.better}-difference")[0] == "bar"
    assert titles(f"sort=-{jobs.better}-difference")[-1] == "bar"


def test_csv(client: FlaskClient, jobs: Evaluated) -> None:
    answer = client.get(f"/evaluations/compare.csv?job={jobs.base}&job={jobs.better}")
    assert answer.mimetype == "text/csv"
    rows = {row["score"]: row for row in csv.DictReader(answer.text.splitlines())}
    ground, name = rows["ground"], f"job {jobs.better}"
    assert float(ground[name]) - float(ground[f"job {jobs.base}"]) == pytest.approx(float(ground[f"{name} difference"]))
    assert float(ground[f"{name} low"]) < float(ground[f"{name} difference"]) < float(ground[f"{name} high"])
    assert float(rows["Pixel accuracy"][f"{name} low"]) > 0.05


def test_what_cannot_be_compared_is_refused(client: FlaskClient, population: Population, jobs: Evaluated) -> None:
    for query, status, sentence in (
        ("", 400, "Select at least one job to compare."),
        ("job=x", 400, "job must be the number of a job, got &#39;x&#39;."),
        (f"job={population.trained}", 404, f"Job {population.trained} has no evaluation."),
        (f"job={jobs.base}&base=7777", 400, f"base must be one of the jobs {jobs.base}, got &#39;7777&#39;."),
        ("&".join(f"job={number}" for number in range(60)), 400, "At most 50 jobs can be compared at once, got 60."),
    ):
        answer = client.get(f"/evaluations/compare?{query}")
        assert (answer.status_code, sentence in answer.text) == (status, True), query
