"""Whether there is a worker that can run a job."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from worker.jobs import workers
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import Spec
from worker.jobs.workers import Worker


def require_worker(session: Session, spec: Spec) -> str | None:
    """Refuse a request for GPUs that no worker of its queue has, or had when it was last there.

    Returns:
        A sentence about why the job will wait for a worker; None: one can run it now.

    Raises:
        SpecError: about the field that asks for GPUs.
    """
    queue, wanted = spec.chosen_queue(), spec.chosen_gpus()
    known = [each for each in workers.list_workers(session) if each.queue == queue]
    alive = [each for each in known if each.alive]
    needs_gpu = wanted > 1 or getattr(spec, "device", "") == "cuda"
    if not known:
        return f"No worker serves the {queue} queue yet; the job starts when one does."
    if needs_gpu and _most(known) < wanted:
        raise SpecError({"gpus" if wanted > 1 else "device": _refusal(queue, wanted, _most(known))})
    if not alive:
        return f"No live worker serves the {queue} queue; the job starts when one does."
    if needs_gpu and _most(alive) < wanted:
        return f"None of the live workers of the {queue} queue has {_gpus(wanted)}; the job starts when one has."
    return None


def _most(serving: Sequence[Worker]) -> int:
    return max((each.gpus for each in serving), default=0)


def _refusal(queue: str, wanted: int, most: int) -> str:
    if most == 0:
        return f"asks for {_gpus(wanted)}, but no worker of the {queue} queue has one."
    return f"asks for {_gpus(wanted)}, but no worker of the {queue} queue has more than {most}."


def _gpus(count: int) -> str:
    return "a GPU" if count == 1 else f"{count} GPUs"
