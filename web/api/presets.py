"""Presets of trainings over the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for
from pydantic import Field

from web.access.paths import check_spec
from web.api.endpoint import Created
from web.api.requests import Body
from web.context import current_settings, reading, signed_in, writing
from worker.jobs import presets
from worker.jobs.presets import Preset, PresetNameError
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import Lines, PathText, TrainSpec


@dataclass(frozen=True)
class PresetList:
    """The presets that are shipped, and then one's own."""

    presets: Sequence[Preset]


class NewPreset(Body):
    """What is to be saved."""

    name: str = Field(description="Of letters, digits, dots, dashes and underscores.")
    config: PathText = Field(description="Path of a configuration file on the server.")
    overrides: Lines = Field((), description="Configuration keys to change, each KEY=VALUE.")


def list_presets() -> PresetList:
    """List the presets, with which trainings begin."""
    with reading() as session:
        return PresetList(presets.list_presets(session, signed_in().user_id))


def save_preset(body: NewPreset) -> Created[Preset]:
    """Save a preset of one's own; one of that name is replaced."""
    check_spec(current_settings(), TrainSpec(config=body.config, overrides=body.overrides))
    try:
        with writing() as session:
            saved = presets.save(session, body.name, body.config, body.overrides, signed_in().user_id)
    except PresetNameError as error:
        raise SpecError({"name": str(error)}) from None
    return Created(saved, url_for("api.list_presets"))


def remove_preset(name: str) -> Preset:
    """Remove one of one's own presets, and show what it was."""
    with writing() as session:
        return presets.remove(session, name, signed_in().user_id)
