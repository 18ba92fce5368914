"""Folders on the server over the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from web.access.folders import Entry, FolderListing, list_folder, list_roots, shipped_configs
from web.access.paths import CONFIG_SUFFIXES
from web.api.requests import Query
from web.context import current_settings


class FoldersQuery(Query):
    """Which folder."""

    path: str | None = Field(None, description="A folder under a data root; by default the roots are listed.")


@dataclass(frozen=True, kw_only=True)
class Folders(FolderListing):
    """Folders and configurations in a folder."""

    shipped_configs: Sequence[Entry]  # that come with the platform; among the roots


def list_folders(query: FoldersQuery) -> Folders:
    """List folders and configurations under a data root."""
    settings = current_settings()
    listing = list_folder(settings, query.path, CONFIG_SUFFIXES) if query.path else list_roots(settings)
    return Folders(**vars(listing), shipped_configs=[] if query.path else shipped_configs())
