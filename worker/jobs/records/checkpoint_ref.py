"""How requests and evaluations name a checkpoint: by its id, or by the path of a weights file. Light to import."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class CheckpointRef:
    """A checkpoint of this platform, or a weights file."""

    text: str  # as requests and tables spell it: "3", "/data/deeplab.pth"
    id: int | None  # None for a weights file

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person entered. Digits alone are an id, unless there are more of them than any id has."""
        if re.fullmatch("[0-9]{1,100}", text):
            return cls.of_id(int(text))
        return cls(text, None)

    @classmethod
    def of_id(cls, checkpoint_id: int) -> Self:
        """Name a checkpoint of this platform."""
        return cls(str(checkpoint_id), checkpoint_id)

    @property
    def path(self) -> Path | None:
        """The weights file; None for a checkpoint of this platform."""
        return Path(self.text) if self.id is None else None

    def __str__(self) -> str:
        """As sentences name it: "checkpoint 3", "/data/deeplab.pth"."""
        return self.text if self.id is None else f"checkpoint {self.id}"
