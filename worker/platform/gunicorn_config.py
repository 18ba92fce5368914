"""gunicorn's configuration; it reads the names of this module (`--config python:...gunicorn_config`)."""

import sys
from typing import Any

from deeplab.processes import die_with_parent, return_memory

worker_class = "worker.platform.gunicorn_worker.BufferingWorker"
logger_class = "worker.platform.gunicorn_worker.FieldsLogger"
workers = 1  # one process is enough for a dashboard, and keeps SQLite's writers few
timeout = 60
graceful_timeout = 3  # a page that is still polling after that is cut off
control_socket_disable = True  # it is one per user, and several platforms may run side by side
loglevel = "warning"

_path = list(sys.path)


def on_starting(server: Any) -> None:
    """Undo gunicorn's habit of importing from the current folder, where other people's `web` packages may lie."""
    sys.path[:] = _path


def post_fork(server: Any, worker: Any) -> None:
    """Let a worker die with its arbiter, or it would hold the port for a while, and give back memory."""
    die_with_parent(server.pid)
    return_memory()


def post_worker_init(_worker: Any) -> None:
    """Reconcile here too, so that a job whose worker is dead ends or moves on though no other worker comes."""
    from worker.jobs.reconciler import Reconciler
    from worker.jobs.settings import load_settings

    Reconciler(load_settings()).start()
