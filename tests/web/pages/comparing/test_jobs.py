"""Jobs side by side."""

import re

from flask.testing import FlaskClient

from tests.web.population import Population


def parameters_of(page: str) -> dict[str, list[str]]:
    rows = re.findall(r"<tr><th scope=\"row\">([^<]*)</th>(.*?)</tr>", page, re.DOTALL)
    return {title: re.findall(r"<td class=\"wrap\">([^<]*)</td>", cells) for title, cells in rows}


def test_only_what_differs_is_shown(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/compare?job={population.trained}&job={population.validated}").text
    assert parameters_of(page) == {
        "Seed": ["7", "0"],
        "SOLVER.KEEP_LAST": ["\u2013", "1"],
        "SOLVER.EVAL_EVERY": ["\u2013", "200"],
    }


def test_trainings_are_drawn_and_others_are_not(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/compare?job={population.trained}&job={population.segmented}").text
    assert f'data-metrics="/api/v1/jobs/{population.trained}/metrics"' in page
    assert f'data-metrics="/api/v1/jobs/{population.segmented}/metrics"' not in page
    assert parameters_of(page)["Kind"] == ["train", "segment"]


def test_jobs_with_scores_lead_to_their_comparison(client: FlaskClient, population: Population) -> None:
    ids = (population.evaluated, population.refined, population.searched)
    page = client.get("/jobs/compare?" + "&".join(f"job={job_id}" for job_id in ids)).text
    assert f'href="/evaluations/compare?job={ids[0]}&amp;job={ids[1]}"' in page
    assert 'id="curves"' not in page


def test_one_may_be_taken_out(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/compare?job={population.trained}&job={population.validated}").text
    assert f'href="?job={population.validated}" aria-label="Take job {population.trained} out"' in page


def test_an_unknown_job_is_said(client: FlaskClient) -> None:
    answer = client.get("/jobs/compare?job=7777")
    assert answer.status_code == 404
    assert "There is no job 7777." in answer.text
