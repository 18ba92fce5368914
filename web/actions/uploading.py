"""Receives files that come with a form."""

import os
from typing import IO

from deeplab.formats import size
from web.context import LARGEST_REQUEST
from worker.jobs import uploads
from worker.jobs.settings import Settings
from worker.jobs.uploads import Upload, UploadError


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
    with stream:  # a large one lies in a temporary file
        n_bytes = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if not n_bytes:
            raise UploadError("The file is empty.")
        if n_bytes > most:
            raise UploadError(f"The file is too large; the limit is {size(most)}.")
        upload = uploads.begin(settings, 1, n_bytes)
        try:
            offset = 0
            while part := stream.read(LARGEST_REQUEST):
                offset = uploads.append(settings, upload.id, name, offset, part)
            return uploads.finish(settings, upload.id)
        except BaseException:
            uploads.discard(settings, upload.id)
            raise
