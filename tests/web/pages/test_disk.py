from flask.testing import FlaskClient

from tests.web.conftest import form_sender
from tests.web.visitors import AsRole
from worker.jobs import storage
from worker.jobs.database import open_session
from worker.jobs.records import deleted_jobs
from worker.jobs.settings import Settings


def test_what_nothing_refers_to_is_shown_and_deleted(new_client: FlaskClient, new_settings: Settings) -> None:
    folder = storage.job_dir(new_settings, 7)
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("said")
    with open_session(new_settings) as session:
        deleted_jobs.add(session, 7, folder, None)
    assert "Look for them" in new_client.get("/disk").text
    page = new_client.get("/disk?look=1").text
    assert "files of a deleted job" in page
    assert "4\u202fB" in page
    assert folder.exists()
    assert form_sender(new_client)("/disk").status_code == 302
    assert not folder.exists()
    assert "every file is in use" in new_client.get("/disk?look=1").text


def test_an_operator_looks_and_an_admin_deletes(as_role: AsRole) -> None:
    assert as_role("viewer").get("/disk").status_code == 403
    operator = as_role("operator")
    assert operator.get("/disk?look=1").status_code == 200
    assert form_sender(operator)("/disk").status_code == 403
    assert form_sender(as_role("admin"))("/disk").status_code == 302


def test_the_largest_jobs_come_first(client: FlaskClient) -> None:
    page = client.get("/disk").text
    assert "The largest jobs" in page
    assert page.index("Train") < page.index("The largest jobs")
