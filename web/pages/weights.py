"""The form that makes a checkpoint of a weights file: sent with it, or lying on the server."""

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from web.access.uploads import FORM_BYTES, largest_file
from web.actions import submission
from web.actions.uploading import receive_file
from web.context import current_settings, reading, signed_in
from worker.jobs import datasets, uploads
from worker.jobs.requests.label import Label, parse_label
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import (
    UPLOAD,
    parse_spec,
)
from worker.jobs.uploads import UploadError

_FIELDS = ("file", "config", "dataset", "name")


def new_weights() -> str:
    """Show the empty form."""
    return _render({}, {})


def add_weights() -> str | Response | tuple[str, int]:
    """Submit a register job, or show the form again with errors beside the fields."""
    entered = {name: request.form.get(name, "").strip() for name in _FIELDS}
    try:
        spec = parse_spec("register", _request(entered))
        label: Label = parse_label({"name": entered["name"]})
        job = submission.submit(current_settings(), spec, user_id=signed_in().user_id, label=label).job
    except SpecError as error:
        settings = current_settings()
        fields = {name: uploads.without_folders(settings, sentence) for name, sentence in error.fields.items()}
        return _render(entered, fields), 422
    return redirect(url_for("pages.show_job", job_id=job.id))


def _request(entered: dict[str, str]) -> dict[str, str]:
    """The request: what was sent with the form goes before what is named on the server."""
    wanted = {name: value for name, value in entered.items() if value and name != "name"}
    for name, most in (("file", largest_file()), ("config", FORM_BYTES)):
        sent = request.files.get(f"sent_{name}")
        if sent is not None and sent.filename:
            try:
                upload = receive_file(current_settings(), sent.filename, sent.stream, most=most)
            except UploadError as error:
                raise SpecError({name: str(error)}) from None
            wanted[name] = UPLOAD + upload.id
    return wanted


def _render(entered: dict[str, str], errors: dict[str, str]) -> str:
    with reading() as session:
        known = [each.name for each in datasets.list_datasets(session)]
    return render_template("new_weights.html", entered=entered, errors=errors, datasets=known)
