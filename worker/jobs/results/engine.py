"""Connections to DuckDB, with bounded memory."""

import os
import threading
from functools import cache
from pathlib import Path

import duckdb

from worker.jobs.settings import Settings

_READER_MEMORY = "96MB"  # the web server answers with it for any number of images
_WRITER_MEMORY = "384MB"  # sorting a larger table goes through files


def reader(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A connection for questions, which shares its memory with all others of this process."""
    return _shared_reader(settings.home, os.getpid()).cursor()


def writer(folder: Path) -> duckdb.DuckDBPyConnection:
    """A connection of its own for writing below a folder, where it may put aside what does not fit into memory."""
    return _connect(_WRITER_MEMORY, folder / "spilled")


_lock = threading.Lock()


def _shared_reader(home: Path, process: int) -> duckdb.DuckDBPyConnection:
    with _lock:
        return _reader_of(home, process)


@cache
def _reader_of(home: Path, _process: int) -> duckdb.DuckDBPyConnection:
    """One for each process, because threads of DuckDB do not outlive a fork."""
    connection = _connect(_READER_MEMORY, home / "tmp" / "duckdb")
    connection.execute("SET parquet_metadata_cache = true")
    return connection


def _connect(memory: str, spill: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={
            "memory_limit": memory,
            "threads": 2,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,  # nothing is fetched behind people's backs
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        }
    )
