from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.deeplab.drawing import draw_pair
from tests.web.conftest import form_sender
from worker.jobs import datasets
from worker.jobs.database import open_session
from worker.jobs.settings import Settings
from worker.jobs.watching.job_list import list_jobs


@pytest.fixture
def folders(new_settings: Settings) -> tuple[Path, Path]:
    """Photos and their masks, as somebody has them: in folders of other names, one photo without a mask."""
    photos, masks = (new_settings.roots[0] / name for name in ("photos", "labelled"))
    rng = np.random.default_rng(0)
    for number in range(6):
        image, label = draw_pair(rng, 120, 160)
        for path, pixels in ((photos / "day" / f"{number}.jpg", image), (masks / "day" / f"{number}.png", label)):
            path.parent.mkdir(parents=True, exist_ok=True)
            if number or path.suffix == ".jpg":
                Image.fromarray(pixels).save(path)
    return photos, masks


def test_from_two_folders_to_a_training_that_is_followed_by_an_evaluation(
    new_client: FlaskClient, new_settings: Settings, folders: tuple[Path, Path]
) -> None:
    submit_form = form_sender(new_client)
    assert "/start" in new_client.get("/jobs").text
    photos, masks = folders
    answer = submit_form("/start", images=photos, masks=masks, name="day")
    assert answer.headers["Location"] == "/start/day"
    page = new_client.get("/start/day").text
    assert "1 image has no mask and is left out." in page
    assert page.count("data:image/jpeg;base64,") == 2 * 4  # one of five is for validation
    assert "class 2" in page
    with open_session(new_settings, reads_only=True) as session:
        dataset = datasets.get_by_name(session, "day")
    assert (dataset.n_classes, dataset.splits) == (3, {"train": 4, "val": 1})
    answer = submit_form("/jobs/new/train", dataset="day", preset="fast-cpu", then="evaluate")
    assert answer.status_code == 302, answer.text
    with open_session(new_settings, reads_only=True) as session:
        evaluated, trained = list_jobs(session)
    assert (trained.dataset, evaluated.checkpoint) == ("day", f"job:{trained.id}")


def test_folders_that_make_no_dataset_are_refused_beside_the_field(
    new_client: FlaskClient, new_settings: Settings, folders: tuple[Path, Path]
) -> None:
    submit_form = form_sender(new_client)
    photos, masks = (str(each) for each in folders)
    given = {"images": photos, "masks": masks, "name": "day"}
    for changes, field, sentence in (
        ({"name": ""}, "name", "Name is required."),
        ({"name": "a/b"}, "name", "Name must consist of letters"),
        ({"images": "/etc"}, "images", "/etc is outside the folders"),
        ({"name": "photos"}, "name", "exists already; choose another name."),
    ):
        page = submit_form("/start", **{**given, **changes})
        assert page.status_code == 422
        assert f'id="error-{field}"' in page.text
        assert sentence in page.text
    Image.new("RGB", (4, 4), (9, 200, 3)).save(Path(masks) / "day" / "1.png")
    page = submit_form("/start", **{**given, "name": "coloured"})
    assert "the pixels of the mask are colours" in page.text
    assert not (new_settings.roots[0] / "coloured").exists()
