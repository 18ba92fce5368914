import os
import socket
import subprocess
import sys

import pytest
from sqlalchemy import update

from worker.jobs import workers
from worker.jobs.database import db_now, open_session
from worker.jobs.processes import start_of
from worker.jobs.settings import Settings
from worker.jobs.tables import WorkerRow


def test_a_worker_is_alive_while_its_heartbeat_is_fresh(store: Settings) -> None:
    with open_session(store) as session:
        ids = {name: workers.register(session, name, "gpu", "CPU (2 cores)") for name in ("a", "b", "c")}
        workers.unregister(session, ids["a"])
        session.execute(update(WorkerRow).where(WorkerRow.name == "b").values(heartbeat_at=db_now() - 3600))
        assert [(each.name, each.alive) for each in workers.list_workers(session)] == [
            ("c", True),
            ("a", False),
            ("b", False),
        ]
        workers.heartbeat(session, ids["b"])
        assert [each.name for each in workers.list_workers(session) if each.alive] == ["b", "c"]


def test_a_worker_that_is_started_again_is_alive_again(store: Settings) -> None:
    with open_session(store) as session:
        first = workers.register(session, "a", "gpu", "CPU (2 cores)")
        workers.unregister(session, first)
        workers.register(session, "a", "cpu", "CPU (4 cores)")
        [worker] = workers.list_workers(session)
        assert (worker.alive, worker.queue, worker.device, worker.pid) == (True, "cpu", "CPU (4 cores)", os.getpid())


def test_a_second_worker_on_a_machine_gets_a_name_of_its_own(store: Settings) -> None:
    host = socket.gethostname()
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with open_session(store) as session:
            assert workers.choose_name(session, "gpu") == f"gpu@{host}"
            workers.register(session, f"gpu@{host}", "gpu", "CPU")
            assert workers.choose_name(session, "gpu") == f"gpu@{host}"  # that is this very process
            session.execute(update(WorkerRow).values(pid=other.pid, process_start=start_of(other.pid)))
            assert workers.choose_name(session, "gpu") == f"gpu-2@{host}"
            assert workers.choose_name(session, "cpu") == f"cpu@{host}"
            with pytest.raises(workers.WorkerNameTakenError, match=f"gpu@{host} is running.* another --name"):
                workers.check_name(session, f"gpu@{host}")
            workers.check_name(session, "gpu@elsewhere")
    finally:
        other.communicate(b"\n")
    with open_session(store) as session:  # its heartbeat is fresh, but it is gone
        assert workers.choose_name(session, "gpu") == f"gpu@{host}"
