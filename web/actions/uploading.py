"""Receives files that people send, for pages and the API."""

import shutil
from pathlib import Path
from typing import IO

from deeplab.errors import OutputError
from deeplab.formats import size
from worker.jobs import uploads
from worker.jobs.settings import Settings
from worker.jobs.uploads import Upload, UploadError

_CHUNK = 2**20  # bytes


def receive_file(settings: Settings, name: str, stream: IO[bytes], *, most: int) -> Upload:
    """Keep one file until a job takes it; nothing is left of one that is refused.

    Args:
        settings: of the platform.
        name: of the file, as its sender calls it.
        stream: its content.
        most: bytes that it may have.

    Raises:
        UploadError: if it is empty or too large, or its name cannot be used.
        OutputError: if it cannot be written.
    """
    folder = uploads.begin(settings)
    try:
        path = uploads.place_in(folder, name)
        n_bytes = 0
        with path.open("xb") as file:
            while chunk := stream.read(_CHUNK):
                n_bytes += len(chunk)
                if n_bytes > most:
                    raise UploadError(f"The file is too large; the limit is {size(most)}.")
                file.write(chunk)
        if not n_bytes:
            raise UploadError("The file is empty.")
        return uploads.finish(settings, folder)
    except OSError as error:
        _discard(folder)
        raise OutputError(f"The file cannot be kept: {error.strerror or error}.") from error
    except BaseException:
        _discard(folder)
        raise


def _discard(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
