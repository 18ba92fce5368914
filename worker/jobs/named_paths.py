"""The paths that a job names, by field or key."""

from worker.jobs.jobs import Job
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.resolve import PATH_KEYS


def list_read(job: Job) -> dict[str, str]:
    """What a job reads, such as `input` or `DATASET.ROOT`."""
    fields = {name: str(job.spec[name]) for name in ("checkpoint", "input") if job.spec.get(name) is not None}
    read = {name: path for name, path in fields.items() if name == "input" or CheckpointRef.parse(path).is_file}
    for section, key in PATH_KEYS:
        if (path := job.config.get(section, {}).get(key)) is not None:
            read[f"{section}.{key}"] = path
    return read


def list_all(job: Job) -> dict[str, str]:
    """What a job reads, and the folder that it writes to, if it names one."""
    output = job.spec.get("output")
    return list_read(job) | ({} if output is None else {"output": str(output)})
