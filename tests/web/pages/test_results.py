import csv
import html
import io
import re

import pytest
from flask.testing import FlaskClient

from tests.web.photos import ODD_NAMES
from tests.web.population import Population
from worker.jobs.results.record import item_key


def tiles(page: str) -> list[str]:
    return re.findall(r'<li id="item-([0-9a-f]{16})">', page)


def link(page: str, rel: str) -> str:
    """The address of the link to the page before or after."""
    found = re.search(rf'<a href="([^"]+)" rel="{rel}"', page)
    assert found is not None
    return html.unescape(found[1])


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


def test_the_histogram_names_colours_and_shares(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results").text
    histogram = page[page.index('class="histogram"') : page.index('class="question"')]
    names = re.findall(r"</svg> (\w+)</span>\s*<span class=\"count\">([\d.]+)", histogram)
    assert [name for name, _ in names] == ["ground", "disc", "bar"]
    assert abs(sum(float(share) for _, share in names) - 100) < 0.2
    assert 'color="#800000"' in histogram
    assert f'href="/jobs/{population.segmented}/results?class=1" title="In 5 images; show only these"' in histogram


def test_only_errors_are_listed_with_their_sentences(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results?only=errors").text
    assert tiles(page) == []
    assert re.search(r'<td class="path">broken.jpg</td><td class="wrap">broken.jpg: is not an image', page)


def test_images_with_a_class(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results?class=1").text
    assert len(tiles(page)) == 5
    assert "Results <small>5 of 6 images</small>" in page
    assert "Nothing fits" in client.get(f"/jobs/{population.segmented}/results?class=77").text


def test_filters_fill_the_form_and_stay_in_every_link(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results?class=1&min_share=1.5&name=0&sort=-share").text
    assert '<option value="1" selected>disc</option>' in page
    assert 'name="min_share" min="0" max="100" step="any"\n    value="1.5"' in page
    assert '<option value="-share" selected data-of="class">Largest share of disc first</option>' in page
    assert re.search(
        r'href="/jobs/\d+/results/[0-9a-f]{16}\?class=1&amp;min_share=1.5&amp;name=0&amp;sort=-share"', page
    )
    assert "mean IoU" not in page  # nothing was evaluated


def test_tiles_tell_the_value_of_their_order(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results?class=2&sort=-share").text
    values = [
        float(value)
        for value in re.findall(r'</span>\s*<span class="count">([\d.]+)\u202f%</span>\s*</span>\s*</a>', page)
    ]
    assert len(values) == 5
    assert values == sorted(values, reverse=True)


def test_images_with_a_confusion(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.evaluated}/results?true=1&predicted=0&sort=-pixels").text
    assert len(tiles(page)) == 1
    assert re.search(r"Images in which\s+<strong>disc</strong> was taken for <strong>ground</strong>", page)
    assert re.search(r'<span class="count">[\d]+ pixels</span>', page)
    assert tiles(client.get(f"/jobs/{population.evaluated}/results?true=0&predicted=1").text) == []


def test_images_of_a_folder(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.segmented}/results?folder=deep").text
    assert re.findall(r'class="tile-path">([^<]+)', page) == ["deep/er/1.png"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("class=x", "class: must be a class from 0 to 255, got &#39;x&#39;."),
        ("min_share=5", "class: is required with a share"),
        ("class=1&max_share=120", "max_share: must be a percentage from 0 to 100"),
        ("only=good", "only: must be errors"),
        ("sort=size", "sort: must be one of name, "),
        ("sort=-share", "sort=-share needs a class"),
        ("true=1", "true: needs true and predicted"),
        ("cursor=x", "cursor is not one of this list"),
    ],
)
def test_what_cannot_be_answered_is_said(
    client: FlaskClient, population: Population, query: str, sentence: str
) -> None:
    response = client.get(f"/jobs/{population.segmented}/results?{query}")
    assert response.status_code == 422
    assert sentence in response.text
    assert "Show all" in response.text


def test_pages_through_all_images_once_and_back(client: FlaskClient, population: Population) -> None:
    client.application.config["IMAGES_PER_PAGE"] = 4
    first = client.get(f"/jobs/{population.segmented}/results").text
    assert "1\N{EN DASH}4 of 6" in first
    second = client.get(link(first, "next")).text
    assert "5\N{EN DASH}6 of 6" in second
    assert len({*tiles(first), *tiles(second)}) == 6
    assert tiles(client.get(link(second, "prev")).text) == tiles(first)
    assert 'rel="next"' not in second


def test_the_images_of_an_evaluation(client: FlaskClient, population: Population) -> None:
    page = client.get(f"/jobs/{population.evaluated}/results?class=1&sort=class_iou").text
    [key] = tiles(page)
    assert '<option value="mean_iou">Lowest mean IoU first</option>' in page
    assert '<option value="class_iou" selected data-of="class">Lowest IoU of disc first</option>' in page
    assert 'aria-label="Confidence from, percent"' in page
    assert client.get(f"/jobs/{population.evaluated}/images/{key}").status_code == 200
    assert client.get(f"/jobs/{population.evaluated}/masks/{key}").status_code == 200
    assert "1 of 1" in client.get(f"/jobs/{population.evaluated}/results/{key}").text


def test_jobs_without_results_of_images_say_why(client: FlaskClient, population: Population) -> None:
    assert "A grid search scores settings" in client.get(f"/jobs/{population.searched}/results").text
    assert "An earlier version ran this job" in client.get(f"/jobs/{population.refined}/results").text


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
    assert "have no results of images" in response.text
