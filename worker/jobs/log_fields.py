"""Log lines as JSON (`DEEPLAB_LOG=json`), and what each of them says of whom it is about.

A process that serves one thing at a time, such as a child, names it for all of its threads by `name_process`; a web
server, whose threads serve different requests, by `within`.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

_process: dict[str, object] = {}
_here: ContextVar[Mapping[str, object] | None] = ContextVar("log_fields", default=None)


def name_process(**fields: object) -> None:
    """Add fields to every line that this process logs from now on; None takes one away."""
    _process.update(fields)
    for name in [name for name, value in _process.items() if value is None]:
        del _process[name]


@contextmanager
def within(**fields: object) -> Iterator[None]:
    """Add fields to the lines that are logged within the block."""
    token = _here.set({**(_here.get() or {}), **fields})
    try:
        yield
    finally:
        _here.reset(token)


class FieldsFormatter(JsonFormatter):
    """One JSON object a line: at, level, logger, message, our fields, and a traceback if there is one."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
            timestamp="at",
        )

    def add_fields(self, log_data: LogData, record: logging.LogRecord, message_dict: LogData) -> None:
        """Add what this module knows to a line."""
        super().add_fields(log_data, record, message_dict)
        log_data.update(_process)
        log_data.update(_here.get() or {})
