"""Through a real pgbouncer that hands out its connections by transaction, fewer than there are clients."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.conftest import OpenStore
from tests.processes import wait_until
from tests.worker.store import FOREVER, submit
from worker.jobs import jobs, leases
from worker.jobs.database import engine_for, open_session
from worker.jobs.settings import Settings, load_settings

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="there is no pgbouncer here: apt-get install pgbouncer")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def pooled(postgresql: OpenStore, tmp_path: Path) -> Iterator[Settings]:
    """A store behind a pooler with two connections to its server."""
    direct = postgresql(tmp_path)
    url, port = make_url(direct.database), free_port()
    sockets = Path(str(url.query["host"]))
    server = f"host={sockets} user={url.username} dbname={url.database}"
    with tempfile.TemporaryDirectory(prefix="deeplab-pgbouncer-") as folder:
        users, configuration = Path(folder, "users.txt"), Path(folder, "pgbouncer.ini")
        users.write_text(f'"{url.username}" "secret"\n')
        lines = [
            "[databases]",
            f"deeplab = {server}",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {port}",
            "unix_socket_dir =",
            f"auth_file = {users}",
            "auth_type = md5",
            "pool_mode = transaction",
            "default_pool_size = 2",
        ]
        if os.geteuid() == 0:  # it refuses to run as root; the server's user can open the server's socket
            lines.append(f"user = {sockets.owner()}")
            for path in (Path(folder), users):
                shutil.chown(path, sockets.owner())
        configuration.write_text("\n".join(lines))
        configuration.chmod(0o644)
        with subprocess.Popen([str(PGBOUNCER), "-q", str(configuration)], stderr=subprocess.DEVNULL) as process:
            wait_until(lambda: answers(port), 20)
            address = f"postgresql://{url.username}:secret@127.0.0.1:{port}/deeplab"
            yield load_settings(home=direct.home, database_url=address)
            engine_for(address).dispose()
            process.terminate()


def test_jobs_are_claimed_through_a_pooler_by_more_clients_than_it_has_connections(pooled: Settings) -> None:
    with open_session(pooled) as session:
        numbers = [submit(session, pooled).id for _ in range(40)]

    def claim(number: int) -> int:
        with open_session(pooled) as session:
            claimed = leases.claim(session, number, f"owner-{number}", FOREVER)
        assert claimed is not None
        with leases.fenced(pooled, number, claimed.fence) as session:
            leases.set_progress(session, number, 1, 2, "image", None)
        return claimed.fence

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(claim, numbers)) == [1] * 40
    with open_session(pooled, reads_only=True) as session:
        assert {jobs.get(session, number).done for number in numbers} == {1}
