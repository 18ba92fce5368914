"""Presets of trainings: those that are shipped, and those that people save, as a configuration and changes to it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from deeplab.config import Config, load_config, parse_config
from deeplab.datasets.measuring import Measured, measure_split
from deeplab.errors import DeepLabError
from deeplab.formats import shortened
from deeplab.mirrors import local_path
from deeplab.presets import PRESETS, fit
from worker.jobs import datasets, storage, workers
from worker.jobs.database import open_session, read_clock
from worker.jobs.preflight.looking import look_for
from worker.jobs.requests.resolve import errors_at
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.settings import Settings
from worker.jobs.tables import PresetRow

_LOOK_SECONDS = 6.0
_OF_DATA = ("DATASET.", "IMAGE.MEAN.")  # keys that another dataset has otherwise: no preset keeps them
# Keys, or beginnings of keys, that a preset is fitted in.
FITTED = ("IMAGE.MEAN.", "IMAGE.SIZE.TRAIN", "SOLVER.BATCH_SIZE.TRAIN", "SOLVER.ITER_SIZE", "SOLVER.EVAL_EVERY")


class PresetNotFoundError(DeepLabError):
    """There is no preset of that name."""


class PresetNameError(DeepLabError):
    """A preset cannot have this name."""


@dataclass(frozen=True)
class Preset:
    """What a training can begin with."""

    name: str
    title: str
    description: str
    config: str  # path of its configuration file
    overrides: Sequence[str]
    is_own: bool  # somebody saved it
    needs_gpu: bool = False


def shipped() -> list[Preset]:
    """The presets that come with the platform."""
    folder = storage.configs_dir() / "presets"
    return [
        Preset(each.name, each.title, each.description, str(folder / f"{each.name}.yaml"), (), False, each.needs_gpu)
        for each in PRESETS.values()
    ]


def list_presets(session: Session, user_id: int | None) -> list[Preset]:
    """The shipped presets, and then those that somebody saved, by name."""
    query = select(PresetRow).where(_of(user_id)).order_by(PresetRow.name)
    return [*shipped(), *(_preset(row) for row in session.scalars(query))]


def get(session: Session, name: str, user_id: int | None) -> Preset:
    """Read one preset.

    Raises:
        PresetNotFoundError: if there is none of that name; the sentence lists those that there are.
    """
    known = {each.name: each for each in list_presets(session, user_id)}
    if name not in known:
        raise PresetNotFoundError(f"There is no preset {shortened(name)}; expected one of {', '.join(known)}.")
    return known[name]


def save(session: Session, name: str, config: str, overrides: Sequence[str], user_id: int | None) -> Preset:
    """Save a preset under a name; one of that name is replaced. What a dataset says of itself is left out.

    Args:
        session: the caller commits.
        name: of letters, digits, dots, dashes and underscores.
        config: path of a configuration file.
        overrides: changes to it.
        user_id: whose it is; None: that of the command line, and of a dashboard where nobody signs in.

    Raises:
        PresetNameError: if it is malformed, or that of a shipped preset.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise PresetNameError(f"A name consists of letters, digits, '.', '-' and '_', got {name!r}.")
    if name in PRESETS:
        raise PresetNameError(f"{name} is a preset that is shipped; choose another name.")
    kept = [each for each in overrides if not each.startswith(_OF_DATA)]
    row = session.scalars(select(PresetRow).where(_of(user_id), PresetRow.name == name)).one_or_none()
    if row is None:
        row = PresetRow(name=name, user_id=user_id, created_at=read_clock(session), config=config, overrides=kept)
        session.add(row)
    row.config, row.overrides = config, kept
    try:
        session.flush()
    except IntegrityError:  # somebody else was faster
        raise PresetNameError(f"There is already a preset {name}.") from None
    return _preset(row)


def remove(session: Session, name: str, user_id: int | None) -> Preset:
    """Remove a preset that somebody saved, and return what it was. Raises PresetNotFoundError."""
    of_name = select(PresetRow).where(_of(user_id), PresetRow.name == name)
    row = None if "\0" in name else session.scalars(of_name).one_or_none()  # PostgreSQL stores none
    if row is None:
        raise PresetNotFoundError(f"There is no preset {name!r} that you saved.")
    removed = _preset(row)
    session.delete(row)
    return removed


def expand(settings: Settings, request: Mapping[str, Any], user_id: int | None) -> dict[str, Any]:
    """Put the configuration of a preset, fitted to the dataset and to the workers, in the place of its name.

    Args:
        settings: of the platform.
        request: for a train job, with a field `preset` or without; what it overrides itself goes before the preset.
        user_id: whose presets count, beside the shipped ones.

    Raises:
        SpecError: if there is no such preset or dataset.
    """
    fields = dict(request)
    name = fields.pop("preset", None)
    if name is None or name == "":
        return fields
    if not isinstance(name, str):
        raise SpecError({"preset": "must be the name of a preset."})
    if fields.get("config"):
        raise SpecError({"preset": f"The preset {name} is a configuration; leave out the other one."})
    with open_session(settings, reads_only=True) as session, errors_at("preset"):
        preset = get(session, name, user_id)
    given = fields.get("overrides") or ()
    lines = given.splitlines() if isinstance(given, str) else list(given)
    fitted = fit_preset(settings, preset, fields.get("dataset") or None)
    return {**fields, "config": fitted.config, "overrides": [*fitted.overrides, *lines]}


def fit_preset(settings: Settings, preset: Preset, dataset: str | None) -> Preset:
    """Fit a preset to a registered dataset, and to the memory of the workers that could run it.

    What it overrides itself stays.

    Raises:
        SpecError: if there is no such dataset, or the preset's file is gone.
    """
    with open_session(settings, reads_only=True) as session:
        memory = workers.find_memory(session, "gpu")
        with errors_at("dataset"):
            known = None if dataset is None else datasets.get_by_name(session, dataset)
    with errors_at("preset"):
        base = load_config(Path(local_path(preset.config)), expands=False)
    config = base
    if known is not None:
        merged = base.model_dump(mode="json")
        merged["DATASET"] |= datasets.section_of(known)
        config = parse_config(merged, preset.name)
    splits = () if known is None else known.splits
    own = {each.partition("=")[0] for each in preset.overrides}
    fitted = fit(config, _measure(config) if known is not None else None, splits, memory)
    return replace(
        preset, overrides=[*(each for each in fitted if each.partition("=")[0] not in own), *preset.overrides]
    )


def _measure(config: Config) -> Measured | None:
    """Look at the images of the training split, for a few seconds; what is wrong with them, others say."""
    found: list[Measured | None] = []

    def look() -> None:
        try:
            found.append(measure_split(config.DATASET, config.DATASET.SPLIT.TRAIN))
        except DeepLabError:
            found.append(None)

    return found[0] if look_for(_LOOK_SECONDS, look) else None


def _of(user_id: int | None) -> ColumnElement[bool]:
    return PresetRow.user_id.is_(None) if user_id is None else PresetRow.user_id == user_id


def _preset(row: PresetRow) -> Preset:
    return Preset(
        row.name,
        row.name,
        f"Saved: {Path(row.config).name} with {len(row.overrides)} changes.",
        row.config,
        row.overrides,
        True,
    )
