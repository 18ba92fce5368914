"""What a notice says of a job, to programs and to people."""

import json

from worker.jobs import plain_json
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings


def as_json(settings: Settings, job: Job, notice_id: int) -> bytes:
    """The body of a webhook. A notice that arrives twice has the same id."""
    fields = ("id", "kind", "name", "queue", "state", "error", "user", "created_at", "started_at", "finished_at")
    told = plain_json.as_json(job)
    body = {"event": "job.ended", "id": notice_id, "job": {name: told[name] for name in fields}}
    return json.dumps(body | {"url": address(settings, job)}, ensure_ascii=False).encode()


def subject(job: Job) -> str:
    """One line."""
    name = f" ({job.name})" if job.name else ""
    return f"DeepLab job {job.id}{name}: {job.kind} {job.state}"


def as_text(settings: Settings, job: Job) -> str:
    """The text of a mail."""
    lines = [f"The {job.kind} job {job.id} has ended: {job.state}.", *([job.error] if job.error else [])]
    return "\n\n".join([*lines, *([where] if (where := address(settings, job)) else [])]) + "\n"


def address(settings: Settings, job: Job) -> str | None:
    """Where people see the job; None if nobody has said where the dashboard is."""
    return f"{settings.public_url}/jobs/{job.id}" if settings.public_url else None
