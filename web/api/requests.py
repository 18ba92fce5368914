"""Reads and checks what is sent to the API: bodies, queries and the header Idempotency-Key."""

import re
from typing import Annotated, Any, TypeVar, get_origin

from flask import request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from web.errors import QueryError
from worker.jobs.catalog import LARGEST_INTEGER
from worker.jobs.plain_json import adapter_of
from worker.jobs.requests.refusal import refusal

Q = TypeVar("Q", bound=BaseModel)

_KEY = re.compile(r"[!-~]{1,255}")
BINARY = "application/octet-stream"
_DEEPEST = 10  # levels of a body
_LARGEST_PAGE = 500  # lines of a list

Number = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Limit = Annotated[int, Field(ge=1, le=_LARGEST_PAGE, description="How many lines are wanted at most.")]
Before = Annotated[Number | None, Field(description="`next_before` of another answer, whose list this one continues.")]


Key = str | None  # what the header Idempotency-Key holds
After = Annotated[str, Field(description="`next_after` of another answer, whose list this one continues.")]


class Query(BaseModel):
    """The parameters of an address."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParameters(Query):
    """The parameters of an address that has none."""


class Body(BaseModel):
    """The object that a request sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Body):
    """An object without fields, `{}`: a form, which a foreign page could send, cannot be taken for it."""


def read_query(model: type[Q]) -> Q:
    """Read the parameters of the address.

    Raises:
        QueryError: naming those that are unknown, not allowed, or given more than once where one is expected.
    """
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    lists = {name for name, field in fields.items() if get_origin(field.annotation) in (tuple, list)}
    given = dict(request.args.lists())
    if repeated := [name for name, values in given.items() if name in fields.keys() - lists and len(values) > 1]:
        raise QueryError(dict.fromkeys(repeated, "may be given only once."))
    try:
        return model.model_validate({name: each if name in lists else each[0] for name, each in given.items()})
    except ValidationError as error:
        known = f"the parameters are {', '.join(fields)}" if fields else "there are none"
        raise refusal(error, f"is not a parameter of this address; {known}.", QueryError) from None


def read_body(kind: Any) -> Any:
    """Read the JSON object in the body, as a value of a type.

    Raises:
        UnsupportedMediaType: if it is not application/json, which a foreign page cannot send unasked.
        BadRequest: if it is malformed, nested too deep or not an object.
        SpecError: naming the fields that are unknown or wrong.
    """
    adapter: TypeAdapter[Any] = adapter_of(kind)
    try:
        return adapter.validate_python(_read_object())
    except ValidationError as error:
        raise refusal(error, "is not a field of this request.") from None


def read_content() -> bytes:
    """Read the bytes of the body.

    Raises:
        UnsupportedMediaType: if they are not sent as BINARY, which a foreign page cannot send unasked.
        RequestEntityTooLarge: if they are too many.
    """
    if request.mimetype != BINARY:
        raise UnsupportedMediaType(f"The body must be sent as {BINARY}.")
    return request.get_data(cache=False)


def _read_object() -> dict[str, Any]:
    too_deep = BadRequest(f"The body is nested deeper than {_DEEPEST} levels.")
    try:
        body = request.get_json()
    except BadRequest as error:
        raise BadRequest("The body is not valid JSON.") from error
    except RecursionError:
        raise too_deep from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object, such as {}.")
    if _is_deeper(body, _DEEPEST):
        raise too_deep
    return body


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested in each other more than so many times."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for each in layer
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return any(isinstance(each, list | dict) for each in layer)


def read_key() -> Key:
    """Read the header Idempotency-Key; None if it is not sent.

    Raises:
        BadRequest: if it is empty, too long or not of visible characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key must be from 1 to 255 visible ASCII characters.")
    return key
