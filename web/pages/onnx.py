"""ONNX files of checkpoints: made by a job, sent from its page."""

from flask import Response, abort, redirect, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse

from deeplab import remote
from deeplab.mirrors import local_path
from web.actions import submission
from web.context import current_settings, reading, signed_in
from worker.jobs import jobs
from worker.jobs.records import aliases
from worker.jobs.requests.specs import parse_spec


def export_onnx(name: str) -> AnyResponse:
    """Submit a job that writes a checkpoint's model as an ONNX file."""
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
    spec = parse_spec("onnx", {"checkpoint": str(found.id)})
    job = submission.submit(current_settings(), spec, user_id=signed_in().user_id).job
    return redirect(url_for("pages.show_job", job_id=job.id))


def send_onnx(job_id: int) -> Response:
    """Send the file that an onnx job has written."""
    with reading() as session:
        job = jobs.get(session, job_id)
    if job.kind != "onnx" or not job.result:
        abort(404, f"Job {job_id} has written no ONNX file.")
    try:
        path = remote.fetch(local_path(job.result["file"]))
        return send_file(
            path,
            "application/octet-stream",
            as_attachment=True,
            download_name=f"job-{job.id}.onnx",
            etag=job.result["sha256"],
        )
    except FileNotFoundError:
        abort(410, f"The file of job {job_id} is gone.")
