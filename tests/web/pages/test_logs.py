import re

import pytest
from flask.testing import FlaskClient

from deeplab.files import write_text
from tests.web.population import Population
from worker.jobs import leases, storage
from worker.jobs.database import open_session


@pytest.fixture
def repeated(population: Population) -> int:
    """A job in its second attempt, each with a log."""
    job_id = population.submit("evaluate", checkpoint="1")
    for attempt in (1, 2):
        fence = population.claim(job_id)
        write_text(storage.log_path(population.settings, job_id, fence), f"attempt {attempt}\nLoss <b> {attempt}\n")
        if attempt == 1:
            with open_session(population.settings) as session:
                leases.release(session, population.settings, job_id, fence, "lost", "boom")
    return job_id


def test_the_logs_of_earlier_attempts_are_reachable(client: FlaskClient, repeated: int) -> None:
    job_page = client.get(f"/jobs/{repeated}").text
    for attempt in (1, 2):
        address = f"/jobs/{repeated}/log?attempt={attempt}"
        assert f'href="{address}"' in job_page
        assert f"attempt {attempt}\n" in client.get(address).text
    assert client.get(f"/jobs/{repeated}/log.txt?attempt=1").text == "attempt 1\nLoss <b> 1\n"
    assert client.get(f"/jobs/{repeated}/log.txt").text == "attempt 2\nLoss <b> 2\n"
    assert client.get(f"/jobs/{repeated}/log?attempt=3").status_code == 404
    earlier = {"fence": 1, "log": "attempt 1\nLoss <b> 1\n", "until": 21}
    assert client.get(f"/api/v1/jobs/{repeated}/log?attempt=1").json == earlier
    assert client.get(f"/api/v1/jobs/{repeated}/log?attempt=3").status_code == 400


def test_a_log_is_searched(client: FlaskClient, repeated: int) -> None:
    page = client.get(f"/jobs/{repeated}/log?search=LOSS").text
    assert "1 line with \u201cLOSS\u201d" in page
    assert re.search(r'<span class="line-number">2</span>Loss &lt;b&gt; 2\n', page)
    assert "0 lines with" in client.get(f"/jobs/{repeated}/log?search=gain").text


def test_a_job_without_an_attempt_has_no_log(client: FlaskClient, population: Population) -> None:
    assert "No output." in client.get(f"/jobs/{population.queued}/log").text
    assert client.get(f"/jobs/{population.queued}/log.txt").text == ""
