"""The format of log lines, for workers and their children."""

import logging
import sys
import time
from pathlib import Path

_FORMAT = "%(asctime)s %(levelname)-7s {speaker}%(message)s"
_DATE_FORMAT = "%Y-%m-%d %H:%M:%S"


def configure_logging(level: int = logging.INFO, speaker: str = "") -> None:
    """Log to standard error, one line per event, with the local time.

    Args:
        level: the least that is logged.
        speaker: what each message begins with, such as "Process 2: ", where several processes share a log.
    """
    text = _FORMAT.format(speaker=speaker)
    logging.basicConfig(stream=sys.stderr, level=level, format=text, datefmt=_DATE_FORMAT, force=True)
    logging.captureWarnings(True)


def append_line(log: Path, message: str) -> None:
    """Add a line of the supervisor to the log of a child."""
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{time.strftime(_DATE_FORMAT)} INFO    {message}\n")
