"""The OpenAPI document, made of the same types that validate requests and make answers."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import TypeAdapter

from web.api.endpoint import JSON, Endpoint
from web.api.requests import BINARY
from web.errors import Problem
from worker.jobs.plain_json import adapter_of

_Key = tuple[str, Literal["validation", "serialization"]]

_REFERENCE = "#/components/schemas/{model}"
_PLACE = re.compile(r"<(?P<is_number>int\(max=(?P<largest>\d+)\):)?(?P<name>\w+)>")
_ERRORS = (400, 401, 403, 404, 405, 409, 410, 413, 415, 416, 422, 429, 500, 503)  # what any address may answer
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A text of your own. For a day the same request with the same key answers the job that the first one"
    " made, and makes no other.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def build_document(endpoints: Sequence[Endpoint], server: str) -> dict[str, Any]:
    """Build the document.

    Args:
        endpoints: what it describes.
        server: the address that those of the endpoints begin with.
    """
    schemas, components = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(path_of(each), {})[each.method.lower()] = _operation(each, schemas)
    errors = {f"Error{status}": _problem(status) for status in _ERRORS}
    return {
        "openapi": "3.1.0",
        "info": {"title": "DeepLab platform", "version": "1", "description": _INTRODUCTION},
        "servers": [{"url": server}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": errors,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_INTRODUCTION = (
    "Train, evaluate, refine and segment as jobs. Times are UTC. A list has at most `limit` lines, and names what"
    " continues it. Unknown parameters and fields are refused. Errors are problem details (RFC 9457): `detail` is one"
    " sentence, and `errors` names each wrong field by its `pointer`, or each wrong `parameter`."
)


def path_of(endpoint: Endpoint) -> str:
    """The address of an endpoint as OpenAPI spells it: "/jobs/{job_id}"."""
    return _PLACE.sub(r"{\g<name>}", endpoint.rule) or "/"


def _schemas(endpoints: Sequence[Endpoint]) -> tuple[Mapping[_Key, Any], dict[str, Any]]:
    """The schemas of bodies and answers, and what these refer to."""
    kinds: list[tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
        ("problem", "serialization", adapter_of(Problem))
    ]
    for each in endpoints:
        if each.media == JSON:
            kinds.append((each.name, "serialization", adapter_of(each.answer)))
        if each.body is not None:
            kinds.append((each.name, "validation", adapter_of(each.body)))
    schemas, referred = TypeAdapter.json_schemas(kinds, ref_template=_REFERENCE)
    return schemas, referred["$defs"]


def _operation(endpoint: Endpoint, schemas: Mapping[_Key, Any]) -> dict[str, Any]:
    answer = {endpoint.media: {"schema": schemas[endpoint.name, "serialization"]} if endpoint.media == JSON else {}}
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.rule.split("/")[1] if endpoint.rule else "index"],
        "summary": endpoint.summary,
        "description": endpoint.description,
        "parameters": [*_places(endpoint), *parameters_of(endpoint)],
        "responses": {
            str(endpoint.status): {"description": HTTPStatus(endpoint.status).phrase, "content": answer},
            **{str(status): {"$ref": f"#/components/responses/Error{status}"} for status in _ERRORS},
        },
    }
    if endpoint.body is not None:
        sent = {JSON: {"schema": schemas[endpoint.name, "validation"]}}
        operation["requestBody"] = {"required": True, "content": sent}
    if endpoint.takes_content:
        operation["requestBody"] = {"required": True, "content": {BINARY: {}}}
    return operation


def _places(endpoint: Endpoint) -> list[dict[str, Any]]:
    """The parameters within the address."""
    return [
        {
            "name": match["name"],
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 0, "maximum": int(match["largest"])}
            if match["is_number"]
            else {"type": "string", "minLength": 1},
        }
        for match in _PLACE.finditer(endpoint.rule)
    ]


def parameters_of(endpoint: Endpoint) -> list[dict[str, Any]]:
    """The parameters behind the address, and the header of an idempotency key."""
    schema = endpoint.query.model_json_schema(mode="validation")
    found = [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": each.pop("description", ""),
            "schema": _without_null(each),
        }
        for name, each in schema["properties"].items()
    ]
    return found + ([_KEY_PARAMETER] if endpoint.takes_key else [])


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter, which has a value if it is there."""
    others = [each for each in schema.pop("anyOf", []) if each != {"type": "null"}]
    if schema.get("default", "") is None:
        del schema["default"]
    schema.pop("title", None)
    return {**others[0], **schema} if others else schema


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model="Problem")}
    return {"description": HTTPStatus(status).phrase, "content": {"application/problem+json": {"schema": schema}}}
