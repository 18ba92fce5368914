"""Every error in one shape: a page for people, problem details (RFC 9457) for programs."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import NotRequired

from flask import Flask, Response, json, make_response, render_template, request
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]  # it has neither types nor stubs
from typing_extensions import TypedDict
from werkzeug.exceptions import HTTPException

from deeplab.errors import DeepLabError
from web.access.permissions import ForbiddenError
from web.access.turns import NoTurnError
from worker.jobs.accounts.failures import TooManyFailuresError
from worker.jobs.accounts.sign_in import BusyError
from worker.jobs.accounts.tokens import TokenNotFoundError
from worker.jobs.accounts.users import UserNotFoundError
from worker.jobs.cleaning.checkpoint_deletion import CheckpointInUseError
from worker.jobs.database import DatabaseError
from worker.jobs.datasets import DatasetNotFoundError
from worker.jobs.experiments import ExperimentNotFoundError
from worker.jobs.holds import QueueNotFoundError
from worker.jobs.jobs import JobNotFoundError, JobStateError
from worker.jobs.presets import PresetNotFoundError
from worker.jobs.records.aliases import AliasNotFoundError
from worker.jobs.records.checkpoints import CheckpointNotFoundError
from worker.jobs.records.evaluations import ConfusionNotFoundError, EvaluationNotFoundError
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.results.filters import QuestionError
from worker.jobs.waiting_limit import QueueFullError

_log = logging.getLogger(__name__)


class QueryError(SpecError):
    """A query with a parameter that is unknown or has a value that is not allowed."""

    between = " "  # "limit must be ..."


class WrongField(TypedDict):
    """What is wrong with a field of a body, or with a parameter."""

    detail: str  # one sentence
    pointer: NotRequired[str]  # where in the body it is (RFC 6901)
    parameter: NotRequired[str]  # its name


class Problem(TypedDict):
    """An error as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str  # one sentence
    errors: NotRequired[list[WrongField]]


_STATUS: tuple[tuple[type[DeepLabError], int], ...] = (
    (JobNotFoundError, 404),
    (CheckpointNotFoundError, 404),
    (AliasNotFoundError, 404),
    (DatasetNotFoundError, 404),
    (UserNotFoundError, 404),
    (QueueNotFoundError, 404),
    (PresetNotFoundError, 404),
    (ExperimentNotFoundError, 404),
    (TokenNotFoundError, 404),
    (ForbiddenError, 403),
    (TooManyFailuresError, 429),
    (QueueFullError, 429),
    (BusyError, 503),
    (NoTurnError, 503),
    (EvaluationNotFoundError, 404),
    (ConfusionNotFoundError, 404),
    (JobStateError, 409),
    (CheckpointInUseError, 409),
    (QueryError, 400),
    (QuestionError, 400),
    (SpecError, 422),
    (DatabaseError, 503),
    (DeepLabError, 422),  # such as an image that cannot be decoded
)
_RETRY_SECONDS = 5  # after which what is away may be back
_SENTENCES = {
    404: "Page not found.",
    405: "This address does not accept this kind of request.",
    500: "Internal error; see the server's log.",
}


def register_errors(app: Flask) -> None:
    """Answer errors in the shape of this module."""
    app.register_error_handler(HTTPException, _render_http_error)
    app.register_error_handler(CSRFError, _render_csrf_error)
    app.register_error_handler(DeepLabError, _render_known_error)


def wants_json() -> bool:
    """Whether the request is for the API."""
    return request.path.startswith("/api/")


def _render_known_error(error: DeepLabError) -> Response:
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    if isinstance(error, DatabaseError):
        _log.warning("%s", error)
    if not isinstance(error, SpecError):
        return _render(status, error.discreet)
    return _render(status, str(error), _field_errors(error))


def _field_errors(error: SpecError) -> list[WrongField]:
    if isinstance(error, QueryError):
        return [{"parameter": name, "detail": sentence} for name, sentence in error.fields.items()]
    return [{"pointer": error.pointer(name), "detail": sentence} for name, sentence in error.fields.items()]


def _render_csrf_error(error: HTTPException) -> Response:
    return _render(400, "This form has expired, or cookies are disabled. Go back, reload the page and submit it again.")


def _render_http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:  # such as a redirect to the address with a slash
        return error
    is_default = error.description == type(error).description
    sentence = _SENTENCES.get(error.code) if is_default else None
    if error.code == 413 and is_default:
        sentence = f"The request is too large; the limit is {request.max_content_length:,} bytes."
    response = _render(error.code, sentence or error.description or error.name)
    kept = {"Allow", "Retry-After", "WWW-Authenticate"}
    response.headers.extend([header for header in error.get_headers() if header[0] in kept])
    return response


def _render(status: int, sentence: str, errors: Sequence[WrongField] = ()) -> Response:
    if wants_json():
        response = _problem(status, sentence, errors)
    else:
        retries = _RETRY_SECONDS if status == 503 and request.method == "GET" else None
        response = make_response(render_template("error.html", status=status, message=sentence, retries=retries))
    response.status_code = status
    if status == 503:
        response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response


def _problem(status: int, sentence: str, errors: Sequence[WrongField]) -> Response:
    problem = Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=sentence)
    if errors:
        problem["errors"] = list(errors)
    return Response(json.dumps(problem), mimetype="application/problem+json")
