"""Sends the file of a checkpoint, for pages and API."""

from flask import Response, abort, send_file

from deeplab import remote
from worker.jobs.records.checkpoints import Checkpoint


def send(checkpoint: Checkpoint) -> Response:
    """Send a checkpoint's file as a download; a client that was interrupted may ask for the rest of it.

    Its entity tag is its SHA-256, so that no rest of other bytes is put behind what a client has.

    Raises:
        Gone: if the file is no longer there.
    """
    try:
        path = remote.fetch(checkpoint.path)
        response = send_file(
            path,
            "application/octet-stream",
            as_attachment=True,
            download_name=f"checkpoint-{checkpoint.id}{checkpoint.path.suffix or '.pth'}",
            etag=checkpoint.sha256,
        )
    except FileNotFoundError:
        abort(410, f"The file of checkpoint {checkpoint.id} is gone.")
    response.cache_control.private = True
    return response
