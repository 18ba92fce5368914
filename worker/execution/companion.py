"""`python -m worker.execution.companion JOB FENCE`: a further process of a train job that asks for several GPUs.

It trains in step with the child that started it. The child reports and writes for all of them.
"""

import argparse
import faulthandler
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from deeplab.config import parse_config
from deeplab.processes import die_with_parent
from deeplab.reporter import SilentReporter, Stopped
from worker.execution.child import confine_to_roots, describe, listen_for_stop
from worker.execution.logs import configure_logging
from worker.execution.outcomes import write_outcome
from worker.jobs import jobs, storage
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.log_fields import name_process
from worker.jobs.requests.specs import TrainSpec
from worker.jobs.settings import load_settings


class _Reporter(SilentReporter):
    """Leaves everything to the child, but stops when this process is told to."""

    def __init__(self, is_told_to_stop: Callable[[], bool]) -> None:
        self._is_told_to_stop = is_told_to_stop

    def should_stop(self) -> bool:
        """Whether SIGTERM came."""
        return self._is_told_to_stop()


def main() -> int:
    """Train as the command line says; return the exit status, which is 0 unless the child has to learn of a failure."""
    arguments = _parse_arguments()
    die_with_parent(arguments.parent)
    reporter = _Reporter(listen_for_stop())
    faulthandler.enable()
    rank = int(os.environ["RANK"])
    settings = load_settings()
    configure_logging(logging.WARNING, f"Process {rank + 1}: ", as_json=settings.log == "json")
    name_process(job=arguments.job, fence=arguments.fence, rank=rank)
    with open_session(settings, reads_only=True) as session:
        job = jobs.get(session, arguments.job)
    folder = storage.attempt_dir(settings, job.id, arguments.fence)
    confine_to_roots(settings, job)
    return _train(job, folder, rank, arguments.resume, reporter)


def _train(job: Job, folder: Path, rank: int, resume: Path | None, reporter: _Reporter) -> int:
    from deeplab.distributed import ProcessLostError
    from deeplab.training.train import train

    spec = TrainSpec.model_validate(job.spec)
    config = parse_config(job.config, f"job {job.id}")
    try:
        train(config, folder, reporter, device=spec.device, resume=resume, seed=spec.seed)
    except (Stopped, ProcessLostError):  # the child knows, or is what was lost
        return 0
    except Exception as error:
        write_outcome(storage.companion_outcome_in(folder, rank), describe(error, discreet=job.roots is not None))
        return 1
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worker.execution.companion")
    parser.add_argument("job", type=int)
    parser.add_argument("fence", type=int)
    parser.add_argument("--parent", type=int, help="Process id of the child.")
    parser.add_argument("--resume", type=Path, help="Checkpoint to continue from.")
    return parser.parse_args()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # for the reasons of worker.execution.child
