import http.server
import socket
import threading
from pathlib import Path

import pytest

from worker.jobs.settings import Settings
from worker.platform import web_server
from worker.platform.web_server import ListenError


def test_port_in_use_is_named() -> None:
    with web_server.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ListenError, match=f"Port {port} of 127.0.0.1 is in use; choose another one with --port"):
            web_server.listen("127.0.0.1", port)


def test_foreign_address_is_named() -> None:
    with pytest.raises(ListenError, match=r"Cannot listen on port 8000 of 203\.0\.113\.1: "):
        web_server.listen("203.0.113.1", 8000)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "http://127.0.0.1:8000"), ("0.0.0.0", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")],  # noqa: S104
)
def test_address_is_one_that_a_browser_can_open(tmp_path: Path, host: str, expected: str) -> None:
    assert web_server.address(Settings(home=tmp_path, host=host, port=8000)) == expected


def test_answers_only_once_somebody_serves(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, port=web_server.free_port("127.0.0.1"))
    assert not web_server.answers(settings)
    with http.server.HTTPServer((settings.host, settings.port), http.server.SimpleHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        assert web_server.answers(settings)  # with 404, which is an answer
        server.shutdown()
        thread.join()


def test_who_takes_nothing_of_an_answer_is_cut_off() -> None:
    with (
        web_server.listen("127.0.0.1", 0, patience=1) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as connection,
        pytest.raises(TimeoutError),
    ):
        connection.sendall(bytes(2**26))
