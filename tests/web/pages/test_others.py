import re

from flask.testing import FlaskClient

from tests.web.conftest import SubmitForm
from tests.web.population import OWNER, Population
from tests.web.scenes import make_dataset


def test_checkpoints_are_listed_with_what_to_do_with_them(client: FlaskClient, population: Population) -> None:
    page = client.get("/checkpoints").text
    assert 'href="/jobs/new/evaluate?checkpoint=2"' in page
    assert 'href="/jobs/new/segment?checkpoint=2"' in page
    assert f'href="/jobs/new/train?clone={population.trained}&amp;resume=2"' in page
    assert "DeepLabV2_<wbr>ResNet50_<wbr>MSC" in page
    assert "2.05\u202fkB" in page
    assert "70.9\u202f%" in page
    assert re.search(r">best</span> 71.6\u202f%</td>", page)
    assert page.count(">best</span>") == 1


def test_evaluations_can_be_compared(client: FlaskClient, population: Population) -> None:
    assert f'name="job" value="{population.refined}"' in client.get("/checkpoints").text
    page = client.get(f"/evaluations/compare?job={population.evaluated}&job={population.refined}").text
    assert page.count('<th scope="col" class="num">') == 2
    assert '<span class="tag">CRF</span>' in page
    assert re.search(r'<td class="num">65.2\u202f%</td><td class="num best">70.9\u202f%</td>', page)


def test_comparing_needs_evaluations(client: FlaskClient, population: Population) -> None:
    nothing = client.get("/evaluations/compare")
    assert nothing.status_code == 400
    assert "Tick at least one evaluation" in nothing.text
    other = client.get(f"/evaluations/compare?job={population.trained}")
    assert other.status_code == 404
    assert f"Job {population.trained} has no evaluation" in other.text


def test_datasets_are_listed_and_registered(
    client: FlaskClient, submit_form: SubmitForm, population: Population
) -> None:
    root = make_dataset(population.root / "more-shapes")
    response = submit_form("/datasets", name="more", root=str(root))
    assert response.status_code == 302
    page = client.get("/datasets").text
    assert "more is registered: 3 classes." in page
    assert 'href="/jobs/new/train?dataset=more"' in page
    assert re.search(r'train <span class="count">3</span>', page)
    assert str(root) in page


def test_what_is_wrong_with_a_dataset_stands_at_its_field(submit_form: SubmitForm, population: Population) -> None:
    taken = submit_form("/datasets", name="shapes", root=str(population.dataset))
    assert taken.status_code == 422
    assert re.search(r'id="error-name">There is already a dataset named', taken.text)
    assert f'value="{population.dataset}"' in taken.text
    empty = submit_form("/datasets", name="", root="").text
    assert 'id="error-name">Name is required.' in empty
    assert 'id="error-root">Folder is required.' in empty
    assert re.search(r'id="error-root">/etc lies outside', submit_form("/datasets", name="x", root="/etc").text)
    photos = submit_form("/datasets", name="x", root=str(population.folder)).text
    assert re.search(r'id="error-root">[^<]*images is not a folder', photos)


def test_a_damaged_labels_file_is_named(submit_form: SubmitForm, population: Population) -> None:
    root = make_dataset(population.root / "gap")
    (root / "labels.txt").write_text("0\tground\n2\tbar\n")
    assert re.search(
        r'id="error-root">[^<]*class 1 is missing', submit_form("/datasets", name="gap", root=str(root)).text
    )


def test_workers_are_alive_or_gone(client: FlaskClient) -> None:
    page = client.get("/workers").text
    assert re.search(rf'state-alive">alive</span></td>\s*<td class="wrap">{OWNER}</td>', page)
    assert re.search(r'state-gone">gone</span></td>\s*<td class="wrap">cpu@laboratory</td>', page)
    assert "NVIDIA H200" in page


def test_empty_pages_say_what_to_do_next(new_client: FlaskClient) -> None:
    assert 'href="/jobs/new/train"' in new_client.get("/checkpoints").text
    assert "deeplab sample shapes" in new_client.get("/datasets").text
    assert "deeplab worker start" in new_client.get("/workers").text
