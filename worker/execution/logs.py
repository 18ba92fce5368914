"""The format of log lines, for workers and their children."""

import logging
import sys
from pathlib import Path

from deeplab.files import visible
from worker.jobs.log_fields import FieldsFormatter

_FORMAT = "%(asctime)s %(levelname)-7s {speaker}%(message)s"
_DATE_FORMAT = "%Y-%m-%d %H:%M:%S"


def configure_logging(level: int = logging.INFO, speaker: str = "", *, as_json: bool = False) -> None:
    """Log to standard error, one line per event, with the local time.

    Args:
        level: the least that is logged.
        as_json: as worker.jobs.log_fields writes them.
        speaker: what each message begins with, such as "Process 2: ", where several processes share a log.
    """
    handler = logging.StreamHandler(sys.stderr)
    text = _VisibleFormatter(_FORMAT.format(speaker=speaker), _DATE_FORMAT)
    handler.setFormatter(FieldsFormatter() if as_json else text)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)


class _VisibleFormatter(logging.Formatter):
    """Escapes what nobody sees, and indents further lines: no message can pass for several, or change a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return _indented(super().format(record))


def _indented(text: str) -> str:
    return visible(text).replace("\n", "\n    ")


def append_line(log: Path, message: str) -> None:
    """Add a line of the supervisor to the log of a child, in the format of its other lines.

    A full disk loses the line, and ends nothing.
    """
    record = logging.LogRecord("worker.execution.supervisor", logging.INFO, "", 0, "%s", (message,), None)
    in_use = [handler.formatter for handler in logging.getLogger().handlers]
    as_json = [formatter for formatter in in_use if isinstance(formatter, FieldsFormatter)]
    formatter = as_json[0] if as_json else _VisibleFormatter(_FORMAT.format(speaker=""), _DATE_FORMAT)
    try:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{formatter.format(record)}\n")
    except OSError as error:
        logging.getLogger(__name__).warning("%s: %s. Not logged: %s", log, error.strerror, message)
