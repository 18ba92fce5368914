"""Presets of trainings over the API."""

from typing import Any

from flask import Response, jsonify

from web.access.paths import check_spec
from web.api.requests import read_body, require_known
from web.context import current_settings, reading, signed_in, writing
from worker.jobs import presets
from worker.jobs.plain_json import as_json
from worker.jobs.presets import PresetNameError
from worker.jobs.requests.specs import SpecError, TrainSpec, parse_spec

_FIELDS = ("name", "config", "overrides")


def list_presets() -> dict[str, Any]:
    """GET /presets: the presets that are shipped, and then one's own."""
    require_known()
    with reading() as session:
        return {"presets": as_json(presets.list_presets(session, signed_in().user_id))}


def save_preset() -> tuple[Response, int]:
    """POST /presets {"name", "config", "overrides" (optional)}: the preset; one's own of that name is replaced."""
    body = read_body()
    if unknown := [name for name in body if name not in _FIELDS]:
        raise SpecError(dict.fromkeys(unknown, "is not a field of this request."))
    name = body.pop("name", "")
    if not isinstance(name, str):
        raise SpecError({"name": "must be text."})
    spec = TrainSpec.model_validate(parse_spec("train", body).model_dump())
    check_spec(current_settings(), spec)
    try:
        with writing() as session:
            preset = presets.save(session, name, spec.config, spec.overrides, signed_in().user_id)
    except PresetNameError as error:
        raise SpecError({"name": str(error)}) from None
    return jsonify(as_json(preset)), 201


def remove_preset(name: str) -> tuple[str, int]:
    """DELETE /presets/<name>: removes one of one's own presets."""
    require_known()
    with writing() as session:
        presets.remove(session, name, signed_in().user_id)
    return "", 204
