import html
import io
import json
import re
from pathlib import Path

import numpy as np
from flask.testing import FlaskClient
from PIL import Image

from deeplab.datasets.checking.check import check_dataset
from deeplab.images.masks import read_mask, write_mask
from deeplab.reporter import SilentReporter
from tests.web.conftest import SubmitForm
from tests.web.population import Population
from tests.web.scenes import make_dataset
from worker.jobs import dataset_reports, datasets, storage
from worker.jobs.database import open_session
from worker.jobs.results.record import item_key
from worker.jobs.watching.job_list import JobFilter, list_jobs


def test_datasets_are_listed_and_registered(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    root = make_dataset(population.root / "more-shapes")
    (root / "README.txt").write_text("More shapes.\n")
    response = submit_form("/datasets", name="more", root=str(root))
    assert response.status_code == 302
    assert response.headers["Location"] == "/datasets/more"
    page = client.get("/datasets/more").text
    assert "Dataset more registered: 3 classes." in page
    assert f"{root}/README.txt is no split list: none of its lines names an image." in page
    page = client.get("/datasets").text
    assert 'href="/jobs/new/train?dataset=more"' in page
    assert re.search(r'train <span class="count">3</span>', page)
    assert str(root) in page


def test_errors_of_a_registration_stand_beside_their_fields(submit_form: SubmitForm, population: Population) -> None:
    taken = submit_form("/datasets", name="shapes", root=str(population.dataset))
    assert taken.status_code == 422
    assert re.search(r'id="error-name">There is already a dataset named', taken.text)
    assert f'value="{population.dataset}"' in taken.text
    empty = submit_form("/datasets", name="", root="").text
    assert 'id="error-name">Name is required.' in empty
    assert 'id="error-root">Folder is required.' in empty
    assert re.search(r'id="error-root">/etc is outside', submit_form("/datasets", name="x", root="/etc").text)
    photos = submit_form("/datasets", name="x", root=str(population.folder)).text
    assert re.search(r'id="error-root">[^<]*images is not a folder', photos)


def test_a_damaged_labels_file_is_named(submit_form: SubmitForm, population: Population) -> None:
    root = make_dataset(population.root / "gap")
    (root / "labels.txt").write_text("0\tground\n2\tbar\n")
    assert re.search(
        r'id="error-root">[^<]*class 1 is missing', submit_form("/datasets", name="gap", root=str(root)).text
    )


def test_without_datasets_it_says_what_to_do_next(new_client: FlaskClient) -> None:
    assert "deeplab sample shapes" in new_client.get("/datasets").text


def test_a_dataset_has_a_page(client: FlaskClient, population: Population) -> None:
    page = " ".join(client.get("/datasets/shapes").text.split())
    assert f'<h1>shapes <small class="path">{population.dataset}</small></h1>' in page
    assert 'href="/datasets/shapes/splits/train">train</a>' in page
    assert "0 ground" in page
    assert "<h2>Check</h2>" in page
    assert page.count("/truth?size=480") == 3
    assert client.get("/datasets/none").status_code == 404


def test_a_check_is_a_job_whose_report_the_page_shows(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    root = make_dataset(population.root / "checked")
    submit_form("/datasets", name="checked", root=str(root))
    (root / "images/3.png").write_bytes((root / "images/0.png").read_bytes())
    (root / "images/3.heics").touch()
    (root / "masks/0.png").unlink()
    (root / "masks/1.png").write_bytes(b"no mask")
    assert submit_form("/datasets/checked/check").headers["Location"] == "/datasets/checked"
    with open_session(population.settings, reads_only=True) as session:
        [job] = list_jobs(session, JobFilter(kind="check", dataset="checked"))
    page = client.get("/datasets/checked").text
    assert 'hx-trigger="every 2s"' in page
    assert f'<a href="/jobs/{job.id}">' in page
    report_on(population, job.id, "checked")
    page = " ".join(client.get("/datasets/checked").text.split())
    assert "hx-trigger" not in page
    assert "Read 1 of 3 pairs." in page
    assert '<span class="state state-failed">2 problems</span>' in page
    assert "<li>masks/0</li>" in page
    assert "<li>images: 1 file is of another kind: 1 heics.</li>" in page
    assert "2 problems in 1 image. Its page shows the newest report." in client.get(f"/jobs/{job.id}").text
    assert submit_form("/datasets/none/check").status_code == 404


def test_the_page_of_an_import_says_what_became_of_it(client: FlaskClient, population: Population) -> None:
    job_id = population.submit("import", source=str(population.dataset), dataset="imported")
    assert "imported is registered once it is imported." in client.get(f"/jobs/{job_id}").text
    result = {"dataset": "imported", "root": "/data/imported", "format": "masks", "n_images": 4}
    result |= {"splits": {"train": 3, "val": 1}, "notes": ["1 image in which nothing is labelled left out."]}
    population.finish(job_id, population.claim(job_id), result=result)
    page = client.get(f"/jobs/{job_id}").text
    assert 'href="/datasets/imported"' in page
    assert "4 images registered as imported" in page
    assert "<li>1 image in which nothing is labelled left out.</li>" in page
    assert "Full configuration" not in page


def report_on(population: Population, job_id: int, name: str) -> None:
    """Do what a worker does with a check job."""
    fence = population.claim(job_id)
    with open_session(population.settings, reads_only=True) as session:
        dataset = datasets.get_by_name(session, name)
    report = check_dataset(datasets.config_of(dataset), SilentReporter(), splits=list(dataset.splits), n_workers=1)
    path = storage.report_path(population.settings, job_id, fence)
    path.parent.mkdir(parents=True)
    dataset_reports.write_report(path, report)
    population.finish(job_id, fence, result={"report": str(path), "n_problems": report.n_problems, "n_images": 1})


def test_images_are_browsed_and_searched(client: FlaskClient, population: Population) -> None:
    page = client.get("/datasets/shapes/splits/train").text
    assert page.count('class="tile"') == 3
    found = client.get("/datasets/shapes/splits/train?search=1").text
    assert f'href="/datasets/shapes/splits/train/{item_key("1")}?search=1"' in found
    assert found.count('class="tile"') == 1
    assert "No name holds" in client.get("/datasets/shapes/splits/train?search=zebra").text
    assert client.get("/datasets/shapes/splits/none").status_code == 404


def test_an_image_is_shown_under_its_ground_truth(client: FlaskClient, population: Population) -> None:
    address = f"/datasets/shapes/splits/val/{item_key('3')}"
    page = client.get(address).text
    data = json.loads(html.unescape(re.search(r'data-view="([^"]+)"', page)[1]))  # type: ignore[index]
    assert [layer["id"] for layer in data["layers"]] == ["image", "truth"]
    truth = data["layers"][1]
    tile = client.get(f"{truth['tiles']}0/0/0?v={truth['version']}")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(tile.data))), read_mask(population.dataset / "masks/3.png"))
    assert client.get(f"{address}/image?size=480").mimetype == "image/jpeg"
    mask = Image.open(io.BytesIO(client.get(f"{address}/truth?size=480").data))
    assert (mask.mode, mask.info["transparency"]) == ("P", 255)
    assert client.get("/datasets/shapes/splits/val/0000").status_code == 404


