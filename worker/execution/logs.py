"""The format of log lines, for workers and their children."""

import logging
import sys
import time
from pathlib import Path

from deeplab.files import visible

_FORMAT = "%(asctime)s %(levelname)-7s {speaker}%(message)s"
_DATE_FORMAT = "%Y-%m-%d %H:%M:%S"


def configure_logging(level: int = logging.INFO, speaker: str = "") -> None:
    """Log to standard error, one line per event, with the local time.

    Args:
        level: the least that is logged.
        speaker: what each message begins with, such as "Process 2: ", where several processes share a log.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_VisibleFormatter(_FORMAT.format(speaker=speaker), _DATE_FORMAT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)


class _VisibleFormatter(logging.Formatter):
    """Escapes what nobody sees, and indents further lines: no message can pass for several, or change a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return _indented(super().format(record))


def _indented(text: str) -> str:
    return visible(text).replace("\n", "\n    ")


def append_line(log: Path, message: str) -> None:
    """Add a line of the supervisor to the log of a child; a full disk loses the line, and ends nothing."""
    try:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime(_DATE_FORMAT)} INFO    {_indented(message)}\n")
    except OSError as error:
        logging.getLogger(__name__).warning("%s: %s. Not logged: %s", log, error.strerror, message)
