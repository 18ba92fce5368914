"""Tiles that were made once are kept on disk, and the oldest of them deleted when they take too much of it."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from deeplab.files import make_folder, replace_file
from web.access.turns import turn_to_decode
from web.results.viewer.layers import Layer
from web.results.viewer.pyramids import read_tile, write_pyramid
from worker.jobs import storage
from worker.jobs.cleaning.caches import discard_oldest
from worker.jobs.settings import Settings

_TOUCH_SECONDS = 60  # between two notes that a file was used


def load_tile(settings: Settings, layer: Layer, level: int, row: int, column: int) -> bytes | None:
    """Read a tile of a layer, made now if it was not before; None if the image has none there.

    Raises:
        ImageError: if the image cannot be decoded.
        NoTurnError: if others wait for pictures, too.
        OutputError: if the home folder cannot be written.
    """
    path = storage.tiles_dir(settings) / layer.version[:2] / f"{layer.version}.zip"
    try:
        tile = read_tile(path, level, row, column)
    except FileNotFoundError:
        _make(settings, layer, path)
        tile = read_tile(path, level, row, column)
    _mark_used(path)
    return tile


def _make(settings: Settings, layer: Layer, path: Path) -> None:
    """Write the tiles of a layer. Whoever wants the same meanwhile waits, and finds them made."""
    make_folder(path.parent)
    with turn_to_decode(settings):
        if not path.exists():
            with replace_file(path) as file:
                write_pyramid(file, layer.open(), layer.form)
            _written(settings, path.stat().st_size)


def _mark_used(path: Path) -> None:
    """Date a file by its last use, at most once a minute."""
    with suppress(OSError):  # it was deleted meanwhile, and is made again when it is wanted
        if path.stat().st_mtime < time.time() - _TOUCH_SECONDS:
            os.utime(path)


_lock = threading.Lock()
_unseen: dict[Path, int] = {}  # bytes that this process has written since it last added up a folder


def _written(settings: Settings, n_bytes: int) -> None:
    """Look now and then whether there is too much."""
    folder, limit = storage.tiles_dir(settings), settings.tile_cache_mb * 1_000_000
    with _lock:
        is_first = folder not in _unseen
        _unseen[folder] = _unseen.get(folder, 0) + n_bytes
        if is_first or _unseen[folder] > limit / 20:
            _unseen[folder] = 0
            discard_oldest(folder, limit)
