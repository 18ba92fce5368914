"""`python -m worker.execution.child JOB FENCE`: the process that does the work of one attempt.

It leaves an outcome in a file, which its supervisor reads. With `--assist OWNER` it takes shards of a segment job that
another worker's attempt owns.
"""

import argparse
import faulthandler
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from deeplab.errors import DeepLabError, ProcessDiedError
from deeplab.files import read_tail
from deeplab.processes import die_with_parent
from deeplab.reporter import Stopped
from worker.execution import memory
from worker.execution.kinds import JobContext, run_attempt
from worker.execution.logs import configure_logging
from worker.execution.outcomes import (
    EXIT_UNWRITTEN,
    STOPPED,
    CompanionFailedError,
    Outcome,
    is_outage,
    write_outcome,
)
from worker.execution.reporter import AliveFile, JobReporter
from worker.jobs import jobs, named_paths, storage
from worker.jobs.catalog import FAILED, SUCCEEDED
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.leases import LeaseLostError
from worker.jobs.log_fields import name_process
from worker.jobs.outcomes import CRASHED, OUT_OF_MEMORY, OUTAGE
from worker.jobs.places import require_known
from worker.jobs.roots import confine_to
from worker.jobs.settings import Settings, load_settings
from worker.jobs.uploads import TAKERS
from worker.jobs.watching.reasons import last_exception

_log = logging.getLogger(__name__)


def main(words: Sequence[str] | None = None) -> None:
    """Run the attempt or the assistant that the arguments name; None: those of the command line."""
    arguments = _parse_arguments(words)
    die_with_parent(arguments.parent)
    should_stop = listen_for_stop()
    faulthandler.enable()
    settings = load_settings()
    storage.mount(settings)
    configure_logging(as_json=settings.log == "json")
    name_process(job=arguments.job, fence=arguments.fence, worker=arguments.assist)
    with open_session(settings, reads_only=True) as session:
        job = jobs.get(session, arguments.job)
    if arguments.assist is not None:
        _assist(settings, job, arguments.fence, arguments.assist, should_stop)
    elif job.fence == arguments.fence:
        _run(settings, job, should_stop)


def _run(settings: Settings, job: Job, should_stop: Callable[[], bool]) -> None:
    folder = storage.attempt_dir(settings, job.id, job.fence)
    reporter = JobReporter(settings, job.id, job.fence, AliveFile(storage.alive_in(folder)), should_stop)
    try:
        confine_to_roots(settings, job)
        outcome = Outcome(SUCCEEDED, result=run_attempt(JobContext(settings, job, reporter)))
        reporter.flush()
    except LeaseLostError as error:  # another attempt may be running already: leave nothing behind
        _log.warning("%s", error)
        return
    except Exception as error:
        outcome = describe(error, discreet=job.roots is not None)
        if isinstance(error, ProcessDiedError) and error.by_itself:
            outcome = _in_own_words(outcome, storage.log_in(folder))
    _log.info("%s", f"{outcome.state.capitalize()}." if outcome.error is None else f"{outcome.state}: {outcome.error}")
    try:
        write_outcome(storage.outcome_in(folder), outcome)
    except DeepLabError as error:
        _log.error("%s", error)
        os._exit(EXIT_UNWRITTEN)


def _in_own_words(outcome: Outcome, log: Path) -> Outcome:
    """Add what a process wrote into the log before it ended, if it did."""
    words = last_exception(read_tail(log))
    return outcome if words is None else replace(outcome, error=f"{str(outcome.error).rstrip('.')}: {words}")


def _assist(settings: Settings, job: Job, fence: int, owner: str, should_stop: Callable[[], bool]) -> None:
    from worker.execution.kinds.segment import assist

    folder = storage.assistant_dir(settings, job.id, fence, owner)
    try:
        confine_to_roots(settings, job)
        assist(settings, job, owner, AliveFile(storage.alive_in(folder)), should_stop)
    except Stopped:
        _log.info("Stopped.")
    except DeepLabError as error:
        _log.error("Stopped helping: %s", error)


def confine_to_roots(settings: Settings, job: Job) -> None:
    """Confine this process to what a job may open. Raises PathMovedError if one of its paths leads elsewhere by now."""
    require_known(named_paths.list_all(job))
    own = (storage.uploads_dir(settings), storage.datasets_dir(settings)) if job.kind in TAKERS else ()
    confine_to(settings, job.roots, named_paths.list_read(job), job.spec.get("output"), own)


def describe(error: Exception, *, discreet: bool = False) -> Outcome:
    """Turn an exception into the outcome of the attempt.

    It says nothing of what files hold if the job came over HTTP, from people who may name what they cannot read.
    """
    if isinstance(error, Stopped):
        return Outcome(STOPPED)
    if isinstance(error, CompanionFailedError):
        return error.outcome
    if isinstance(error, DeepLabError):
        sentence = error.discreet if discreet else str(error)
        if is_outage(error):
            return Outcome(OUTAGE, error=sentence)
        return Outcome(CRASHED if isinstance(error, ProcessDiedError) else FAILED, error=sentence)
    traceback.print_exception(error)
    if (sentence_of_memory := memory.explain(error)) is not None:
        return Outcome(OUT_OF_MEMORY, error=sentence_of_memory)
    text = " ".join(str(error).split())
    described = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return Outcome(OUTAGE if is_outage(error) else CRASHED, error=described)


def listen_for_stop() -> Callable[[], bool]:
    """Let SIGTERM ask the loops of the core to stop; return a function that says whether it came."""
    requests: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: requests.append(number))
    return lambda: bool(requests)


def _parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worker.execution.child")
    parser.add_argument("job", type=int)
    parser.add_argument("fence", type=int)
    parser.add_argument("--parent", type=int, help="Process id of the supervisor.")
    parser.add_argument("--assist", metavar="OWNER", help="Name under which to claim shards.")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
    # Everything is written. A normal exit would take seconds more, and can hang with a GPU in a bad state.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
