"""A name for each request, which every line of the log about it has, and its answer, too."""

import re
from contextlib import ExitStack
from uuid import uuid4

from flask import Flask, Response, g, request

from web.access.proxy import comes_from_proxy
from worker.jobs.log_fields import within

_HEADER = "X-Request-Id"


def register_request_id(app: Flask) -> None:
    """Name every request; a trusted proxy may have done so."""
    app.before_request(_name)
    app.after_request(_tell)
    app.teardown_request(_forget)


def _name() -> None:
    given = request.headers.get(_HEADER, "")
    is_given = comes_from_proxy() and re.fullmatch(r"[\w.-]{1,64}", given)
    g.request_id = given if is_given else uuid4().hex
    g.log_fields = ExitStack()
    g.log_fields.enter_context(within(request=g.request_id, method=request.method, path=request.path))


def _tell(response: Response) -> Response:
    response.headers[_HEADER] = g.request_id
    return response


def _forget(_error: BaseException | None) -> None:
    if "log_fields" in g:
        g.log_fields.close()
