"""How requests and evaluations name a checkpoint: by its id, an alias, the job that saves it, or the path of a file.

Light to import.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ALIAS = re.compile("[a-z][a-z0-9_-]{0,63}")  # neither an id, nor "job:12", nor an absolute path


@dataclass(frozen=True)
class CheckpointRef:
    """A checkpoint of this platform, that of a job that has yet to save it, or a weights file."""

    text: str  # as requests and tables spell it: "3", "champion", "job:12", "/data/deeplab.pth"
    id: int | None  # of a checkpoint of this platform
    job_id: int | None = None  # of the job whose best checkpoint is meant, or its last one if it validates none
    alias: str | None = None  # in requests alone: a submission puts the id in its place

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person entered. Digits alone are an id, unless there are more of them than any id has."""
        if re.fullmatch("[0-9]{1,100}", text):
            return cls.of_id(int(text))
        if match := re.fullmatch("job:([0-9]{1,100})", text):
            return cls.of_job(int(match[1]))
        return cls(text, None, alias=text if ALIAS.fullmatch(text) else None)

    @classmethod
    def of_id(cls, checkpoint_id: int) -> Self:
        """Name a checkpoint of this platform."""
        return cls(str(checkpoint_id), checkpoint_id)

    @classmethod
    def of_job(cls, job_id: int) -> Self:
        """Name the checkpoint of a job that need not have ended."""
        return cls(f"job:{job_id}", None, job_id)

    @property
    def is_file(self) -> bool:
        """Whether it is a weights file."""
        return self.id is None and self.job_id is None and self.alias is None

    @property
    def path(self) -> Path | None:
        """The weights file; None for a checkpoint of this platform."""
        return Path(self.text) if self.is_file else None

    def __str__(self) -> str:
        """As sentences name it: "checkpoint 3", "champion", "the checkpoint of job 12", "/data/deeplab.pth"."""
        if self.job_id is not None:
            return f"the checkpoint of job {self.job_id}"
        return self.text if self.id is None else f"checkpoint {self.id}"
