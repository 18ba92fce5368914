"""gunicorn's worker and log, where clients fall silent or do not hang up (see `web_server.listen`)."""

import logging
import sys
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]  # it has neither types nor stubs
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from worker.jobs.log_fields import FieldsFormatter
from worker.jobs.settings import load_settings

_LINGER_SECONDS = 0.5  # for which a client may go on sending after its answer


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Closes connections in the threads that served them.

    gunicorn does so in its main thread and waits for each client to hang up, for two seconds: a few that do not would
    keep everybody else waiting.
    """

    def handle(self, conn: TConn) -> Any:
        """Serve a request; returns whether the connection stays open, as gunicorn has it."""
        stays_open = super().handle(conn)
        if stays_open is False:
            util.close_graceful(conn.sock, timeout=_LINGER_SECONDS)
            conn.close = lambda graceful=False: None
        return stays_open


class BriefLogger(Logger):  # type: ignore[misc]
    """Says in one line, and not by a traceback, that a client fell silent; logs JSON if the settings say so."""

    def setup(self, cfg: Any) -> None:
        """Prepare gunicorn's log, and that of the application in the same process."""
        super().setup(cfg)
        if load_settings().log == "json":
            logging.basicConfig(level=logging.INFO, handlers=[logging.StreamHandler(sys.stderr)], force=True)
            for handler in (*self.error_log.handlers, *logging.getLogger().handlers):
                handler.setFormatter(FieldsFormatter())

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log the exception that is being handled."""
        if isinstance(sys.exc_info()[1], BlockingIOError):
            self.warning("A client fell silent in the middle of a request; its connection is closed.")
        else:
            super().exception(msg, *args, **kwargs)
