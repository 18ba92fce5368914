"""`deeplab up` as its operator sees it: a process that prints an address, and leaves nothing behind."""

import re
import signal
from pathlib import Path

import httpx
import psutil
import pytest

from tests.acceptance.up_process import Up, run_deeplab, running_up
from tests.processes import family_of, lives, wait_until
from worker.platform import web_server

pytestmark = pytest.mark.acceptance


def n_alive(up: Up) -> int:
    return sum(worker["alive"] for worker in up.ask("/api/v1/workers").json()["workers"])


def test_runs_restarts_dead_processes_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_up(home) as up:
        assert up.said(f"DeepLab listens on {up.url}")
        assert httpx.get(f"{up.url}/healthz").status_code == 200
        wait_until(lambda: n_alive(up) == 2, 30)

        second = run_deeplab("up", "--home", home, "--port", web_server.free_port("127.0.0.1"))
        assert second.returncode == 1
        assert second.stderr.startswith(f"Error: The platform of {home} is already running (deeplab up, process")
        assert second.stderr.endswith(f"and listens on {up.url}.\n")

        for process in (up.process_with("gunicorn"), up.process_with("valkey")):
            process.kill()
        wait_until(lambda: up.said("The web server ended (killed by SIGKILL;"), 10)
        wait_until(lambda: up.said("The broker ended (killed by SIGKILL;"), 10)
        assert httpx.get(f"{up.url}/healthz", timeout=30).status_code == 200  # the port was never given up

        family = family_of(up.process.pid)
        assert len(family) >= 7  # up, valkey, two workers with a pool process each, gunicorn with a worker
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(30) == 0
        assert up.output.read_text().endswith("Stopped.\n")
        assert [each for each in family if lives(each)] == []


def test_lets_in_whoever_opens_its_link_or_has_its_token_and_nobody_else(tmp_path: Path) -> None:
    with running_up(tmp_path / "home") as up:
        link = re.search(r"Sign in: (http://\S+/login\?once=\S+) ", up.output.read_text())
        assert link is not None
        with httpx.Client(base_url=up.url) as browser, httpx.Client(base_url=up.url) as stranger:
            assert browser.get("/jobs").headers["Location"] == "/login?next=/jobs"
            assert browser.get(link[1]).headers["Location"] == "/jobs"
            assert browser.get("/jobs").status_code == 200
            assert stranger.get(link[1]).status_code == 422
            assert stranger.get("/api/v1/jobs").status_code == 401
            assert stranger.get("/healthz").json() == {"status": "ok"}
        assert up.ask("/api/v1/me").json() == {"name": "local", "role": "admin", "via": "token"}
        another = run_deeplab("login-link", DEEPLAB_HOME=str(tmp_path / "home"))
        assert another.stdout.startswith(f"{up.url}/login?once=")
        assert httpx.get(another.stdout.strip()).headers["Location"] == "/jobs"


def test_listens_for_others_only_with_an_admin_or_when_told_to_ask_nobody(tmp_path: Path) -> None:
    port = web_server.free_port("0.0.0.0")  # noqa: S104
    address = ("--host", "0.0.0.0", "--port", str(port))  # noqa: S104
    refused = run_deeplab("up", "--home", str(tmp_path / "home"), *address)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"Error: Others can reach port {port} of every address of this machine, here http://127.0.0.1:{port}, and no "
        "admin can sign in. Create one: deeplab user add NAME --role admin, or pass --insecure to ask nobody.\n"
    )
    left = [each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(each.info["cmdline"] or [])]
    assert left == []
    with running_up(tmp_path / "home", "--host", "0.0.0.0", "--insecure") as up:  # noqa: S104
        assert up.said(f"Warning: nobody is asked to sign in. Whoever reaches port {up.port} of every address of this")
        assert httpx.get(f"{up.url}/api/v1/me").json()["via"] == "off"
        assert "Nobody is asked to sign in" in httpx.get(f"{up.url}/jobs").text


def test_leaves_nothing_behind_when_it_is_killed(tmp_path: Path) -> None:
    with running_up(tmp_path / "home") as up:
        wait_until(lambda: len(family_of(up.process.pid)) >= 7, 30)
        family = family_of(up.process.pid)
        up.process.kill()
        up.process.wait()
        wait_until(lambda: not any(lives(each) for each in family), 10)


def test_runs_without_a_dashboard_and_stops_on_sigterm(tmp_path: Path) -> None:
    with running_up(tmp_path / "home", "--no-web") as up:
        with pytest.raises(httpx.ConnectError):
            httpx.get(up.url)
        family = family_of(up.process.pid)
        up.process.terminate()
        assert up.process.wait(30) == 0
        assert [each for each in family if lives(each)] == []


def test_port_in_use_ends_it_with_one_sentence(tmp_path: Path) -> None:
    with web_server.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        ended = run_deeplab("up", "--home", str(tmp_path / "home"), "--port", str(port))
    assert ended.returncode == 1
    assert ended.stderr == f"Error: Port {port} of 127.0.0.1 is in use; choose another one with --port.\n"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"DEEPLAB_HOME": "/dev/null/home"}, "Error: The home folder /dev/null/home cannot be used: Not a directory;"),
        ({"DEEPLAB_BROKER_URL": "redis://127.0.0.1:1/0"}, "Error: The broker redis://127.0.0.1:1/0 cannot be reached:"),
        (
            {"DEEPLAB_DATABASE_URL": "postgresql://127.0.0.1:1/deeplab"},
            "Error: The database postgresql://127.0.0.1:1/deeplab cannot be reached:",
        ),
        (
            {"DEEPLAB_DATABASE_URL": "mongodb://here"},
            "Error: DEEPLAB_DATABASE_URL: expected a URL such as postgresql://",
        ),
        ({"DEEPLAB_PORT": "eighty"}, "Error: DEEPLAB_PORT: "),
    ],
    ids=["home", "broker", "database", "database URL", "setting"],
)
def test_what_cannot_work_ends_it_with_one_sentence(tmp_path: Path, environment: dict[str, str], sentence: str) -> None:
    port = str(web_server.free_port("127.0.0.1"))
    ended = run_deeplab("up", **{"DEEPLAB_HOME": str(tmp_path / "home"), "DEEPLAB_PORT": port} | environment)
    assert ended.returncode == 1
    assert ended.stderr.startswith(sentence)
    assert ended.stderr.count("\n") == 1
    assert "Traceback" not in ended.stderr + ended.stdout
    left = [each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(each.info["cmdline"] or [])]
    assert left == []
