"""The page of one checkpoint: where it comes from, what it is worth, what used it, and what may be done with it."""

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from web.access.permissions import may_change
from web.actions import checkpoint_file, deletion
from web.context import current_identity, current_settings, reading, signed_in, writing
from web.pages.tries import SLIDERS
from web.text.formats import as_yaml
from worker.jobs import jobs
from worker.jobs.cleaning import checkpoint_deletion
from worker.jobs.cleaning.checkpoint_deletion import CheckpointInUseError
from worker.jobs.database import read_clock
from worker.jobs.jobs import Job
from worker.jobs.ownership import pins
from worker.jobs.records import aliases, checkpoints, evaluations
from worker.jobs.records.aliases import AliasError
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.records.checkpoints import Checkpoint
from worker.jobs.watching.lineage import list_checkpoint_users, list_onnx_jobs

_SCORES = 100  # evaluations that are shown


def show_checkpoint(name: str) -> AnyResponse | str:
    """Show a checkpoint by its id; an alias or job:ID leads to it."""
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
        if name != str(found.id):
            return redirect(url_for("pages.show_checkpoint", name=found.id))
        job = jobs.get(session, found.job_id)
        text = CheckpointRef.of_id(found.id).text
        page = render_template(
            "checkpoint.html",
            checkpoint=found,
            job=job,
            now=read_clock(session),
            evaluations=evaluations.read_evaluation_page(session, text, limit=_SCORES).lines,
            users=list_checkpoint_users(session, found.id),
            moves=aliases.list_moves_of(session, found.id),
            versions=pins.split_digests(session, job.id),
            sliders=SLIDERS,
            try_seconds=current_settings().try_seconds,
            onnx_jobs=list_onnx_jobs(session, found.id),
            **_foresee_loss(session, found, job),
        )
    return Response(page, headers={"Permissions-Policy": "camera=(self), geolocation=(), microphone=()"})


def send_checkpoint(name: str) -> Response:
    """Send the file of a checkpoint, part by part as the client asks."""
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
    return checkpoint_file.send(found)


def send_checkpoint_config(name: str) -> Response:
    """Send the configuration that a checkpoint was trained with, as YAML."""
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
        config = checkpoints.read_config(session, found)
    headers = {"Content-Disposition": f"attachment; filename=checkpoint-{found.id}.yaml"}
    return Response(as_yaml(config), mimetype="application/yaml", headers=headers)


def pin_checkpoint(name: str) -> AnyResponse:
    """Keep a checkpoint whatever rules say, or with pinned=0 do so no longer."""
    with writing() as session:
        found = aliases.find_checkpoint(session, name)
        checkpoints.pin(session, found.id, pinned=request.form.get("pinned") != "0")
    if request.form.get("to") == "job":
        return redirect(url_for("pages.show_job", job_id=found.job_id, _anchor=f"checkpoint-{found.id}"))
    return redirect(url_for("pages.show_checkpoint", name=found.id))


def move_alias(name: str) -> AnyResponse:
    """Let an alias stand for a checkpoint."""
    alias = request.form.get("alias", "").strip()
    with writing() as session:
        found = aliases.find_checkpoint(session, name)
        try:
            aliases.move(session, alias, found.id, signed_in().user_id)
        except AliasError as error:
            flash(str(error), "danger")
    return redirect(url_for("pages.show_checkpoint", name=found.id))


def remove_alias(name: str) -> AnyResponse:
    """Take an alias away."""
    with writing() as session:
        gone = aliases.remove(session, name, signed_in().user_id)
    flash(f"{name} is no alias any more.", "success")
    return redirect(url_for("pages.show_checkpoint", name=gone.checkpoint_id))


def delete_checkpoint(name: str) -> AnyResponse:
    """Delete a checkpoint with its file."""
    with reading() as session:
        found = aliases.find_checkpoint(session, name)
    loss = deletion.delete_checkpoint(current_settings(), found.id, signed_in())
    flash(f"Checkpoint {loss.checkpoint_id} is deleted.", "success")
    return redirect(url_for("pages.show_job", job_id=loss.job_id))


def _foresee_loss(session: Session, checkpoint: Checkpoint, job: Job) -> dict[str, Any]:
    """What deleting a checkpoint would delete, or why it cannot be; neither for those who may not."""
    if not may_change(job, current_identity()):
        return {"loss": None, "in_use": None}
    try:
        return {"loss": checkpoint_deletion.foresee(session, checkpoint.id), "in_use": None}
    except CheckpointInUseError as error:
        return {"loss": None, "in_use": str(error)}
