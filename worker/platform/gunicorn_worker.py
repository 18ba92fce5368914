"""gunicorn's worker and log. The worker is waitress, which reads requests and sends answers without a thread.

A client that sends half a request, or takes an answer slowly, costs a connection and nothing else.
"""

import logging
import os
import re
import sys
from copy import copy
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # it has neither types nor stubs
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]
from waitress import create_server, wasyncore  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.parser import HTTPRequestParser, ParsingError  # type: ignore[import-untyped]
from waitress.task import ThreadedTaskDispatcher  # type: ignore[import-untyped]

from worker.jobs.log_fields import FieldsFormatter
from worker.jobs.settings import load_settings

LANES = (  # what the paths of requests match, the first that does, and how many threads these have
    (re.compile(r"/healthz$|^(/.*)?/static/"), 2),
    (re.compile(r"/jobs/\d+/events/stream$"), 10),  # more than may be open: see web.api.stream
    (re.compile(r"/jobs/\d+/(images|masks|tiles)/"), 8),  # more than may wait to decode: see web.access.turns
    (re.compile(""), 16),
)
# What the paths of requests match that may bring a file; web.access.uploads says how large each may be.
_UPLOADS = re.compile(r"/weights/new$|/checkpoints/[^/]+/try$")
# Whoever connects, a proxy on this machine included, may pass on what a client made up: what a trusted proxy says is
# read by web.access.proxy. waitress drops headers with "_", which could pass for others.
_WAITRESS: dict[str, Any] = {
    "clear_untrusted_proxy_headers": False,
    "ident": None,  # what serves is nobody's business
    "server_name": "localhost",  # for HTTP/1.0, which may name no host
    "connection_limit": 800,  # below the files that a process may have open
    # Longer than the pause between polls, or clients would send into a connection that is being closed.
    "channel_timeout": 75,
    "cleanup_interval": 5,
    "max_request_header_size": 32_768,
    "max_request_body_size": 2 * 2**20,  # twice web.context.LARGEST_REQUEST, whose refusal says more
    "inbuf_overflow": 65_536,  # bytes of a body that are kept in memory
    "outbuf_high_watermark": 4 * 2**20,  # bytes of an answer that may wait for the client; then its thread does
    "log_socket_errors": False,  # a client that hangs up is no error
}
_STOP_SECONDS = 2  # for which a stopping worker waits for answers that are being made; less than graceful_timeout


class Lanes:
    """Threads for each kind of request, so that many of one kind never keep those of another waiting.

    Images are decoded for seconds and asked for by dozens; whether the server is up, and how its pages look, is
    answered in a moment.
    """

    def __init__(self) -> None:
        self._lanes = [(pattern, _start_lane(n_threads)) for pattern, n_threads in LANES]

    def add_task(self, channel: Any) -> None:
        """Queue the next request of a connection; waitress calls this."""
        path = getattr(channel.requests[0], "path", "")  # what is no request has none, and is answered by 400
        next(lane for pattern, lane in self._lanes if pattern.search(path)).add_task(channel)

    def shutdown(self, timeout: float) -> None:
        """Take no more requests, and wait for those that are being answered."""
        for _, lane in self._lanes:
            lane.set_thread_count(0)
        for _, lane in self._lanes:
            lane.shutdown(timeout=timeout / len(self._lanes))


def _start_lane(n_threads: int) -> ThreadedTaskDispatcher:
    lane = ThreadedTaskDispatcher()
    lane.set_thread_count(n_threads)
    return lane


class _StrictParser(HTTPRequestParser):  # type: ignore[misc]
    """Refuses a request of two lengths, of which a proxy may believe the other one; uploads may be larger."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of a request; waitress answers an error by 400."""
        super().parse_header(header_plus)
        if self.command == "POST" and _UPLOADS.search(self.path):
            adjustments: Any = copy(vars(self)["adj"])
            adjustments.max_request_body_size += load_settings().upload_mb * 10**6
            self.adj = adjustments
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length beside Transfer-Encoding")


class _StrictChannel(HTTPChannel):  # type: ignore[misc]
    parser_class = _StrictParser


class BufferingWorker(Worker):  # type: ignore[misc]
    """Serves the app by waitress for as long as gunicorn wants."""

    def run(self) -> None:
        """Serve until gunicorn says stop; it replaces a worker that does not say for long that it lives."""
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # that requests wait is no news
        connections: dict[int, Any] = {}
        lanes = Lanes()
        server = create_server(
            self.wsgi,
            map=connections,
            _dispatcher=lanes,
            sockets=[listener.sock for listener in self.sockets],
            url_prefix=os.environ.get("SCRIPT_NAME", ""),
            **_WAITRESS,
        )
        server.channel_class = _StrictChannel
        while self.alive and self.ppid == os.getppid():
            self.notify()
            wasyncore.loop(timeout=0.5, use_poll=True, map=connections, count=1)
        lanes.shutdown(_STOP_SECONDS)
        wasyncore.close_all(connections)


class FieldsLogger(Logger):  # type: ignore[misc]
    """Logs JSON if the settings say so."""

    def setup(self, cfg: Any) -> None:
        """Prepare gunicorn's log, and that of the application in the same process."""
        super().setup(cfg)
        if load_settings().log == "json":
            logging.basicConfig(level=logging.INFO, handlers=[logging.StreamHandler(sys.stderr)], force=True)
            for handler in (*self.error_log.handlers, *logging.getLogger().handlers):
                handler.setFormatter(FieldsFormatter())
