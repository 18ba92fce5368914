import pytest
from flask.testing import FlaskClient

from tests.web.conftest import form_sender
from tests.worker.jobs.preflight.mistakes import Mistake, make_mistakes
from web import create_app
from worker.jobs.settings import Settings


@pytest.fixture
def mistakes(new_settings: Settings) -> dict[str, Mistake]:
    return make_mistakes(new_settings, new_settings.roots[0])


def test_what_cannot_succeed_is_refused_by_the_api_with_the_field(
    new_client: FlaskClient, mistakes: dict[str, Mistake]
) -> None:
    for name, mistake in mistakes.items():
        answer = new_client.post("/api/v1/jobs", json={"kind": mistake.kind, **mistake.request})
        assert answer.status_code == 422, name
        (error,) = answer.get_json()["errors"]
        assert error["pointer"] == f"#/{mistake.field}", name
        assert mistake.sentence in error["detail"], name


def test_what_cannot_succeed_is_refused_by_the_form_beside_the_field(
    new_settings: Settings, mistakes: dict[str, Mistake]
) -> None:
    submit_form = form_sender(create_app(new_settings).test_client())
    for name, mistake in mistakes.items():
        entered = {
            field: "\n".join(each) if isinstance(each, list) else each for field, each in mistake.request.items()
        }
        page = submit_form(f"/jobs/new/{mistake.kind}", **entered)
        assert page.status_code == 422, name
        assert f'id="error-{mistake.field}"' in page.text, name
