"""An address of the API: its view, and what the types of the view say of requests and answers.

A view takes what its address names, and by these names besides: `query`, a model of the parameters; `body`, a model of
the JSON object that is sent; `content`, bytes that are sent in its place; `key`, what the header Idempotency-Key holds.
It returns a value of its annotation. The same types validate requests, make answers, and describe both in the OpenAPI
document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from inspect import cleandoc
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from flask import Response
from pydantic import BaseModel

from web.api.requests import NoParameters, read_body, read_content, read_key, read_query
from worker.jobs.plain_json import adapter_of

T = TypeVar("T")
JSON = "application/json"


@dataclass(frozen=True)
class Created(Generic[T]):
    """An answer of status 201."""

    made: T
    location: str  # its address


@dataclass(frozen=True)
class Media:
    """Annotates a Response that is no JSON."""

    kind: str


Download = Annotated[Response, Media("application/octet-stream")]
EventStream = Annotated[Response, Media("text/event-stream")]


@dataclass(frozen=True)
class Endpoint:
    """A method of an address, and its view."""

    method: str
    rule: str  # the address below /api/v1, as Flask spells it
    view: Callable[..., Any]

    @property
    def name(self) -> str:
        """The name of the view: that of the endpoint in Flask, and of the operation in OpenAPI."""
        return self.view.__name__

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return cleandoc(self.view.__doc__ or "").partition("\n")[0]

    @property
    def description(self) -> str:
        """What is to be known besides; may be empty."""
        return cleandoc(self.view.__doc__ or "").partition("\n")[2].strip()

    @property
    def query(self) -> type[BaseModel]:
        """The model of its parameters."""
        model: type[BaseModel] = self._types.get("query", NoParameters)
        return model

    @property
    def body(self) -> Any:
        """The type of the object that is sent; None if it takes none."""
        return self._types.get("body")

    @property
    def takes_content(self) -> bool:
        """Whether it takes bytes, as BINARY, in place of a JSON object."""
        return "content" in self._types

    @property
    def takes_key(self) -> bool:
        """Whether a request may be repeated under an idempotency key."""
        return "key" in self._types

    @property
    def status(self) -> int:
        """That of a success."""
        return 201 if get_origin(self._types["return"]) is Created else 200

    @property
    def media(self) -> str:
        """The kind of what it answers."""
        marks = [each for each in getattr(self._types["return"], "__metadata__", ()) if isinstance(each, Media)]
        return marks[0].kind if marks else JSON

    @property
    def answer(self) -> Any:
        """The type of what it answers in JSON."""
        kinds = [self._types["return"]]
        if get_origin(kinds[0]) is Created:
            kinds = list(get_args(kinds[0]))
        if get_origin(kinds[0]) in (Union, UnionType):  # a Response streams what the other one describes
            kinds = [kind for kind in get_args(kinds[0]) if kind is not Response]
        return kinds[0]

    def as_view(self) -> Callable[..., Response]:
        """The function that Flask calls."""

        @wraps(self.view)
        def answer(**path: Any) -> Response:
            return self._respond(self.view(**path, **self._read_request()))

        return answer

    @cached_property
    def _types(self) -> Mapping[str, Any]:
        return get_type_hints(self.view, include_extras=True)

    def _read_request(self) -> dict[str, Any]:
        query = read_query(self.query)
        read: dict[str, Any] = {"query": query} if "query" in self._types else {}
        if self.body is not None:
            read["body"] = read_body(self.body)
        if self.takes_content:
            read["content"] = read_content()
        if self.takes_key:
            read["key"] = read_key()
        return read

    def _respond(self, answer: Any) -> Response:
        if isinstance(answer, Response):
            return answer
        made = answer.made if isinstance(answer, Created) else answer
        response = Response(adapter_of(self.answer).dump_json(made), self.status, mimetype=JSON)
        if isinstance(answer, Created):
            response.headers["Location"] = answer.location
        return response
