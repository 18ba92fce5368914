"""Every path under DEEPLAB_HOME, and the durable way to write a file there.

deeplab.sqlite              the embedded database
valkey/                     the embedded broker's append-only file and password
logs/                       one log per process of `deeplab up`
data/                       the default data root
jobs/<id>/output/           what a segment job hands out when no other folder was asked for
jobs/<id>/items.txt         the images of a segment job, fixed when it is split into shards
jobs/<id>/<fence>/          the files of one attempt; nothing there is ever written by another attempt
"""

import hashlib
import os
from pathlib import Path

from deeplab.files import make_folder, replace_file
from worker.settings import Settings


def job_dir(settings: Settings, job_id: int) -> Path:
    """Folder of a job."""
    return settings.home / "jobs" / str(job_id)


def attempt_dir(settings: Settings, job_id: int, fence: int) -> Path:
    """Folder of the attempt that holds this fence."""
    return job_dir(settings, job_id) / str(fence)


def log_path(settings: Settings, job_id: int, fence: int) -> Path:
    """What the child of an attempt printed."""
    return attempt_dir(settings, job_id, fence) / "log.txt"


def outcome_path(settings: Settings, job_id: int, fence: int) -> Path:
    """Where the child of an attempt leaves its result or its sentence of failure."""
    return attempt_dir(settings, job_id, fence) / "outcome.json"


def logits_dir(settings: Settings, job_id: int, fence: int) -> Path:
    """Saved logits of an evaluate job."""
    return attempt_dir(settings, job_id, fence) / "logits"


def output_dir(settings: Settings, job_id: int) -> Path:
    """Where a segment job writes when no other folder was asked for."""
    return job_dir(settings, job_id) / "output"


def items_path(settings: Settings, job_id: int) -> Path:
    """The list of a segment job's images, one relative path a line."""
    return job_dir(settings, job_id) / "items.txt"


def logs_dir(settings: Settings) -> Path:
    """Logs of the platform's own processes."""
    return settings.home / "logs"


def write_text(path: Path, text: str) -> None:
    """Write a whole file or none of it, and flush it to the disk before returning."""
    make_folder(path.parent)
    with replace_file(path) as file:
        file.write(text.encode("utf-8", errors="surrogateescape"))


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tail(path: Path, n_bytes: int = 16_384) -> str:
    """The last complete lines of a log; empty if there is no such file yet."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - n_bytes))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return text if size <= n_bytes else text.partition("\n")[2]
