import csv
import io
import re

from flask.testing import FlaskClient

from tests.web.photos import ODD_NAMES
from tests.web.population import Population
from web.results.segmentation import item_key


def tiles(page: str) -> list[str]:
    return re.findall(r'<li id="item-([0-9a-f]{16})">', page)


def test_the_gallery_shows_images_under_masks(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results").text
    assert len(tiles(page)) == 6
    assert page.count('class="mask"') == 5
    key = item_key("000.jpg")
    assert f'src="/jobs/{population.segmented}/images/{key}?size=480"' in page
    assert f'src="/jobs/{population.segmented}/masks/{key}?size=480"' in page
    assert 'width="64" height="48"' in page
    assert "is not an image in a supported format" in page
    assert 'type="range"' in page


def test_odd_names_are_shown_and_stay_text(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results").text
    assert "a dog&#39;s &#34;Käfig&#34; &amp; &lt;b&gt;.png" in page
    assert "latin-\\xe9.png" in page
    assert "deep/er/1.png" in page


def test_the_legend_names_colours_and_shares(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results").text
    legend = page[page.index('class="legend"') : page.index('class="gallery"')]
    names = re.findall(r"</svg> (\w+) <span class=\"count\">([\d.]+)", legend)
    assert [name for name, _ in names] == ["ground", "disc", "bar"]
    assert abs(sum(float(share) for _, share in names) - 100) < 0.2
    assert 'color="#800000"' in legend


def test_only_errors_are_listed_with_their_sentences(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results?only=errors").text
    assert tiles(page) == []
    assert re.search(r'<td class="path">broken.jpg</td><td class="wrap">broken.jpg: is not an image', page)


def test_images_with_a_class(client: FlaskClient, population: Population) -> None:
    assert len(tiles(client.get(f"/jobs/{population.segmented}/results?class=1").text)) == 5
    assert "No image contains this class" in client.get(f"/jobs/{population.segmented}/results?class=77").text


def test_pages_through_all_images_once(client: FlaskClient, population: Population) -> None:
    client.application.config["IMAGES_PER_PAGE"] = 4
    first = client.get(f"/jobs/{population.segmented}/results").text
    second = client.get(f"/jobs/{population.segmented}/results?page=2").text
    assert "Page 1 of 2" in first
    assert (len(tiles(first)), len(tiles(second))) == (4, 2)
    assert len({*tiles(first), *tiles(second)}) == 6
    assert tiles(client.get(f"/jobs/{population.segmented}/results?page=99").text) == tiles(second)


def test_the_large_view_has_neighbours(client: FlaskClient, population: Population) -> None:
    base = f"/jobs/{population.segmented}/results"
    order = tiles(client.get(base).text)
    page = client.get(f"{base}/{order[1]}").text
    assert f'data-key="ArrowLeft" href="{base}/{order[0]}"' in page
    assert f'data-key="ArrowRight" href="{base}/{order[2]}"' in page
    assert "2 of 6" in page
    assert 'rel="prev"' not in client.get(f"{base}/{order[0]}").text
    assert 'rel="next"' not in client.get(f"{base}/{order[-1]}").text


def test_neighbours_keep_to_the_filter(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results/{item_key('broken.jpg')}?only=errors").text
    assert "1 of 1" in page
    assert "is not an image" in page
    assert 'rel="next"' not in page


def test_manifest_and_masks_are_downloads(client: FlaskClient, population: Population) -> None:
    response = client.get(f"/jobs/{population.segmented}/manifest.csv", buffered=True)
    assert f"attachment; filename=job-{population.segmented}-manifest.csv" in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.data.decode("utf-8", "surrogateescape"))))
    assert len(rows) == 6
    mask = client.get(f"/jobs/{population.segmented}/masks/{item_key('000.jpg')}?download=1", buffered=True)
    assert "attachment; filename=000.jpg.png" in mask.headers["Content-Disposition"]
    odd = client.get(f"/jobs/{population.segmented}/masks/{item_key(ODD_NAMES[-1])}?download=1", buffered=True)
    assert odd.headers["Content-Disposition"].startswith("attachment; filename=")


def test_a_job_whose_images_all_failed_has_a_manifest(client: FlaskClient, population: Population) -> None:
    job = population.segment_nothing()
    page = client.get(f"/jobs/{job}/results?only=errors").text
    assert "is not an image" in page
    assert f'href="/jobs/{job}/manifest.csv"' in page
    assert client.get(f"/jobs/{job}/manifest.csv", buffered=True).status_code == 200


def test_without_results_it_says_why(client: FlaskClient, population: Population) -> None:
    cancelled = client.get(f"/jobs/{population.cancelled}/results").text
    assert "The job ended before any image was segmented" in cancelled
    running = population.submit("segment", checkpoint="2", input=str(population.folder))
    population.claim(running)
    page = client.get(f"/jobs/{running}/results").text
    assert "Images appear as shards finish" in page
    assert 'hx-trigger="every 5s"' in page
    manifest = client.get(f"/jobs/{running}/manifest.csv")
    assert manifest.status_code == 404
    assert "There is no manifest until the job is through with all images" in manifest.text


def test_other_kinds_have_no_gallery(client: FlaskClient, population: Population) -> None:
    response = client.get(f"/jobs/{population.trained}/results")
    assert response.status_code == 404
    assert "is a train job; only segment jobs have results" in response.text
