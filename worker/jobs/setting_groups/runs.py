"""The settings of how jobs wait and run, and of what counts against them."""

import math
import re
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from worker.jobs.catalog import Kind


class RunSettings(BaseSettings):
    """How jobs wait and run, and what counts against them."""

    waiting_per_user: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Jobs of one user that may wait in the queue; over HTTP a further one is refused.",
    )
    waiting_jobs: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Jobs of all users that may wait in the queue; over HTTP a further one is refused.",
    )
    running_per_queue: int | None = Field(
        default=None,
        ge=1,
        description="Jobs of a queue that run at the same time, at most; empty: as workers have slots.",
    )
    running_per_user: int | None = Field(
        default=None,
        ge=1,
        description="Jobs of a user that run at the same time in a queue, at most; empty: no limit. Those of the"
        " command line count together.",
    )
    try_seconds: float = Field(
        default=3600, ge=0, description="Seconds after its end that the try of an image is kept."
    )
    output_umask: int | None = Field(
        default=None,
        ge=0,
        le=0o777,
        description="Permissions that masks and tables in a data root lack, such as 022; empty: as in the shell that"
        " starts the platform. Files in the home are for their owner alone.",
    )
    log: Literal["text", "json"] = Field(
        default="text",
        description="How processes and jobs log. json: an object a line, with job, fence, shard, worker and request.",
    )
    cores: int | None = Field(
        default=None,
        ge=1,
        description="Cores that a worker's jobs may keep busy, shared out among its slots: threads that compute, those"
        " of the CRF and processes that read all go by it; empty: those that the worker may run on.",
    )
    preload: bool = Field(
        default=True,
        description="Whether each slot of a worker keeps a process that has PyTorch loaded, from which its jobs start"
        " at once, for 400 MB of memory while none runs; false: each job loads it. On Linux alone.",
    )
    lease_seconds: float = Field(
        default=30, gt=0, le=3600, description="Seconds that a claim holds without a heartbeat."
    )
    reconcile_seconds: float = Field(
        default=5, gt=0, le=3600, description="Seconds between two passes of the reconciler."
    )
    stop_seconds: float = Field(default=5, gt=0, description="Seconds between asking a child to stop and killing it.")
    stall_seconds: float = Field(
        default=1800, gt=0, description="Seconds without progress after which a child is killed; a warning at half."
    )
    stall_seconds_by_kind: Annotated[tuple[tuple[Kind, float], ...], NoDecode] = Field(
        default=(), description="The same for some kinds of jobs, such as `train=3600,segment=600`."
    )
    shard_images: int = Field(
        default=64,
        ge=1,
        description="Images, or frames of whole videos, of a segment job that a worker claims at a time.",
    )
    max_attempts: int = Field(
        default=3,
        ge=1,
        description="Attempts in a row that crash, stall or run out of memory without getting further, before a job"
        " fails for good; see [outcomes](outcomes.md).",
    )
    max_outages: int = Field(
        default=20, ge=1, description="Likewise for outages of the database or the storage, such as a full disk."
    )
    max_lost_leases: int = Field(default=20, ge=1, description="Likewise for leases that ran out.")
    max_preemptions: int = Field(
        default=20, ge=1, description="Likewise for preemptions in which nothing new was saved."
    )
    retry_seconds: float = Field(
        default=2,
        ge=0,
        le=3600,
        description="Seconds between a crash and the next attempt; twice as long after each further one, at most 300.",
    )

    @field_validator("running_per_queue", "running_per_user", "cores", mode="before")
    @classmethod
    def _blank_is_no_limit(cls, value: object) -> object:
        return value or None

    @field_validator("output_umask", mode="before")
    @classmethod
    def _octal(cls, value: object) -> object:
        if isinstance(value, str):
            return int(value, 8) if re.fullmatch("[0-7]{1,4}", value) else value or None
        return value

    @field_validator("stall_seconds_by_kind", mode="before")
    @classmethod
    def _split_pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        return tuple((kind.strip(), seconds.strip()) for kind, _, seconds in pairs)

    @field_validator("stall_seconds_by_kind", mode="after")
    @classmethod
    def _check_positive(cls, value: tuple[tuple[Kind, float], ...]) -> tuple[tuple[Kind, float], ...]:
        if wrong := [kind for kind, seconds in value if not 0 < seconds < math.inf]:
            raise ValueError(f"expected seconds above 0 for {wrong[0]}")
        return value

    def stall_seconds_of(self, kind: Kind) -> float:
        """Seconds without progress after which a child of this kind of job is killed."""
        return dict(self.stall_seconds_by_kind).get(kind, self.stall_seconds)
