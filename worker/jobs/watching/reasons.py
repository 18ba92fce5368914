"""Why a job failed, in the room that a list has: the reason first, and no folders."""

import re
from pathlib import PurePath

_ATTEMPTS = re.compile(r"^Failed after \d+ attempts?\. Last one: ")
_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^\s/:]+/)+(?=[^\s/:])")  # of an absolute path


def reason(error: str) -> str:
    """Shorten the sentence of a failed job: "/a/b/c.pth: is damaged." becomes "Is damaged (c.pth)"."""
    text = _ATTEMPTS.sub("", error)
    path, colon, why = text.partition(": ")
    if colon and path.startswith("/"):
        text = f"{why[:1].upper()}{why[1:].rstrip('.')} ({PurePath(path).name})."
    return _FOLDERS.sub("", text)
