"""How an attempt can end, and what follows from it: the one table that code, pages and docs read.

An outcome that is no end of the job is counted, each on a count with a bound of its own. An attempt that got further
than every one before it (a newer checkpoint, another finished shard) starts all counts anew.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deeplab.formats import duration, plural
from worker.jobs.catalog import CANCELLED, FAILED, SUCCEEDED
from worker.jobs.jobs import JobSummary
from worker.jobs.settings import Settings

CRASHED: Final = "crashed"
OUT_OF_MEMORY: Final = "out of memory"
STALLED: Final = "stalled"
LOST: Final = "lost"
OUTAGE: Final = "outage"
PREEMPTED: Final = "preempted"
PAUSED: Final = "paused"

_LONGEST_PAUSE = 300.0  # seconds between two attempts
_JITTER = 0.25  # of a pause, so that jobs that met the same outage do not come back at the same moment


@dataclass(frozen=True)
class Count:
    """How many attempts in a row got no further, and how many may."""

    column: str  # of a job
    bound: str  # the setting that bounds it
    noun: str  # what is counted, for people


CRASHES: Final = Count("attempts", "max_attempts", "attempt")
OUTAGES: Final = Count("outages", "max_outages", "outage")
LOST_LEASES: Final = Count("lost_leases", "max_lost_leases", "lost lease")
PREEMPTIONS: Final = Count("preemptions", "max_preemptions", "preemption")
COUNTS: Final = (CRASHES, OUTAGES, LOST_LEASES, PREEMPTIONS)


@dataclass(frozen=True)
class Ending:
    """One way in which an attempt ends."""

    meaning: str  # for people who read it of an attempt
    count: Count | None = None  # None: the job has ended with it, or is paused
    phrase: str = ""  # what "the last attempt" did
    n_at_once: int = 0  # how many in a row are tried again without a pause
    pace: float = 1.0  # the first pause, in DEEPLAB_RETRY_SECONDS; each further one is twice as long
    counts_progress: bool = True  # whether one that got further counts as the first of its kind


ENDINGS: Final[Mapping[str, Ending]] = {
    SUCCEEDED: Ending("It did what was asked, and everything it produced is recorded."),
    FAILED: Ending("Its input or its settings are at fault, which another attempt would not change."),
    CANCELLED: Ending("Somebody cancelled the job; no process of it is left."),
    CRASHED: Ending("It, or a process that it needs, ended by an error or a signal.", CRASHES, "crashed"),
    OUT_OF_MEMORY: Ending(
        "The machine's or the GPU's memory did not suffice; its sentence says what to lower.",
        CRASHES,
        "ran out of memory",
    ),
    STALLED: Ending("It reported no progress for DEEPLAB_STALL_SECONDS and was ended.", CRASHES, "stalled"),
    LOST: Ending(
        "Its worker died, or could not renew the lease.", LOST_LEASES, "lost its lease", n_at_once=1, pace=0.5
    ),
    OUTAGE: Ending(
        "The database or the storage could not be used, or there was no room on it.",
        OUTAGES,
        "met an outage",
        pace=2.5,
    ),
    PREEMPTED: Ending(
        "Its worker was told to stop; it saved what it could.",
        PREEMPTIONS,
        "was preempted",
        n_at_once=1,
        counts_progress=False,
    ),
    PAUSED: Ending("Somebody paused the job; it saved what it could, and stays on hold until it is resumed."),
}


def count_ending(job: JobSummary, outcome: str, *, got_further: bool) -> dict[str, int]:
    """The counts of a job after its running attempt ended so, which its claim counted among its `attempts`."""
    ending = ENDINGS[outcome]
    counts = {count.column: 0 if got_further else int(getattr(job, count.column)) for count in COUNTS}
    if not got_further:
        counts[CRASHES.column] -= 1
    if ending.count is not None and (ending.counts_progress or not got_further):
        counts[ending.count.column] += 1
    return counts


def bound_of(job: JobSummary, count: Count, settings: Settings) -> int:
    """How many there may be; that of crashes was fixed when the job was submitted."""
    return job.max_attempts if count is CRASHES else int(getattr(settings, count.bound))


def pause_seconds(outcome: str, n_in_a_row: int, settings: Settings) -> float:
    """How long a job waits for its next attempt after so many that ended on the count of this outcome."""
    ending = ENDINGS[outcome]
    n_paused = n_in_a_row - ending.n_at_once
    if n_paused <= 0:
        return 0.0
    pause = settings.retry_seconds * ending.pace * 2.0 ** min(n_paused - 1, 20)
    return min(pause, _LONGEST_PAUSE) * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  (no secret)


def describe_end(outcome: str, count: int, error: str | None) -> str:
    """Why a job failed whose attempts are used up."""
    counted = ENDINGS[outcome].count or CRASHES
    stretch = "" if counted is CRASHES else " that saved nothing new"
    return f"Failed after {plural(count, counted.noun)}{stretch}. Last one: {error or f'it {ENDINGS[outcome].phrase}.'}"


def describe_wait(job: JobSummary, outcome: str, seconds: float) -> str:
    """Why a queued job is not tried again yet."""
    ending = ENDINGS[outcome]
    n = 0 if ending.count is None else int(getattr(job, ending.count.column))
    in_a_row = f" ({plural(n, ending.count.noun)} in a row that saved nothing new)" if ending.count and n > 1 else ""
    return f"Its last attempt {ending.phrase}{in_a_row}; the next one starts in {duration(max(seconds, 1))} or later."


def describe_standing(job: JobSummary, settings: Settings) -> str | None:
    """What was counted of a job that has not ended: "preempted 3 times without saving anything new"; None: nothing."""
    said = [
        f"{plural(n, count.noun)} that saved nothing new, of {bound_of(job, count, settings)}"
        for count in COUNTS[1:]
        if (n := int(getattr(job, count.column))) > 1
    ]
    return ", ".join(said) or None
