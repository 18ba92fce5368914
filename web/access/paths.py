"""Which paths people may name over HTTP: those under the data roots, the shipped configurations, and jobs' own files.

Whoever reaches the dashboard could otherwise read and write with the platform's rights. The command line has no such
limit: whoever has a shell needs no dashboard to open files.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from deeplab.confinement import lies_under
from deeplab.files import is_plain, printable, real_path
from deeplab.mirrors import is_url
from worker.jobs import datasets, storage
from worker.jobs.jobs import Job
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.facts import trained_by
from worker.jobs.requests.resolve import PATH_KEYS
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import (
    UPLOAD,
    CheckpointSpec,
    CrfSpec,
    Spec,
)
from worker.jobs.roots import Roots
from worker.jobs.settings import Settings
from worker.jobs.tables import JobRow

CONFIG_SUFFIXES = frozenset({".yaml", ".yml"})
EXPORT_SUFFIXES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".json", ".xml"})  # of a dataset
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NAME_FIELDS = ("dataset", "split")
_UPLOADED_FIELDS = ("config", "source", "file", "image")  # which may say upload:ID
_PATH_FIELDS = ("config", "checkpoint", "input", "output", "source", "file", "image")


def readable_roots(settings: Settings) -> list[Path]:
    """Folders whose contents may be read, with links resolved."""
    return [real_path(path) for path in (*settings.roots, *_own_folders(settings))]


def _own_folders(settings: Settings) -> tuple[Path, ...]:
    return storage.configs_dir(), storage.jobs_dir(settings), storage.datasets_dir(settings)


def writable_roots(settings: Settings) -> list[Path]:
    """Folders in which a job may write, with links resolved."""
    return [real_path(path) for path in settings.roots]


def check_spec(settings: Settings, spec: Spec, trusted: Mapping[str, str] = _NOTHING) -> None:
    """Refuse a request with a path outside the allowed folders, or with a path where a name is expected.

    Args:
        settings: name the roots.
        spec: the request.
        trusted: paths by field that are allowed there, wherever they are.

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
        is_id = name == "checkpoint" and value is not None and not CheckpointRef.parse(value).is_file
        roots = writable_roots(settings) if name == "output" else readable_roots(settings)
        is_id |= name in _UPLOADED_FIELDS and value is not None and value.startswith(UPLOAD)
        if value is None or is_id or value == trusted.get(name):
            continue
        if not lies_under(value, roots):
            fields[name] = outside(value, settings)
        elif name == "config" and Path(value).suffix.lower() not in CONFIG_SUFFIXES:
            fields[name] = f"must be a file that ends in {' or '.join(sorted(CONFIG_SUFFIXES))}, got {value!r}."
    if fields:
        raise SpecError(fields)


def check_config(
    session: Session, settings: Settings, config: Mapping[str, Any], spec: Spec, trusted: Mapping[str, str] = _NOTHING
) -> Roots:
    """Refuse a request whose configuration came to name a path outside, through its file or its overrides.

    Paths of registered datasets, and those of the job behind a numbered checkpoint, were accepted before.

    Returns:
        What the job may open.

    Raises:
        SpecError: naming the fields.
    """
    known = set(_inherited_paths(session, spec))
    for dataset in datasets.list_datasets(session):
        known |= {dataset.root, dataset.labels, datasets.section_of(dataset)["PALETTE"]}
    wrong = {
        key: outside(value, settings)
        for key, value in _config_paths(config)
        if value not in known and value != trusted.get(key) and not lies_under(value, readable_roots(settings))
    }
    wrong |= {
        f"DATASET.SPLIT.{key}": f"must be a name, not a path, got {value!r}."
        for key, value in config["DATASET"]["SPLIT"].items()
        if not _is_name(value)
    }
    if wrong:
        raise SpecError(_by_field(wrong, spec))
    return _roots_of(settings, spec, config, trusted)


def _roots_of(settings: Settings, spec: Spec, config: Mapping[str, Any], trusted: Mapping[str, str]) -> Roots:
    """The data roots, and the paths outside of them that were accepted."""
    readable, writable = readable_roots(settings), writable_roots(settings)
    named = {name: str(value) for name in _PATH_FIELDS if (value := getattr(spec, name, None)) is not None}
    elsewhere = {
        name: path
        for name, path in (named | dict(_config_paths(config))).items()
        if Path(path).is_absolute() and not lies_under(path, writable if name == "output" else readable)
    }
    readable += sorted({real_path(path) for name, path in elsewhere.items() if name != "output"})
    writable += [real_path(path) for name, path in elsewhere.items() if name == "output"]
    used = {name: path for name, path in elsewhere.items() if path == trusted.get(name)}
    return Roots([str(path) for path in readable], [str(path) for path in writable], used)


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
    return "/" not in text and is_plain(text)


def trusted_paths(parent: Job, kind: str) -> dict[str, str]:
    """The paths, by field or key, that a clone of a job may name where its parent does: those from the command line.

    Only as what they were there: a folder that was read must not become one that is written.
    """
    if parent.kind != kind:
        return {}
    if parent.roots is not None:
        return dict(parent.roots["trusted"])
    named = {name: str(value) for name in _PATH_FIELDS if (value := parent.spec.get(name)) is not None}
    return named | dict(_config_paths(parent.config))


def may_be_shown(job: Job, path: Path) -> bool:
    """Whether people may see a file that a job has read, now that its links have been followed once more."""
    return job.roots is None or lies_under(path, map(Path, (*job.roots["readable"], *job.roots["writable"])))


def outside(path: str, settings: Settings) -> str:
    """Say that a path is outside the allowed folders."""
    roots = " and ".join(printable(root) for root in settings.roots)
    if not Path(path).is_absolute() and not is_url(path):
        return f"{path} is not an absolute path; expected one under {roots}."
    if _leads_out(path, settings):
        return (
            f"{path} is a link, or lies behind one, that leads out of the folders that the dashboard may use: {roots}."
        )
    return f"{path} is outside the folders that the dashboard may use: {roots}."


def _leads_out(path: str, settings: Settings) -> bool:
    """Whether a path is spelt as one under a data root and leads somewhere else."""
    if not is_plain(path):
        return False
    spelt = Path(os.path.normpath(path))
    spellings = [form for root in settings.roots for form in (root, real_path(root))]
    is_inside = any(spelt.is_relative_to(root) and not _has_hidden(spelt, root) for root in spellings)
    return is_inside and not any(real_path(spelt).is_relative_to(real_path(root)) for root in settings.roots)


def _has_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _config_paths(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for section, name in PATH_KEYS:
        value = config.get(section, {}).get(name)
        if value is not None:
            yield f"{section}.{name}", str(value)


def _inherited_paths(session: Session, spec: Spec) -> set[str]:
    """Paths that the configuration has from the checkpoint or job that the request names by its id.

    None from a job that is submitted together with this one: what that one may open was looked at before.
    """
    job_id = None
    if isinstance(spec, CrfSpec):
        job_id = spec.evaluate_job
    elif isinstance(spec, CheckpointSpec) and getattr(spec, "config", None) is None:
        job_id = trained_by(session, spec.checkpoint)
    config = None if job_id is None else session.scalar(select(JobRow.config).where(JobRow.id == job_id))
    return set() if config is None else {value for _, value in _config_paths(config)}
