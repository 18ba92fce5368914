"""The form of a training in step with its YAML: whichever is edited, the other one follows, by way of the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from web.access.paths import check_spec
from web.context import reading
from web.forms.job_form import as_request
from worker.jobs import presets
from worker.jobs.presets import FITTED, Preset
from worker.jobs.requests.changes import Change, list_changes, read_yaml
from worker.jobs.requests.resolve import errors_at, resolve_config
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings


@dataclass
class TrainingForm:
    """What the form of a training shows beside its fields."""

    values: dict[str, str]  # of the fields
    presets: Sequence[Preset]
    preset: str = ""  # the name of the chosen one
    config: Mapping[str, Any] | None = None  # what the fields resolve to; None: they do not
    changes: Sequence[Change] = ()  # in which that differs from its configuration file and dataset
    yaml: str | None = None  # as it was entered, if it could not be read
    errors: dict[str, str] = field(default_factory=dict)


def follow(
    settings: Settings, values: Mapping[str, str], chosen: Mapping[str, str], user_id: int | None
) -> TrainingForm:
    """Bring the fields and the YAML of a training in step.

    Args:
        settings: of the platform.
        values: what was entered, by field.
        chosen: `preset`, a name; `yaml`, a text; and `changed`, which was edited last: preset, dataset, yaml or fields.
        user_id: whose presets there are.
    """
    with reading() as session:
        form = TrainingForm(dict(values), presets.list_presets(session, user_id), chosen.get("preset", ""))
    changed = chosen.get("changed", "fields")
    try:
        if form.preset and changed in ("preset", "dataset"):
            _take_preset(settings, form, user_id)
        if not form.values.get("config", "").strip():
            return form
        base = _resolve(settings, {**form.values, "overrides": ""})
        if changed == "yaml":
            form.yaml = chosen.get("yaml", "")
            form.values["overrides"] = "\n".join(each.override for each in read_yaml(form.yaml, base))
            form.yaml = None
        form.config = _resolve(settings, form.values)
        form.changes = list_changes(base, form.config)
    except SpecError as error:
        form.errors = error.fields
    return form


def _take_preset(settings: Settings, form: TrainingForm, user_id: int | None) -> None:
    """Put the preset into the fields; what was changed besides what is fitted to a dataset stays."""
    with reading() as session, errors_at("preset"):
        preset = presets.get(session, form.preset, user_id)
    fitted = presets.fit_preset(settings, preset, form.values.get("dataset") or None)
    kept = []
    if form.values.get("config") == fitted.config:
        own = {each.partition("=")[0] for each in fitted.overrides}
        lines = [line.strip() for line in form.values.get("overrides", "").splitlines() if line.strip()]
        kept = [each for each in lines if (key := each.partition("=")[0]) not in own and not key.startswith(FITTED)]
    form.values["config"] = fitted.config
    form.values["overrides"] = "\n".join([*fitted.overrides, *kept])


def _resolve(settings: Settings, values: Mapping[str, str]) -> dict[str, Any]:
    spec = parse_spec("train", as_request("train", values))
    check_spec(settings, spec)
    with reading() as session:
        return resolve_config(session, spec)
