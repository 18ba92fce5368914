"""What a real gunicorn makes of clients that are slow, or pretend to be a proxy."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes import wait_until
from web import create_app
from worker.jobs.settings import Settings
from worker.platform import web_server
from worker.platform.gunicorn_worker import LANES

_N_THREADS = sum(n for _, n in LANES)


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    log: Path

    def get(self, address: str, **headers: str) -> httpx.Response:
        named = {name.replace("__", "-"): value for name, value in headers.items()}
        return httpx.get(f"http://127.0.0.1:{self.port}{address}", headers=named, timeout=60)


@pytest.fixture
def server(new_settings: Settings, tmp_path: Path) -> Iterator[Server]:
    with web_server.listen("127.0.0.1", 0) as listener, (tmp_path / "web.log").open("wb") as log:
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
def test_clients_that_send_half_a_request_keep_nobody_waiting(server: Server, half: str) -> None:
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(2 * _N_THREADS)
        ]
        for client in clients:
            client.sendall(half.encode())
        assert server.get("/healthz").status_code == 200
        assert server.get("/jobs").status_code == 200
        for client in clients:  # nobody was sent away for it
            client.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.recv(1)
    assert "Traceback" not in server.log.read_text()


def test_odd_requests_are_answered(server: Server) -> None:
    host, post = "Host: 127.0.0.1\r\n", "POST /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for request, status in (
        ("GET /jobs HTTP/1.0\r\n\r\n", 200),
        (f"GET http://127.0.0.1/jobs HTTP/1.1\r\n{host}\r\n", 200),
        (f"GET http://evil.example/jobs HTTP/1.1\r\n{host}\r\n", 400),
        ("GET /jobs HTTP/1.1\r\n\r\n", 400),
        (f"GET /jobs HTTP/1.1\r\n{host}Host: evil.example\r\n\r\n", 400),
        (f"GET /jobs HTTP/1.1\n{host}\r\n", 400),
        ("GET /jobs HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", 400),
        (f"GET /\xff HTTP/1.1\r\n{host}\r\n", 400),
        ("\x16\x03\x01\x02\r\n\r\n", 400),
        (f"{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (f"{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (f"{post}Transfer-Encoding: xchunked\r\n\r\n", 501),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(request.encode("latin-1"))
            assert int(client.recv(12).split()[1]) == status, request
    assert "exception" not in server.log.read_text()


def test_what_is_sent_is_bounded(server: Server) -> None:
    assert server.get("/healthz", X__Long="x" * 40_000).status_code == 431
    address = f"http://127.0.0.1:{server.port}/api/v1/jobs"
    answer = httpx.post(address, content=b" " * 1_100_000)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert httpx.post(address, content=b" " * 3_000_000).status_code == 413


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


def test_images_have_threads_of_their_own_and_so_has_what_is_answered_at_once(new_settings: Settings) -> None:
    addresses = create_app(new_settings).url_map.bind("localhost")
    image = {"job_id": 7, "key": "x"}
    tile = {"layer": "image", "level": 0, "row": 0, "column": 0}
    lanes: dict[int, list[tuple[str, dict[str, Any]]]] = {
        0: [("static", {"filename": "app.js"}), ("probes.healthz", {})],
        1: [("api.stream_job", {"job_id": 7})],
        2: [("pages.image", image), ("pages.mask", image), ("pages.tile", image | tile)],
        3: [
            ("pages.list_jobs", {}),
            ("api.list_events", {"job_id": 7}),
            ("pages.list_results", {"job_id": 7}),
            ("pages.show_image", image),
        ],
    }
    for lane, named in lanes.items():
        for path in (addresses.build(endpoint, values) for endpoint, values in named):
            assert next(number for number, (pattern, _) in enumerate(LANES) if pattern.search(path)) == lane, path
