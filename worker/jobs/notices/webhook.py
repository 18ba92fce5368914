"""Webhooks: a signed POST to an address of the settings, never to one that a request names."""

import hashlib
import hmac
import time

import httpx

from deeplab.errors import DeepLabError

SIGNATURE = "X-DeepLab-Signature"
_SECONDS = 10.0  # to connect, and for each answer


class NotDeliveredError(DeepLabError):
    """A notice has not arrived; it may at the next try."""


def sign(secret: str, at: int, body: bytes) -> str:
    """The signature of a body: the time, and HMAC-SHA256 of time and body, which nobody can send again later."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def send_webhook(url: str, secret: str, body: bytes) -> None:
    """Send a body to an address. Redirects are not followed: they could lead anywhere.

    Raises:
        NotDeliveredError: if it does not answer, or with another status than 2xx.
    """
    headers = {"Content-Type": "application/json", SIGNATURE: sign(secret, int(time.time()), body)}
    try:
        response = httpx.post(url, content=body, headers=headers, timeout=_SECONDS, follow_redirects=False)
    except httpx.HTTPError as error:
        raise NotDeliveredError(f"{type(error).__name__}: {error}") from error
    if not response.is_success:
        raise NotDeliveredError(f"it answered {response.status_code}")
