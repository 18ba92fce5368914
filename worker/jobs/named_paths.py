"""The paths that a job names, by field or key."""

from worker.jobs.jobs import Job
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.resolve import PATH_KEYS
from worker.jobs.requests.specs import UPLOAD

_FIELDS = ("checkpoint", "input", "source", "file", "image")  # of requests, that name what is read


def list_read(job: Job) -> dict[str, str]:
    """What a job reads, such as `input` or `DATASET.ROOT`."""
    fields = {name: str(job.spec[name]) for name in _FIELDS if job.spec.get(name) is not None}
    read = {name: path for name, path in fields.items() if _is_path(name, path)}
    for section, key in PATH_KEYS:
        if (path := job.config.get(section, {}).get(key)) is not None:
            read[f"{section}.{key}"] = path
    return read


def _is_path(name: str, text: str) -> bool:
    """Whether a field of a request is a path: checkpoints may be ids, and sources what was uploaded."""
    return CheckpointRef.parse(text).is_file if name == "checkpoint" else not text.startswith(UPLOAD)


def list_all(job: Job) -> dict[str, str]:
    """What a job reads, and the folder that it writes to, if it names one."""
    output = job.spec.get("output")
    return list_read(job) | ({} if output is None else {"output": str(output)})
