"""A web server of one folder on 127.0.0.1 that answers Range requests and, where a test asks for it, misbehaves."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


@dataclass
class FileServer:
    """The server's address, what it was asked for, and how it misbehaves."""

    folder: Path
    url: str = ""
    ranges: list[str | None] = field(default_factory=list)  # the Range header of each request
    break_after: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    busy: int = 0  # how many requests get 503
    no_validator: bool = False  # neither ETag nor date
    piece: int = 2**30  # bytes between two pauses
    pause: float = 0  # seconds


@contextmanager
def serve_files(folder: Path) -> Iterator[FileServer]:
    """Serve a folder until the block ends."""
    state = FileServer(folder)

    class Handler(_Handler):
        files = state

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    files: FileServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.files.folder / unquote(self.path).lstrip("/")
        self.files.ranges.append(self.headers["Range"])
        if self.files.busy:
            self.files.busy -= 1
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
        elif path.is_file():
            self._send(path.read_bytes())
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _send(self, content: bytes) -> None:
        etag = f'"{sha256(content).hexdigest()}"'
        start = 0
        if self.headers["Range"] and self.headers["If-Range"] == etag:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(content):
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if not self.files.no_validator:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + self.files.break_after.pop(0) if self.files.break_after else len(content)
        for place in range(start, min(end, len(content)), self.files.piece):
            self.wfile.write(content[place : min(end, place + self.files.piece)])
            time.sleep(self.files.pause)
