"""How far a job is: a bar with an estimate on a terminal, a line now and then elsewhere."""

import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deeplab.formats import duration
from worker.jobs.jobs import Job

_LINE_SECONDS = 10  # between two lines where there is no terminal


class JobProgress:
    """Shows one job on standard error, so that standard output holds nothing but the result."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[eta]}"),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, unit="", eta="")
        self._last_state = ""
        self._last_line_at = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._console.is_terminal:  # elsewhere it would end a line that was never begun
            self._bar.stop()

    def show(self, job: Job) -> None:
        """Show a job as it is now."""
        if self._console.is_terminal:
            self._bar.update(
                self._task,
                description=f"Job {job.id} ({job.kind}) {job.state}",
                completed=job.done,
                total=job.total or None,
                unit=f"{job.unit}s" if job.unit else "",
                eta=_left(job),
            )
        elif job.state != self._last_state or time.monotonic() - self._last_line_at > _LINE_SECONDS:
            self._last_state, self._last_line_at = job.state, time.monotonic()
            counts = f", {job.done} of {job.total} {job.unit}s" if job.total else ""
            self._console.print(
                f"Job {job.id} ({job.kind}) {job.state}{counts}{_comma(_left(job))}", highlight=False, soft_wrap=True
            )


def _left(job: Job) -> str:
    return "" if job.eta_seconds is None or job.is_terminal else f"{duration(job.eta_seconds)} left"


def _comma(text: str) -> str:
    return f", {text}" if text else ""
