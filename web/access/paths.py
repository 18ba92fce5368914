"""Which paths people may name over HTTP: those under the data roots, the shipped configurations, and jobs' own files.

Whoever reaches the dashboard could otherwise read and write with the platform's rights. The command line has no such
limit: whoever has a shell needs no dashboard to open files.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from deeplab.files import real_path
from worker.jobs import datasets, jobs, storage
from worker.jobs.jobs import Job
from worker.jobs.records import checkpoints
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.resolve import PATH_KEYS
from worker.jobs.requests.specs import CrfSpec, Spec, SpecError, TrainSpec
from worker.jobs.settings import Settings

_NAME_FIELDS = ("dataset", "split")
_PATH_FIELDS = ("config", "checkpoint", "input", "output")


def readable_roots(settings: Settings) -> list[Path]:
    """Folders whose contents may be read, with links resolved."""
    return [real_path(path) for path in (*settings.roots, storage.configs_dir(), storage.jobs_dir(settings))]


def writable_roots(settings: Settings) -> list[Path]:
    """Folders in which a job may write, with links resolved."""
    return [real_path(path) for path in settings.roots]


def lies_under(path: str | Path, roots: Collection[Path]) -> bool:
    """Whether an absolute path is within one of some resolved folders, links followed."""
    if "\0" in str(path) or not Path(path).is_absolute():
        return False
    real = real_path(path)
    # Links are left of a loop. (Path.is_symlink would raise where it may not look.)
    leads_nowhere = any(os.path.islink(part) for part in (real, *real.parents))  # noqa: PTH114
    return not leads_nowhere and any(real.is_relative_to(root) for root in roots)


def is_plain_text(text: str) -> bool:
    """Whether every database can hold a text: no zero byte, and no lone surrogate."""
    return "\0" not in text and not re.search("[\ud800-\udfff]", text)


def check_spec(settings: Settings, spec: Spec, trusted: Collection[str] = ()) -> None:
    """Refuse a request with a path outside the allowed folders, or with a path where a name is expected.

    Args:
        settings: name the roots.
        spec: the request.
        trusted: paths that are allowed wherever they are: those of the job that is cloned.

    Raises:
        SpecError: naming the fields.
    """
    fields = {}
    for name in _NAME_FIELDS:
        value = getattr(spec, name, None)
        if value is not None and not _is_name(value):
            fields[name] = f"must be a name, not a path, got {value!r}."
    for name in _PATH_FIELDS:
        value = getattr(spec, name, None)
        is_id = name == "checkpoint" and value is not None and CheckpointRef.parse(value).id is not None
        roots = writable_roots(settings) if name == "output" else readable_roots(settings)
        if value is not None and not is_id and value not in trusted and not lies_under(value, roots):
            fields[name] = outside(value, settings)
    if fields:
        raise SpecError(fields)


def check_config(
    session: Session, settings: Settings, config: Mapping[str, Any], spec: Spec, trusted: Collection[str] = ()
) -> None:
    """Refuse a request whose configuration came to name a path outside, through its file or its overrides.

    Paths of registered datasets, and those of the job behind a numbered checkpoint, were accepted before.

    Raises:
        SpecError: naming the fields.
    """
    known = {*trusted, *_inherited_paths(session, spec)}
    for dataset in datasets.list_datasets(session):
        known |= {dataset.root, dataset.labels, datasets.section_of(dataset)["PALETTE"]}
    wrong = {
        key: outside(value, settings)
        for key, value in _config_paths(config)
        if value not in known and not lies_under(value, readable_roots(settings))
    }
    wrong |= {
        f"DATASET.SPLIT.{key}": f"must be a name, not a path, got {value!r}."
        for key, value in config["DATASET"]["SPLIT"].items()
        if not _is_name(value)
    }
    if wrong:
        raise SpecError(_by_field(wrong, spec))


def _by_field(wrong: Mapping[str, str], spec: Spec) -> dict[str, str]:
    """Errors by key of a configuration, as errors by the field of the request that set the key."""
    fields: dict[str, str] = {}
    for key, sentence in wrong.items():
        section = key.partition(".")[0]
        field = "overrides" if any(section in override for override in spec.overrides) else "config"
        fields[field] = f"{fields.get(field, '')} {key}: {sentence}".strip()
    return fields


def _is_name(text: str) -> bool:
    """Whether a text can name a split or dataset: it becomes part of a file name."""
    return "/" not in text and is_plain_text(text)


def paths_of(job: Job) -> set[str]:
    """Every path that a job names."""
    named = {job.spec.get(name) for name in _PATH_FIELDS} - {None}
    return {str(path) for path in named} | {value for _, value in _config_paths(job.config)}


def outside(path: str, settings: Settings) -> str:
    """Say that a path is outside the allowed folders."""
    roots = " and ".join(str(root) for root in settings.roots)
    if not Path(path).is_absolute():
        return f"{path} is not an absolute path; expected one under {roots}."
    return f"{path} is outside the folders that the dashboard may use: {roots}."


def _config_paths(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for section, name in PATH_KEYS:
        value = config.get(section, {}).get(name)
        if value is not None:
            yield f"{section}.{name}", str(value)


def _inherited_paths(session: Session, spec: Spec) -> set[str]:
    """Paths that the configuration has from the checkpoint or job that the request names by its id."""
    if isinstance(spec, CrfSpec):
        return {value for _, value in _config_paths(jobs.get(session, spec.evaluate_job).config)}
    if isinstance(spec, TrainSpec) or spec.config is not None or spec.checkpoint_ref.id is None:
        return set()
    config = checkpoints.read_config(session, checkpoints.get(session, spec.checkpoint_ref.id))
    return {value for _, value in _config_paths(config)}
