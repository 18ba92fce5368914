"""The kinds, queues and states of jobs. Light to import, because `--help` lists them."""

from typing import Final, Literal, get_args

Kind = Literal["train", "evaluate", "crf", "segment", "check", "import", "register", "onnx", "try"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PASSING: Final = "try"  # of jobs that lists leave out unless asked for, and that are deleted soon after their end
KINDS_WITH_RESULTS: tuple[Kind, ...] = ("segment", "evaluate", "crf")  # of images

QUEUES: Final = ("gpu", "cpu")

QUEUED: Final = "queued"  # waiting for a worker
RUNNING: Final = "running"  # claimed; its lease has not been given back
SUCCEEDED: Final = "succeeded"  # finished, and everything it produced is recorded
FAILED: Final = "failed"  # ended with a sentence in `error`
CANCELLED: Final = "cancelled"  # ended on request; no process of it is left

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
TERMINAL: Final = (SUCCEEDED, FAILED, CANCELLED)

HIGHEST_PRIORITY: Final = 10  # of a job; the lowest is as far below 0

LARGEST_INTEGER: Final = 2**31 - 1  # that every database stores in an INTEGER: ids, and what is compared with them


def parse_integer(text: str, largest: int = LARGEST_INTEGER) -> int | None:
    """Read decimal digits, from 0 to `largest`; None for anything else, however long it is."""
    if not text.isdecimal() or len(text) > 100:  # Python refuses to read thousands of digits
        return None
    return number if (number := int(text)) <= largest else None
