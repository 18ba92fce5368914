import re

from flask.testing import FlaskClient

from tests.web.conftest import SubmitForm
from tests.web.population import Population
from tests.web.scenes import make_dataset
from web.actions import dataset_check


def test_datasets_are_listed_and_registered(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    root = make_dataset(population.root / "more-shapes")
    (root / "README.txt").write_text("More shapes.\n")
    response = submit_form("/datasets", name="more", root=str(root))
    assert response.status_code == 302
    page = client.get("/datasets").text
    assert "Dataset more registered: 3 classes." in page
    assert f"{root}/README.txt is no split list: none of its lines names an image." in page
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


def test_a_dataset_is_checked_on_its_page(client: FlaskClient, submit_form: SubmitForm, population: Population) -> None:
    root = make_dataset(population.root / "checked")
    submit_form("/datasets", name="checked", root=str(root))
    assert 'action="/datasets/checked/check"' in client.get("/datasets").text
    good = submit_form("/datasets/checked/check").text
    assert "Read 3 of 3 pairs." in " ".join(good.split())
    assert good.count('state-succeeded">no problems') == 2
    (root / "images/3.png").write_bytes((root / "images/0.png").read_bytes())
    (root / "images/3.heics").touch()
    (root / "masks/0.png").unlink()
    (root / "masks/1.png").write_bytes(b"no mask")
    page = " ".join(submit_form("/datasets/checked/check").text.split())
    assert "Read 1 of 3 pairs." in page
    assert '<span class="state state-failed">2 problems</span>' in page
    assert f"<small>{root}</small>" in page
    assert "<li>masks/0</li>" in page
    assert "<li>images: 1 file is of another kind: 1 heics.</li>" in page
    assert submit_form("/datasets/none/check").status_code == 404


def test_datasets_are_checked_one_at_a_time(submit_form: SubmitForm, population: Population) -> None:
    with dataset_check._one_at_a_time:
        response = submit_form("/datasets/shapes/check")
    assert response.status_code == 422
    assert "Another dataset is being checked; try again in ten seconds." in response.text
