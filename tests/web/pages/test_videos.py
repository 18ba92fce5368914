import io
import re

import pytest
from flask.testing import FlaskClient
from PIL import Image

from deeplab.inference.output import frames_path, labelled_video_path
from tests.web.films import BROKEN, CUT, LABELLED, MASKED, Films, segment_films
from tests.web.population import Population
from worker.jobs.results.record import item_key


@pytest.fixture(scope="module")
def films(population: Population) -> Films:
    return segment_films(population)


def page_of(client: FlaskClient, films: Films, name: str, query: str = "") -> str:
    response = client.get(f"/jobs/{films.job_id}/results/{item_key(name)}{query}")
    assert response.status_code == 200
    return response.text


def test_the_gallery_shows_videos_and_masks_of_frames(client: FlaskClient, films: Films) -> None:
    page = client.get(f"/jobs/{films.job_id}/results").text
    assert "Results <small>4 videos</small>" in page
    assert re.findall(r'<video [^>]*src="([^"]+)"', page) == [
        f"/jobs/{films.job_id}/videos/{item_key(name)}" for name in (CUT, LABELLED)
    ]
    assert f'src="/jobs/{films.job_id}/masks/{item_key(MASKED)}?frame=0&amp;size=480"' in page
    assert "/images/" not in page
    assert 'type="range"' not in page
    assert '<span class="tile-path">cut.mkv (damaged)</span>' in page
    assert "broken.avi: cannot be read as a video" in page
    assert "street&#39;s.mp4" in page
    errors = client.get(f"/jobs/{films.job_id}/results?only=errors").text
    assert '<td class="wrap">cut.mkv: is cut short: it ends at 0.80 s of 3.00 s' in errors


def test_a_video_can_be_played_and_downloaded(client: FlaskClient, films: Films) -> None:
    page = page_of(client, films, LABELLED)
    address = f"/jobs/{films.job_id}/videos/{item_key(LABELLED)}"
    assert re.search(rf'<video [^>]*src="{address}"[^>]* controls>', page)
    assert f'href="{address}?download=1"' in page
    assert "4 frames segmented in" in page
    content = labelled_video_path(films.output, LABELLED).read_bytes()
    whole = client.get(address, buffered=True)
    assert (whole.data, whole.mimetype, whole.headers["Accept-Ranges"]) == (content, "video/mp4", "bytes")
    part = client.get(address, headers={"Range": "bytes=10-19"}, buffered=True)
    assert (part.status_code, part.data) == (206, content[10:20])
    saved = client.get(f"{address}?download=1", buffered=True)
    assert "attachment; filename=street's.mp4.mp4" in saved.headers["Content-Disposition"]


def test_players_may_load_what_comes_from_here(client: FlaskClient, films: Films) -> None:
    policy = client.get(f"/jobs/{films.job_id}/results").headers["Content-Security-Policy"]
    assert "media-src 'self';" in policy


def test_masks_are_shown_frame_by_frame(client: FlaskClient, films: Films) -> None:
    first, last = page_of(client, films, MASKED), page_of(client, films, MASKED, "?frame=3")
    address = f"/jobs/{films.job_id}/results/{item_key(MASKED)}"
    assert "Frame 0 at 0.000 s" in first
    assert f'href="{address}?frame=1"' in first
    assert "Frame 6 at 0.600 s" in last
    assert f'href="{address}?frame=2"' in last
    assert f'href="{address}?frame=4"' not in last
    mask = re.search(r'src="([^"]+/masks/[^"]+)"', last)
    assert mask is not None
    image = Image.open(io.BytesIO(client.get(mask[1].replace("&amp;", "&")).data))
    assert (image.size, image.getpixel((0, 0))) == ((48, 32), 6 % 3)
    saved = client.get(f"/jobs/{films.job_id}/masks/{item_key(MASKED)}?frame=6&download=1", buffered=True)
    assert "filename=masks.mov-00000006.png" in saved.headers["Content-Disposition"]
    for query in ("?frame=4", "?frame=-1"):
        assert client.get(address + query).status_code == 404


def test_the_table_of_frames_is_a_download(client: FlaskClient, films: Films) -> None:
    response = client.get(f"/jobs/{films.job_id}/frames/{item_key(MASKED)}.csv", buffered=True)
    assert response.data == frames_path(films.output, MASKED).read_bytes()
    assert "attachment; filename=masks.mov.csv" in response.headers["Content-Disposition"]


def test_what_was_labelled_of_a_damaged_video_is_shown_with_its_error(client: FlaskClient, films: Films) -> None:
    page = page_of(client, films, CUT)
    assert "cut.mkv: is cut short" in page
    assert "<video" in page
    broken = page_of(client, films, BROKEN)
    assert "cannot be read as a video" in broken
    assert "<video" not in broken


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (f"videos/{item_key(MASKED)}", "masks.mov has no labelled video."),
        (f"videos/{item_key(BROKEN)}", "broken.avi is no video, or nothing was made of it."),
        (f"images/{item_key(LABELLED)}", "is a video, not an image."),
        (f"masks/{item_key(LABELLED)}", "has no mask."),
        (f"masks/{item_key(MASKED)}?frame=1", "has no mask."),
    ],
)
def test_what_there_is_not(client: FlaskClient, films: Films, address: str, sentence: str) -> None:
    response = client.get(f"/jobs/{films.job_id}/{address}")
    assert response.status_code == 404
    assert sentence in response.text


def test_files_that_are_gone_are_said(client: FlaskClient, population: Population) -> None:
    gone = segment_films(population)
    frames_path(gone.output, LABELLED).unlink()
    assert "The files of this video are gone." in page_of(client, gone, LABELLED)
    assert "The files of this video are gone." in client.get(f"/jobs/{gone.job_id}/results").text


def test_the_api_tells_frames(client: FlaskClient, films: Films) -> None:
    answer = client.get(f"/api/v1/jobs/{films.job_id}/items").json
    assert answer is not None
    assert [(item["path"], item["frames"]) for item in answer["items"]] == [
        (BROKEN, 0),
        (CUT, 4),
        (LABELLED, 4),
        (MASKED, 4),
    ]


def test_the_picker_offers_videos_as_input(client: FlaskClient, films: Films) -> None:
    page = client.get(f"/pick?for=input&path={films.folder}").text
    assert f'data-choose="{films.folder / MASKED}"' in page
    assert "Use this folder" in page
    assert MASKED not in client.get(f"/pick?for=folder&path={films.folder}").text
    assert 'data-pick="input"' in client.get("/jobs/new/segment").text