def test_a_mask_that_does_not_fit_is_a_sentence(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    root = make_dataset(population.root / "misfit")
    submit_form("/datasets", name="misfit", root=str(root))
    write_mask(root / "masks/3.png", np.zeros((5, 5), np.uint8))
    address = f"/datasets/misfit/splits/val/{item_key('3')}"
    assert "the mask is 5x5, but its image" in client.get(address).text
    assert client.get(f"{address}/truth").status_code == 422


def test_images_that_lead_elsewhere_are_not_shown(
    client: FlaskClient, submit_form: SubmitForm, population: Population, tmp_path: Path
) -> None:
    root = make_dataset(population.root / "linked")
    submit_form("/datasets", name="linked", root=str(root))
    address = f"/datasets/linked/splits/val/{item_key('3')}"
    assert client.get(f"{address}/image").status_code == 200
    (root / "images/3.png").rename(tmp_path / "secret.png")
    (root / "images/3.png").symlink_to(tmp_path / "secret.png")
    for part in ("", "/image", "/truth", "/tiles/image/0/0/0"):
        assert client.get(f"{address}{part}").status_code == 404


def test_a_dataset_is_refreshed_renamed_and_unregistered(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    root = make_dataset(population.root / "cared-for")
    submit_form("/datasets", name="cared-for", root=str(root))
    (root / "test.txt").write_text("3\n")
    submit_form("/datasets/cared-for/refresh")
    page = client.get("/datasets/cared-for").text
    assert "This is a new version." in page
    assert 'splits/test">test</a>' in page
    assert submit_form("/datasets/cared-for/rename", name="kept").headers["Location"] == "/datasets/kept"
    assert client.get("/datasets/cared-for").headers["Location"] == "/datasets/kept"
    submit_form("/datasets/kept/rename", name="shapes")
    assert "There is already a dataset named" in client.get("/datasets/kept").text
    submit_form("/datasets/kept/remove")
    assert f"its files stay in {root}" in client.get("/datasets").text
    assert client.get("/datasets/kept").status_code == 404
    assert (root / "labels.txt").exists()


def test_every_layout_has_its_fields(client: FlaskClient, submit_form: SubmitForm, population: Population) -> None:
    assert "<option>coco</option>" in client.get("/datasets").text
    refused = submit_form("/datasets", name="x", root=str(population.dataset), layout="coco").text
    assert re.search(r'id="error-root">[^<]*has no split of the layout coco', refused)
    ids = submit_form("/datasets", name="x", root=str(population.dataset), category_ids="contiguous").text
    assert re.search(r'id="error-category_ids">[^<]*only with the layout coco', ids)
