"""What a real gunicorn makes of clients that are slow, or pretend to be a proxy."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.processes import wait_until
from worker.jobs.settings import Settings
from worker.platform import gunicorn_config, web_server


@dataclass(frozen=True)
class Server:
    """A running server, whose patience is one second."""

    port: int
    log: Path

    def get(self, address: str, **headers: str) -> httpx.Response:
        named = {name.replace("__", "-"): value for name, value in headers.items()}
        return httpx.get(f"http://127.0.0.1:{self.port}{address}", headers=named, timeout=60)


@pytest.fixture
def server(new_settings: Settings, tmp_path: Path) -> Iterator[Server]:
    with web_server.listen("127.0.0.1", 0, patience=1) as listener, (tmp_path / "web.log").open("wb") as log:
        port = listener.getsockname()[1]
        listener.set_inheritable(True)
        settings = new_settings.model_copy(update={"port": port})
        process = subprocess.Popen(
            web_server.command(listener), env=settings.environment(), pass_fds=[listener.fileno()], stderr=log
        )
    wait_until(lambda: web_server.answers(settings), 60)
    yield Server(port, tmp_path / "web.log")
    process.terminate()
    process.wait()


@pytest.mark.parametrize(
    "half",
    [
        "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    ],
    ids=["half a head", "half a body"],
)
def test_clients_that_fall_silent_do_not_keep_all_threads(server: Server, half: str) -> None:
    with ExitStack() as stack:
        for _ in range(2 * gunicorn_config.threads):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(half.encode())
        assert server.get("/healthz").status_code == 200
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "A client fell silent in the middle of a request" in log or "POST" in half


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script__Name"])
def test_a_client_cannot_address_a_request_anew(server: Server, name: str) -> None:
    assert server.get("/static/api/v1/jobs", **{name: "/static"}).status_code == 404
    assert server.get("/healthz/api/v1/datasets", **{name: "/healthz"}).status_code == 404
    assert server.get("/healthz", **{name: "/x"}).status_code == 200


def test_what_a_client_says_of_a_proxy_is_not_believed(server: Server) -> None:
    made_up = {"X__Forwarded__Proto": "https", "X__Forwarded__Host": "evil.example", "X__Forwarded__Prefix": "/x"}
    answer = server.get("/", **made_up)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/jobs")
    assert server.get("/healthz", PATH_INFO="/api/v1/jobs").json()["status"] == "ok"
