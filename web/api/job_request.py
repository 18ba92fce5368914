"""The bodies that ask for jobs: the fields of a kind beside name and notes, as worker.jobs.requests has them."""

from typing import Annotated, Any

from pydantic import WithJsonSchema

from worker.jobs.requests.label import Label
from worker.jobs.requests.specs import SPECS

_THEN: dict[str, Any] = {
    "type": "array",
    "maxItems": 2,
    "items": {"oneOf": [{"enum": ["evaluate", "crf"]}, {"type": "object"}]},
    "description": "Jobs that use what the one before makes: kinds, or objects of a kind and of its other fields.",
}
_PRESET: dict[str, Any] = {
    "type": ["string", "null"],
    "description": "A preset in place of config, fitted to the dataset.",
}
_BESIDES: dict[str, dict[str, Any]] = {
    "train": {"preset": _PRESET, "then": _THEN},
    "evaluate": {"then": _THEN},
}  # by kind


def _schema_of(kind: str, *, is_whole: bool) -> dict[str, Any]:
    """What a request for a job of a kind has; of a change nothing is required, and it has neither kind nor label."""
    schema = SPECS[kind].model_json_schema()
    if not is_whole:
        return {**schema, "title": f"Changes of a {kind} job", "required": []}
    about = {"kind": {"const": kind}, **Label.model_json_schema()["properties"]}
    properties = {**about, **_BESIDES.get(kind, {}), **schema["properties"]}
    required = [name for name in schema.get("required", []) if (kind, name) != ("train", "config")]  # or a preset
    return {**schema, "properties": properties, "required": ["kind", *required]}


# They are validated by `parse_spec`, once the kind is known.
JobRequest = Annotated[
    dict[str, Any],
    WithJsonSchema({"title": "JobRequest", "oneOf": [_schema_of(kind, is_whole=True) for kind in SPECS]}),
]
CloneRequest = Annotated[
    dict[str, Any],
    WithJsonSchema({"title": "CloneRequest", "anyOf": [_schema_of(kind, is_whole=False) for kind in SPECS]}),
]
