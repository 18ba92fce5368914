"""Forms from specs: the fields of a kind of job as widgets, and what a browser sends as a request for `parse_spec`.

Titles, descriptions, types and limits come from worker.jobs.requests.specs; order and widgets are chosen here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from web.forms.errors import as_sentence
from web.forms.options import Option, Options
from worker.jobs.requests.label import Label
from worker.jobs.requests.specs import SPECS, InferenceSpec, Positive

# What a form asks for at first; the other fields are under "More options".
_FIRST_FIELDS: dict[str, tuple[str, ...]] = {
    "train": ("dataset", "config", "overrides"),
    "evaluate": ("checkpoint", "dataset", "split", "save_logits"),
    "crf": ("evaluate_job", "grid", "sample"),
    "segment": ("checkpoint", "input", "output", "crf", "overlays"),
    "register": ("file", "config", "dataset"),
    "onnx": ("checkpoint",),
    "try": ("checkpoint", "image", "crf"),
    "check": ("dataset", "split"),
    "import": ("source", "dataset", "format", "val_share"),
}
_PICKED = {
    "config": "config",
    "input": "input",
    "output": "folder",
    "source": "export",
    "file": "weights",
    "image": "input",
}
PATH_SUFFIX = "_path"  # a checkpoint is chosen from a list, or typed as a path into the input of this name


@dataclass(frozen=True)
class FormField:
    """One field of a form, ready to be rendered."""

    name: str
    title: str
    description: str
    widget: str  # text, number, checkbox, lines, select, checkpoint, saved, or of paths
    required: bool
    value: str  # as it was entered; for a checkbox "on" or ""
    options: Sequence[Option]  # of a select
    suggestions: Sequence[str]  # of a text
    limits: Mapping[str, Any]  # min and max of a number, maxlength of a text
    example: str  # of lines
    error: str | None


@dataclass(frozen=True)
class Form:
    """The fields of a kind of job."""

    kind: str
    first: list[FormField]
    more: list[FormField]
    error: str | None  # about no field in particular

    @property
    def shows_more(self) -> bool:
        """Whether the folded fields have an error or a value other than their default."""
        return any(field.error or field.value != _default(self.kind, field.name) for field in self.more)


def build_form(kind: str, offered: Options, values: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    """Build the form of a kind of job.

    Args:
        kind: one of worker.jobs.catalog.KINDS.
        offered: what the fields offer.
        values: what was entered, by field; the others show their default.
        errors: a sentence per field.
    """
    names = [*_FIRST_FIELDS[kind], *(name for name in SPECS[kind].model_fields if name not in _FIRST_FIELDS[kind])]
    fields = [_build_field(kind, name, offered, values, errors.get(name)) for name in names]
    n_first = len(_FIRST_FIELDS[kind])
    others = [f"{name} {message}" for name, message in errors.items() if name not in (*names, *Label.model_fields)]
    return Form(kind, fields[:n_first], fields[n_first:], " ".join(others) or None)


def build_label_fields(
    values: Mapping[str, str], errors: Mapping[str, str], experiments: Sequence[str] = ()
) -> list[FormField]:
    """Build the fields of a job's name, notes and experiment, which all kinds have."""
    return [
        FormField(
            name=name,
            title=field.title or name,
            description=field.description or "",
            widget="lines" if name == "notes" else "text",
            required=False,
            value=values.get(name, ""),
            options=(),
            suggestions=experiments if name == "experiment" else (),
            limits={"maxlength": next(each.max_length for each in field.metadata if hasattr(each, "max_length"))},
            example="",
            error=as_sentence(field.title or name, errors[name]) if name in errors else None,
        )
        for name, field in Label.model_fields.items()
    ]


def read_form(kind: str, form: Mapping[str, str]) -> dict[str, str]:
    """Read what was entered, by field. Browsers do not send unchecked boxes; they become ""."""
    values = {name: form.get(name, "") for name in SPECS[kind].model_fields}
    return values | {name: form[name + PATH_SUFFIX] for name in values if form.get(name + PATH_SUFFIX, "").strip()}


def as_request(kind: str, values: Mapping[str, str]) -> dict[str, object]:
    """Make the request that `parse_spec` takes: without the fields that were left empty."""
    request: dict[str, object] = {name: value for name, value in values.items() if value.strip()}
    boxes = [name for name in SPECS[kind].model_fields if _is_box(kind, name)]
    return request | {name: bool(values.get(name)) for name in boxes}


def as_values(kind: str, spec: Mapping[str, Any]) -> dict[str, str]:
    """Turn an existing request into what would have been entered."""
    return {name: _as_text(value) for name, value in spec.items() if name in SPECS[kind].model_fields}


def _build_field(kind: str, name: str, offered: Options, values: Mapping[str, str], error: str | None) -> FormField:
    field = SPECS[kind].model_fields[name]
    options = _options(field, offered.lists.get(name))
    value = values.get(name, _default(kind, name))
    return FormField(
        name=name,
        title=field.title or name,
        description=field.description or "",
        widget=_widget(kind, name, field, has_options=bool(options)),
        required=field.is_required(),
        value=value,
        options=options,
        suggestions=offered.suggestions.get(name, ()),
        limits=_limits(field),
        example=str((field.examples or [""])[0]),
        error=as_sentence(field.title or name, error) if error else None,
    )


def _widget(kind: str, name: str, field: FieldInfo, *, has_options: bool) -> str:
    if name == "checkpoint":
        return "checkpoint" if issubclass(SPECS[kind], InferenceSpec) else "saved"
    if name in _PICKED:
        return _PICKED[name]
    if has_options:
        return "select"
    if field.annotation is bool:
        return "checkbox"
    if field.annotation == tuple[Positive, ...]:
        return "text"
    if get_origin(field.annotation) is tuple:
        return "lines"
    return "number" if field.annotation is int else "text"


def _options(field: FieldInfo, chosen_from: Sequence[Option] | None) -> Sequence[Option]:
    if get_origin(field.annotation) is Literal:
        return [Option(value, value) for value in get_args(field.annotation)]
    literal = next((kind for kind in get_args(field.annotation) if get_origin(kind) is Literal), None)
    if literal is not None:  # it may be left out
        return [Option("", "As configured"), *(Option(value, value) for value in get_args(literal))]
    return chosen_from or ()


def _limits(field: FieldInfo) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for constraint in field.metadata:
        limits |= {"min": constraint.ge} if hasattr(constraint, "ge") else {}
        limits |= {"max": constraint.le} if hasattr(constraint, "le") else {}
    return limits


def _default(kind: str, name: str) -> str:
    field = SPECS[kind].model_fields[name]
    return "" if field.is_required() else _as_text(field.default)


def _is_box(kind: str, name: str) -> bool:
    return SPECS[kind].model_fields[name].annotation is bool


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    if isinstance(value, list | tuple):
        if all(isinstance(each, int) for each in value):
            return ", ".join(str(each) for each in value)
        return "\n".join(str(line) for line in value)
    return "" if value is None else str(value)
