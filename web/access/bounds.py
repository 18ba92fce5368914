"""What one request may hold, and how many of them one client may send."""

import threading
import time
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from flask import Flask, abort, request
from werkzeug.exceptions import TooManyRequests

from web.access.proxy import client_address
from web.access.uploads import brings_file
from web.context import current_settings

_MOST_CLIENTS = 10_000  # that are remembered


class RequestBudget:
    """How many requests each client may still send: a minute's worth at once, and then as many as a minute brings.

    In the memory of this process, which is the only one that serves.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what was left, and when
        self._lock = threading.Lock()

    def take(self, client: str, now: float) -> bool:
        """Take one request off a client's budget; False if nothing is left of it.

        Args:
            client: who sends it.
            now: seconds on a clock that only grows.
        """
        with self._lock:
            left, then = self._clients.pop(client, (float(self._per_minute), now))
            left = min(self._per_minute, left + (now - then) * self._per_minute / 60)
            allowed = left >= 1
            self._clients[client] = (left - 1 if allowed else left, now)
            if len(self._clients) > _MOST_CLIENTS:
                self._clients.popitem(last=False)  # whoever was silent for longest
        return allowed


def register_bounds(app: Flask) -> None:
    """Refuse what no view, file system or database can take, and floods."""
    with app.app_context():
        per_minute = current_settings().requests_per_minute
    app.before_request(_refuse_zero_bytes)
    if per_minute:
        budget = RequestBudget(per_minute)
        app.before_request(lambda: _refuse_flood(budget))


def _refuse_zero_bytes() -> None:
    """No path and no text of PostgreSQL can hold a zero byte; a body in JSON is checked field by field."""
    form = () if brings_file() else request.form.items(multi=True)  # else all of it would be read before the guard
    fields = (*request.args.items(multi=True), *form)
    if "\0" in request.path or any("\0" in text for pair in fields for text in pair):
        abort(400, "The request holds a zero byte; expected plain text.")


def _refuse_flood(budget: RequestBudget) -> None:
    if not budget.take(_client(client_address()), time.monotonic()):
        raise TooManyRequests("Too many requests within a minute; wait a moment and try again.", retry_after=5)


def _client(address: str) -> str:
    """Whom an address belongs to: with IPv6 people get whole networks."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) else address
