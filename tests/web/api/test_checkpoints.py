from flask.testing import FlaskClient

from tests.web.api.conftest import get


def test_checkpoints_have_all_fields_and_the_best_is_marked(client: FlaskClient) -> None:
    checkpoints = get(client, "/checkpoints")["checkpoints"]
    fields = {"id", "job_id", "iteration", "path", "sha256", "n_bytes", "created_at", "config", "mean_iou", "is_best"}
    assert fields == set(checkpoints[0])
    is_best = {each["id"]: each["is_best"] for each in checkpoints}
    assert [is_best[checkpoint_id] for checkpoint_id in (1, 2, 3, 4)] == [False, False, True, False]
