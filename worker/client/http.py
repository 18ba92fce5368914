"""A client of the JSON API, with the types of the platform itself."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self
from urllib.parse import unquote
from uuid import uuid4

import httpx

from deeplab.errors import DeepLabError
from worker.client.jobs import LogPart
from worker.jobs.chained_submission import Step
from worker.jobs.cleaning.deletion import Loss
from worker.jobs.jobs import Job, JobSummary
from worker.jobs.plain_json import adapter_of
from worker.jobs.preflight.preflight import Outlook
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.records.evaluations import EvaluationLine
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.submission import Hear
from worker.jobs.watching.job_list import EVERYTHING, JobFilter
from worker.jobs.watching.whole_job import WholeJob

_TRIES = 3  # of a submission to which no answer comes
_LARGEST_PAGE = 500


class UnreachableError(DeepLabError):
    """No platform answers at an address."""


class RefusedError(DeepLabError):
    """The platform refused a request; `status` is that of HTTP."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def _ignore(_outlook: Outlook) -> None:
    """Let what was found pass."""


class Client:
    """The jobs of a platform over its API; a context manager that closes its connections."""

    def __init__(self, url: str, token: str = "", *, timeout: float = 30) -> None:
        """Prepare to ask.

        Args:
            url: of the dashboard, such as http://127.0.0.1:8000.
            token: of who asks; empty: nobody has to sign in there.
            timeout: seconds to wait for an answer.
        """
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=f"{self._url}/api/v1", headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._http.close()

    def list_jobs(
        self, wanted: JobFilter = EVERYTHING, *, before: int | None = None, limit: int = 50
    ) -> list[JobSummary]:
        """List jobs, newest first."""
        found: list[JobSummary] = []
        while len(found) < limit:
            query = {**vars(wanted), "before": before, "limit": min(limit - len(found), _LARGEST_PAGE)}
            page = self._ask("GET", "/jobs", Any, query)
            found += adapter_of(list[JobSummary]).validate_python(page["jobs"])
            if (before := page["next_before"]) is None:
                break
        return found

    def list_checkpoints(self, *, job_id: int | None = None, limit: int = 50) -> list[Checkpoint]:
        """List checkpoints, newest first."""
        page = self._ask("GET", "/checkpoints", Any, {"job": job_id, "limit": limit})
        return adapter_of(list[Checkpoint]).validate_python(page["checkpoints"])  # type: ignore[no-any-return]

    def list_evaluations(self, *, checkpoint: str | None = None, limit: int = 50) -> list[EvaluationLine]:
        """List evaluations, newest first."""
        page = self._ask("GET", "/evaluations", Any, {"checkpoint": checkpoint, "limit": limit})
        return adapter_of(list[EvaluationLine]).validate_python(page["evaluations"])  # type: ignore[no-any-return]

    def show(self, job_id: int) -> WholeJob:
        """Read a job with what it left behind."""
        whole: WholeJob = self._ask("GET", f"/jobs/{job_id}", WholeJob)
        return whole

    def show_checkpoint(self, checkpoint_id: int) -> Checkpoint:
        """Read a checkpoint."""
        found: Checkpoint = self._ask("GET", f"/checkpoints/{checkpoint_id}", Checkpoint)
        return found

    def wait(self, job_id: int, *, pause: float = 1) -> WholeJob:
        """Wait until a job has ended, and ask for it every `pause` seconds."""
        while not (job := self.show(job_id)).is_terminal:
            time.sleep(pause)
        return job

    def read_log(self, job_id: int, attempt: int | None = None, after: int = 0) -> LogPart:
        """Read the log of an attempt, by default the last one, from a byte on: as much as is sent at a time."""
        part: LogPart = self._ask("GET", f"/jobs/{job_id}/log", LogPart, {"attempt": attempt, "after": after})
        return part

    def submit(
        self,
        kind: str,
        fields: Mapping[str, Any],
        label: Mapping[str, str] | None = None,
        *,
        then: Sequence[Step] = (),
        hear: Hear = _ignore,
    ) -> list[Job]:
        """Submit a job, and those that use what it makes; again, under the same key, if no answer comes.

        Args:
            kind: of job.
            fields: of that kind.
            label: its name, notes and experiment.
            then: what follows it, such as ["evaluate", "crf"].
            hear: is told what is no reason to refuse the request.

        Returns:
            The job, and those that follow it.
        """
        body = {"kind": kind, **fields, **(label or {}), **({"then": list(then)} if then else {})}
        answer = self._submit("/jobs", body, hear)
        return adapter_of(list[Job]).validate_python([answer, *answer["following"]])  # type: ignore[no-any-return]

    def retry(self, job_id: int, *, failed: bool = False, hear: Hear = _ignore) -> Job:
        """Submit a failed or cancelled job again; `failed`: of a segment job what failed."""
        job: Job = adapter_of(Job).validate_python(self._submit(f"/jobs/{job_id}/retry", {"failed": failed}, hear))
        return job

    def clone(self, job_id: int, changes: Mapping[str, Any], *, hear: Hear = _ignore) -> Job:
        """Submit a job's request again with some fields changed."""
        job: Job = adapter_of(Job).validate_python(self._submit(f"/jobs/{job_id}/clone", changes, hear))
        return job

    def edit(self, job_id: int, changes: Mapping[str, Any]) -> Job:
        """Change name, notes, experiment or priority."""
        return self._change("PATCH", f"/jobs/{job_id}", changes)

    def cancel(self, job_id: int) -> Job:
        """End a job; a running one ends a few seconds later."""
        return self._change("POST", f"/jobs/{job_id}/cancel", {})

    def pause(self, job_id: int) -> Job:
        """Put a job on hold."""
        return self._change("POST", f"/jobs/{job_id}/pause", {})

    def resume(self, job_id: int) -> Job:
        """Let a job that is on hold start."""
        return self._change("POST", f"/jobs/{job_id}/resume", {})

    def foresee_deletion(self, job_id: int) -> Loss:
        """Say what deleting a job would delete."""
        loss: Loss = self._ask("GET", f"/jobs/{job_id}/loss", Loss)
        return loss

    def delete(self, job_id: int) -> Loss:
        """Delete a job that has ended, with its files."""
        loss: Loss = self._ask("DELETE", f"/jobs/{job_id}", Loss)
        return loss

    def _submit(self, path: str, body: Mapping[str, Any], hear: Hear) -> dict[str, Any]:
        answer: dict[str, Any] = self._send_again(path, body, {"Idempotency-Key": uuid4().hex}).json()
        hear(Outlook(None, [answer["notice"]] if answer["notice"] else []))
        return answer

    def _send_again(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> httpx.Response:
        for _ in range(_TRIES - 1):
            try:
                return self._send("POST", path, json=body, headers=headers)
            except UnreachableError:
                time.sleep(1)
        return self._send("POST", path, json=body, headers=headers)

    def _change(self, method: str, path: str, body: Mapping[str, Any]) -> Job:
        job: Job = adapter_of(Job).validate_json(self._send(method, path, json=body).content)
        return job

    def _ask(self, method: str, path: str, kind: Any, query: Mapping[str, Any] | None = None) -> Any:
        given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        return adapter_of(kind).validate_json(self._send(method, path, params=given).content)

    def _send(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **what)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{self._url}: no platform answers: {error}.") from error
        if not response.is_success:
            raise _error_of(self._url, response)
        return response


def _error_of(url: str, response: httpx.Response) -> DeepLabError:
    """The error that problem details tell of."""
    if response.headers.get("Content-Type") != "application/problem+json":
        return UnreachableError(f"{url}: answers {response.status_code} as no platform does.")
    problem = response.json()
    fields = {name: each["detail"] for each in problem.get("errors", ()) if (name := _field_of(each))}
    return SpecError(fields) if fields else RefusedError(response.status_code, problem["detail"])


def _field_of(wrong: Mapping[str, str]) -> str:
    """The field of a body that is wrong; of a pointer such as "#/overrides/3" the first part."""
    first = unquote(wrong.get("pointer", "#/").removeprefix("#/").partition("/")[0])
    return first.replace("~1", "/").replace("~0", "~")


def iterate_jobs(client: Client, wanted: JobFilter = EVERYTHING) -> Iterator[JobSummary]:
    """All jobs of a list, however long it is, newest first."""
    before = None
    while page := client.list_jobs(wanted, before=before, limit=_LARGEST_PAGE):
        yield from page
        before = page[-1].id
