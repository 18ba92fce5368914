"""The page on which people upload a dataset."""

from flask import render_template

from deeplab.datasets.importing.catalog import FORMATS
from web.context import LARGEST_REQUEST, current_settings


def upload_dataset() -> str:
    """Show the form; its script sends the files part by part, and submits the import job."""
    settings = current_settings()
    return render_template(
        "upload.html",
        formats=FORMATS,
        part_bytes=LARGEST_REQUEST,
        most_bytes=settings.upload_mb * 1_000_000,
        most_files=settings.upload_files,
    )
