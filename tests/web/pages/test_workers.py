import re

from flask.testing import FlaskClient

from tests.web.conftest import form_sender
from tests.web.population import OWNER


def test_workers_are_alive_or_gone(client: FlaskClient) -> None:
    page = client.get("/workers").text
    assert re.search(rf'state-alive">alive</span></td>\s*<td class="wrap">{OWNER.replace("@", "@<wbr>")}</td>', page)
    assert re.search(r'state-gone">gone</span></td>\s*<td class="wrap">cpu@<wbr>laboratory</td>', page)
    assert "NVIDIA H200" in page


def test_without_workers_it_says_what_to_do_next(new_client: FlaskClient) -> None:
    assert "deeplab worker start" in new_client.get("/workers").text


def test_a_queue_is_paused_and_resumed_by_a_button(new_client: FlaskClient) -> None:
    send = form_sender(new_client)
    assert new_client.get("/workers").text.count("at work") == 2
    send("/queues/cpu/pause")
    page = new_client.get("/workers").text
    assert 'aria-label="Resume cpu"' in page
    assert page.count("at work") == 1
    send("/queues/cpu/resume")
    assert new_client.get("/workers").text.count("at work") == 2
    assert send("/queues/tpu/pause").status_code == 404
