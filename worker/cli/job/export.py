"""`deeplab job export`: the masks of a job in the formats of other tools."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from deeplab.errors import DeepLabError
from deeplab.files import printable
from worker.cli.job.filter_options import read_filter
from worker.cli.output import print_json
from worker.cli.store import open_store
from worker.jobs import jobs
from worker.jobs.exports.formats import export
from worker.jobs.exports.masks_of import Selection, require_masks
from worker.jobs.exports.png import describe_shared
from worker.jobs.exports.writing import write_folder, write_zip
from worker.jobs.results.job_files import class_names
from worker.jobs.results.opening import open_results
from worker.jobs.settings import load_settings


class OnlyHereError(DeepLabError):
    """A command that reads the files of the platform."""

    def __init__(self) -> None:
        super().__init__(
            "`deeplab job export` reads the platform's files, and does not work with DEEPLAB_URL; the page of the"
            " job's results has the same as a download."
        )


def export_job(job_id: int, format_name: str, out: Path, filters: Mapping[str, Any], *, as_json: bool) -> None:
    """Export the masks of a job into a folder, or into a ZIP archive if that is what `out` is called.

    Args:
        job_id: the job.
        format_name: one of `FORMATS`.
        out: the folder or the archive.
        filters: the options that `filter_options` gives a command.
        as_json: print JSON.

    Raises:
        RequestError: naming every option that makes no sense.
        JobNotFoundError: if there is no such job.
        NothingToExportError: if it has no masks.
        OutputError: if a mask is gone, or nothing can be written there.
        OnlyHereError: if DEEPLAB_URL names a platform elsewhere.
    """
    settings = load_settings()
    if settings.url:
        raise OnlyHereError
    with open_store(settings) as session:
        job = jobs.get(session, job_id)
    require_masks(job)
    wanted = read_filter(filters, class_names(settings, job))
    selection = Selection(settings, job, open_results(settings, job), wanted)
    members = export(selection, format_name)
    write = write_zip if out.suffix.lower() == ".zip" else write_folder
    n_files = write(members, out)
    if not job.is_terminal:
        click.echo(f"Job {job.id} is {job.state}; these are the images that it has finished so far.", err=True)
    if sentence := describe_shared(selection):
        click.echo(sentence, err=True)
    if as_json:
        print_json({"output": str(out), "n_files": n_files})
    else:
        click.echo(f"Exported {n_files:,} files to {printable(out)}.")
