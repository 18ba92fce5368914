"""Masks of a job as a download, in the formats of other tools."""

from flask import Response, request

from web.context import current_settings
from web.errors import QueryError
from web.results.lookup import find_results
from worker.jobs.exports.formats import export
from worker.jobs.exports.masks_of import Selection
from worker.jobs.exports.writing import stream_zip
from worker.jobs.results.questions import FILTERS, PARAMETERS, read_question


def export_masks(job_id: int) -> Response:
    """Send the masks of the images that the address asks for as a ZIP archive; ?format= is one of `FORMATS`.

    Raises:
        QueryError: if the address has other parameters, such as one that is misspelt: all masks are more than wanted.
        NothingToExportError: if there are no such masks.
    """
    if unknown := [name for name in request.args if name not in (*PARAMETERS, "format")]:
        raise QueryError(dict.fromkeys(unknown, f"is no filter of masks; the filters are {', '.join(FILTERS)}."))
    job, results = find_results(job_id)
    selection = Selection(current_settings(), job, results, read_question(request.args.to_dict(flat=False)).wanted)
    name = request.args.get("format", "masks")
    archive = stream_zip(export(selection, name))
    headers = {"Content-Disposition": f"attachment; filename=job-{job.id}-{name}.zip"}
    return Response(archive, mimetype="application/zip", headers=headers)
