"""Download a file over HTTP: whole or not at all, and continued where an earlier call broke off."""

import fcntl
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import httpx

from deeplab.errors import DeepLabError, OutputError
from deeplab.files import make_folder, printable
from deeplab.formats import words_of
from deeplab.reporter import Reporter, Stopped

_MB = 10**6
_MAX_FAILURES = 5  # transfers in a row that break off without a byte
_TIMEOUT_SECONDS = 30.0  # of silence


class DownloadError(DeepLabError):
    """A file cannot be downloaded, or is not the one that was published."""


def download(
    url: str,
    path: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    reporter: Reporter,
    pause_seconds: float = 1.0,
) -> None:
    """Download a file, unless it exists already. Makes missing folders.

    Until it is complete the file is called `NAME.part`. A later call continues it, if the server supports that and its
    file has not changed (by its ETag or date), and starts over otherwise.

    Args:
        url: http or https; redirects are followed, though none from https to http.
        path: where it goes.
        sha256: the published digest in hexadecimal, or its first digits.
        md5: the same, if only this older digest is published.
        reporter: hears of the progress in MB.
        pause_seconds: between the first attempt that fails and the second; longer before each further one.

    Raises:
        DownloadError: if the server refuses, the transfer keeps failing, the disk is too small, another process
            downloads the same file, or the file has another digest.
        OutputError: if the file cannot be written.
        Stopped: when asked to stop; what was received so far is kept.
    """
    if path.exists():
        _verify(path, path, sha256, md5)
        return
    make_folder(path.parent)
    draft = path.with_name(f"{path.name}.part")
    try:
        with _open_alone(draft) as file:
            _transfer(url, file, _notes_of(draft), reporter, pause_seconds)
            file.flush()
            os.fsync(file.fileno())
            _verify(draft, path, sha256, md5)
            draft.replace(path)
            _notes_of(draft).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{printable(path)}: cannot be written: {error.strerror or error}.") from error


def _notes_of(draft: Path) -> Path:
    """The file that says which version of the server's file a draft belongs to."""
    return draft.with_name(f"{draft.name}.json")


@contextmanager
def _open_alone(draft: Path) -> Iterator[BinaryIO]:
    if draft.is_symlink():
        raise DownloadError(f"{printable(draft)}: is a link, which no download leaves; delete it.")
    with open(draft, "ab", opener=_open_no_link) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(draft.stat(), os.fstat(file.fileno())):  # another process has just renamed it
                raise BlockingIOError
        except (BlockingIOError, FileNotFoundError):
            raise DownloadError(f"{printable(draft)}: another process is downloading this file.") from None
        yield file


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _transfer(url: str, file: BinaryIO, notes: Path, reporter: Reporter, pause_seconds: float) -> None:
    """Append to the file until it is complete, over as many connections as that takes."""
    failures = 0
    hooks: Mapping[str, list[Callable[[httpx.Request], None]]] = {
        "request": [lambda request: _require_encrypted(url, request)]
    }
    with httpx.Client(follow_redirects=True, timeout=_TIMEOUT_SECONDS, event_hooks=hooks) as client:
        while True:
            start = _size(file)
            try:
                return _receive(client, url, file, notes, reporter)
            except httpx.InvalidURL as error:
                raise DownloadError(f"{url}: is not a valid URL: {error}.") from error
            except (httpx.TransportError, httpx.TooManyRedirects, _ServerBusyError) as error:
                failures = 1 if _size(file) > start else failures + 1
                if failures == _MAX_FAILURES or isinstance(error, httpx.UnsupportedProtocol | httpx.TooManyRedirects):
                    raise DownloadError(
                        f"{url}: the download failed after {_size(file) // _MB} MB: {words_of(error)}."
                    ) from error
            _wait(pause_seconds * failures, reporter)


def _require_encrypted(url: str, request: httpx.Request) -> None:
    """Follow no redirect from HTTPS to HTTP, whose answers anybody on the way could exchange."""
    if url.startswith("https:") and request.url.scheme != "https":
        raise DownloadError(f"{url}: leads to {request.url.scheme}://{request.url.host}, which is not encrypted.")


class _ServerBusyError(Exception):
    """The server cannot answer now, but may later."""


def _receive(client: httpx.Client, url: str, file: BinaryIO, notes: Path, reporter: Reporter) -> None:
    """Request the whole file, or the rest of it, once."""
    start = _size(file)
    validator = _read_validator(notes, url) if start else None
    headers = {"Accept-Encoding": "identity"}  # the digest is that of the file's own bytes
    if validator:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and validator:
            if response.headers.get("Content-Range") == f"bytes */{start}":
                return  # nothing is missing
            notes.unlink(missing_ok=True)
            raise _ServerBusyError("the server's file has changed")
        _check_status(response, url)
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            start = 0
            file.truncate(0)
            _write_validator(notes, url, response)
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise DownloadError(f"{url}: the server sent another part of the file than requested.")
        _append(response, file, start, reporter)


def _check_status(response: httpx.Response, url: str) -> None:
    status = f"{response.status_code} {response.reason_phrase}".rstrip()
    if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise _ServerBusyError(f"the server answered {status}")
    if not response.is_success:
        raise DownloadError(f"{url}: the server answered {status}.")


def _append(response: httpx.Response, file: BinaryIO, start: int, reporter: Reporter) -> None:
    length = int(response.headers["Content-Length"]) if "Content-Length" in response.headers else None
    folder = Path(file.name).parent
    free = shutil.disk_usage(folder).free
    if length is not None and length > free:
        raise DownloadError(f"{printable(folder)}: has {free // _MB} MB free; {math.ceil(length / _MB)} MB are needed.")
    done, reported = start, -1
    for chunk in response.iter_raw():
        file.write(chunk)
        done += len(chunk)
        if done // _MB > reported:
            reported = done // _MB
            total = done if length is None else start + length
            reporter.progress(reported, math.ceil(total / _MB), "megabyte")
        if reporter.should_stop():
            raise Stopped
    reporter.progress(math.ceil(done / _MB), math.ceil(done / _MB), "megabyte")


def _size(file: BinaryIO) -> int:
    file.flush()
    return os.fstat(file.fileno()).st_size


def _read_validator(notes: Path, url: str) -> str | None:
    try:
        content = json.loads(notes.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    known = isinstance(content, dict) and content.get("url") == url and isinstance(content.get("validator"), str)
    return str(content["validator"]) if known else None


def _write_validator(notes: Path, url: str, response: httpx.Response) -> None:
    etag = response.headers.get("ETag", "")
    # A weak ETag (W/"...") promises the same meaning, not the same bytes.
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified")
    notes.unlink(missing_ok=True)  # whoever made a link of it would choose what is written
    notes.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")


def _verify(file: Path, path: Path, sha256: str | None, md5: str | None) -> None:
    """Compare the digest of `file`, which is `path` or a draft of it; a draft with a wrong digest is deleted."""
    for name, expected in (("sha256", sha256), ("md5", md5)):
        if expected is None:
            continue
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, name).hexdigest()
        if not digest.startswith(expected.lower()):
            if file != path:
                file.unlink()
                _notes_of(file).unlink(missing_ok=True)
            raise DownloadError(f"{printable(path)}: has the {name} {digest}; {expected} was published.")


def _wait(seconds: float, reporter: Reporter) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if reporter.should_stop():
            raise Stopped
        time.sleep(min(0.1, seconds))
