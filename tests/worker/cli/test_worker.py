import json
import socket

from tests.worker.cli.conftest import Deeplab
from worker.jobs import workers
from worker.jobs.database import open_session
from worker.jobs.settings import Settings


def test_workers(deeplab: Deeplab, home: Settings) -> None:
    assert deeplab("worker", "list").output == "No workers found.\n"
    with open_session(home) as session:
        workers.register(session, "gpu@test", "gpu", "NVIDIA H200")
    assert deeplab("worker", "list").output.splitlines()[1].split()[:4] == ["gpu@test", "gpu", "alive", "NVIDIA"]
    (listed,) = json.loads(deeplab("worker", "list", "--json").output)
    assert (listed["name"], listed["alive"]) == ("gpu@test", True)


def test_worker_check_looks_for_one_of_this_machine(deeplab: Deeplab, home: Settings) -> None:
    with open_session(home) as session:
        workers.register(session, "gpu@elsewhere", "gpu", "CPU")
        workers.register(session, f"cpu@{socket.gethostname()}", "cpu", "CPU")
    assert deeplab("worker", "check", "--queue", "cpu").exit_code == 0
    ended = deeplab("worker", "check", "--queue", "gpu")
    assert ended.exit_code == 1
    assert ended.stderr == f"Error: No live worker serves the gpu queue on {socket.gethostname()}.\n"
