"""Folders on the server over the API."""

from typing import Any

from flask import request

from web.access.folders import list_folder, list_roots, shipped_configs
from web.access.paths import CONFIG_SUFFIXES
from web.api.requests import require_known
from web.context import current_settings
from worker.jobs.plain_json import as_json


def list_folders() -> dict[str, Any]:
    """GET /folders?path=: folders and configurations under a data root; without ?path= the roots."""
    require_known("path")
    path = request.args.get("path")
    settings = current_settings()
    listing = list_folder(settings, path, CONFIG_SUFFIXES) if path else list_roots(settings)
    return {**as_json(listing), "shipped_configs": [] if path else as_json(shipped_configs())}
