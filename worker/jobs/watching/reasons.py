"""Why a job failed, in the room that a list has: the reason first, and no folders."""

import re
from pathlib import PurePath

_ATTEMPTS = re.compile(r"^Failed after \d+ [a-z ]+\. Last one: ")
_EXCEPTION = re.compile(r"([A-Za-z_][\w.]*(Error|Exception|Exit)|Error): .*")  # the last line of a traceback
_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^\s/:]+/)+(?=[^\s/:])")  # of an absolute path


def reason(error: str) -> str:
    """Shorten the sentence of a failed job: "/a/b/c.pth: is damaged." becomes "Is damaged (c.pth)"."""
    text = _ATTEMPTS.sub("", error)
    path, colon, why = text.partition(": ")
    if colon and path.startswith("/"):
        text = f"{why[:1].upper()}{why[1:].rstrip('.')} ({PurePath(path).name})."
    return _FOLDERS.sub("", text)


def last_exception(text: str) -> str | None:
    """Find the last line of the last traceback in a log; None if there is none."""
    lines = [line.strip() for line in text.splitlines()]
    return next((line for line in reversed(lines) if _EXCEPTION.fullmatch(line)), None)
