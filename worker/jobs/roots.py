"""What a job may open, as it was allowed when it was submitted over HTTP. Torch-free, and without HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deeplab.confinement import confine, lies_under
from deeplab.errors import DeepLabError
from deeplab.files import real_path
from worker.jobs import storage
from worker.jobs.settings import Settings


class PathMovedError(DeepLabError):
    """A path of a job leads elsewhere than at its submission."""


@dataclass(frozen=True)
class Roots:
    """Resolved folders and files; what lies under them may be opened."""

    readable: list[str]
    writable: list[str]
    # Paths outside of the data roots by field or key, such as "input" or "DATASET.ROOT": those that somebody with a
    # shell had named in the job that this one was cloned from.
    trusted: dict[str, str] = field(default_factory=dict)


def confine_to(
    settings: Settings,
    roots: Mapping[str, Any] | None,
    read: Mapping[str, str],
    output: str | None,
    besides: Sequence[Path] = (),
) -> None:
    """Confine this process to what its job may open, unless the job came from the command line.

    Args:
        settings: name the home, whose files of jobs may be opened besides.
        roots: those of the job, as JSON; None: of a job from the command line.
        read: paths that the job names and reads, by field or key.
        output: the folder that it names and writes to.
        besides: folders of the platform in which it writes, too.

    Raises:
        PathMovedError: if a path that the job names leads out of them by now.
    """
    if roots is None:
        return
    own = [real_path(folder) for folder in (storage.jobs_dir(settings), *besides)]
    writable = [*map(Path, roots["writable"]), *own]
    readable = [*map(Path, roots["readable"]), *writable]
    for name, path in read.items():
        if not lies_under(path, readable):
            raise PathMovedError(f"{name}: {path} leads elsewhere than when the job was submitted; submit it again.")
    if output is not None and not lies_under(output, writable):
        raise PathMovedError(f"output: {output} leads elsewhere than when the job was submitted; submit it again.")
    confine(readable, writable)
