"""The options of `deeplab job submit KIND`, made from the fields of that kind's spec in worker.jobs.requests.specs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from deeplab.files import visible
from deeplab.mirrors import absolute
from worker.cli import completion
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import UPLOAD, Positive, Spec

_SHORT = {"config": "-c"}
_LAST = ("dataset", "device", "after", "priority", "not_before")  # come after what is special to a kind
_TYPES: dict[Any, type] = {int: int, float: float}
_IDS = ("evaluate_job", "only_failed_of")
_COMPLETIONS = {
    "checkpoint": completion.checkpoints,
    "resume": completion.checkpoints,
    "dataset": completion.datasets,
    "evaluate_job": completion.evaluate_jobs,
    "only_failed_of": completion.segment_jobs,
}
_PATHS = ("config", "input", "output", "checkpoint", "source", "file", "image")


class RequestError(click.ClickException):
    """A request that was refused, with its fields called as on the command line."""

    exit_code = 2  # as of options that click refuses

    def __init__(self, error: SpecError, spell: Callable[[str], str] | None = None) -> None:
        spell = spell or option_name
        sentences = " ".join(f"{spell(name)}: {sentence}" for name, sentence in error.fields.items())
        super().__init__(visible(" ".join(sentences.split())))


@contextmanager
def refusals(spell: Callable[[str], str] | None = None) -> Iterator[None]:
    """Turn the SpecError of a block into a RequestError; `spell` says how the fields were given, if not by options."""
    try:
        yield
    except SpecError as error:
        raise RequestError(error, spell) from None


def options_of(spec: type[Spec]) -> list[click.Parameter]:
    """One option per field, but for `overrides`, whose option `--set` many commands share."""
    fields = {name: field for name, field in spec.model_fields.items() if name != "overrides"}
    return [_option(name, fields[name]) for name in sorted(fields, key=lambda name: name in _LAST)]


def request_of(values: Mapping[str, Any], *, are_paths_here: bool = True) -> dict[str, Any]:
    """The fields that were given; paths on this machine are made absolute, as the workers run in other folders."""
    given = {name: value for name, value in values.items() if value is not None}
    here = _PATHS if are_paths_here else ()
    return {name: _absolute(name, value) if name in here else value for name, value in given.items()}


def _option(name: str, field: FieldInfo) -> click.Option:
    if field.annotation == tuple[Positive, ...]:
        return click.Option(
            [option_name(name), name],
            type=int,
            multiple=True,
            metavar="ID",
            help=field.description,
            shell_complete=completion.jobs,
        )
    if get_origin(field.annotation) is tuple:
        return click.Option([option_name(name), name], multiple=True, metavar="KEY=V,V,...", help=field.description)
    declarations = [option_name(name), name, *([_SHORT[name]] if name in _SHORT else [])]
    kind = _plain_type(field.annotation)
    required = field.is_required() and name != "config"  # a preset may take its place
    attributes: dict[str, Any] = {"help": field.description, "required": required}
    if name in _COMPLETIONS:
        attributes["shell_complete"] = _COMPLETIONS[name]
    if not field.is_required():
        attributes |= {"default": field.default, "show_default": field.default is not None}
    if kind is bool:
        declarations[0] += f"/--no-{name.replace('_', '-')}"
        return click.Option(declarations, **attributes)
    if get_origin(kind) is Literal:
        return click.Option(declarations, type=click.Choice(get_args(kind)), **attributes)
    return click.Option(declarations, type=_TYPES.get(kind, str), metavar=_metavar(name, kind), **attributes)


def _plain_type(annotation: Any) -> Any:
    """`int` for `Annotated[int, ...] | None`."""
    if get_origin(annotation) is Annotated:
        return _plain_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        kinds = [each for each in get_args(annotation) if each is not NoneType]
        return _plain_type(kinds[0]) if len(kinds) == 1 else str
    return annotation


def _metavar(name: str, kind: type) -> str:
    if kind is int:
        return "ID" if name in _IDS else "N"
    return {
        "config": "FILE",
        "checkpoint": "ID|ALIAS|job:ID|FILE",
        "resume": "ID|ALIAS",
        "input": "PATH",
        "source": "PATH",
        "val_share": "SHARE",
        "file": "FILE",
        "image": "FILE",
        "output": "DIR",
    }.get(name, "NAME")


def option_name(field: str) -> str:
    """The option of `job submit` that stands for a field of a request."""
    return "--set" if field == "overrides" else f"--{field.replace('_', '-')}"


def _absolute(name: str, value: str) -> str:
    is_id = name == "checkpoint" and not CheckpointRef.parse(value).is_file
    is_id |= name != "checkpoint" and value.startswith(UPLOAD)
    # An empty value is the spec's to refuse.
    return value if not value or is_id else absolute(value)
