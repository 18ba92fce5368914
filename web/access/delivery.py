"""How responses travel: compressed, and files of the application kept by browsers until they change."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flask_compress import Compress

_A_YEAR = 31_536_000  # seconds


def register_delivery(app: Flask) -> None:
    """Compress texts, and let browsers keep the application's own files: their addresses change with their content."""
    app.config.update(
        COMPRESS_ALGORITHM=["zstd", "br", "gzip"],
        COMPRESS_ZSTD_LEVEL=6,
        COMPRESS_BR_LEVEL=4,
        COMPRESS_MIN_SIZE=1000,  # bytes; less is not worth it
        COMPRESS_STREAMS=False,  # it would not close the files
    )
    Compress(app)
    folder = Path(app.static_folder or "")

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "filename" in values:
            values.setdefault("v", _version(folder / values["filename"]))

    @app.after_request  # the last that is registered is the first that is called: it is compressed after this
    def keep_static_files(response: Response) -> Response:
        if request.endpoint != "static" or response.status_code not in (200, 304):
            return response
        if response.status_code == 200:
            response.direct_passthrough = False
            response.make_sequence()  # into memory, since streams are not compressed
        if "v" in request.args:
            response.cache_control.no_cache = None
            response.cache_control.public = True
            keep(response)
        return response


def keep(response: Response) -> None:
    """Let browsers keep a response: its address changes with its content."""
    response.cache_control.max_age = _A_YEAR
    response.cache_control.immutable = True


def needs_body(response: Response) -> bool:
    """Answer from the ETag alone what can be answered so; False if the content is not to be made.

    The browser may have it already, or ask by HEAD whether it is there; nobody knows how long it would be.
    """
    response.make_conditional(request.environ)
    if request.method == "HEAD":
        response.automatically_set_content_length = False
        response.headers.pop("Content-Length", None)
        return False
    return response.status_code != 304


@lru_cache(maxsize=256)
def _version(path: Path) -> str | None:
    """A text that differs between versions of a file; None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return f"{status.st_mtime_ns ^ status.st_size:x}"
