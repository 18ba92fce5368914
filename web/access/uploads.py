"""Which requests may be larger than others, because they bring a file, and how large."""

from flask import Flask, request

from web.context import current_settings

FORM_BYTES = 2**20  # beside the file
IMAGE_BYTES = 32 * 2**20  # of an image to try

_ENDPOINTS = {"pages.try_checkpoint": IMAGE_BYTES, "pages.add_weights": None}


def brings_file() -> bool:
    """Whether a request is one that may bring a file."""
    return request.endpoint in _ENDPOINTS and request.method == "POST"


def largest_file() -> int:
    """Bytes of the file that this request may bring."""
    most = _ENDPOINTS[request.endpoint or ""]
    return current_settings().upload_mb * 10**6 if most is None else most


def register_uploads(app: Flask) -> None:
    """Let such requests be larger. Behind the guard: nothing of them is read before it is known who sends it."""
    app.before_request(_widen)


def _widen() -> None:
    if brings_file():
        request.max_content_length = largest_file() + FORM_BYTES
