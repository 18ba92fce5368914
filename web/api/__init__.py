"""The JSON API and its addresses, under /api/v1."""

from flask import Blueprint

from web.api import (
    aliases,
    checkpoints,
    comparisons,
    datasets,
    evaluations,
    folders,
    jobs,
    me,
    metrics,
    queues,
    uploads,
    workers,
)
from worker.jobs.catalog import LARGEST_INTEGER

blueprint = Blueprint("api", __name__)

_JOB = f"/jobs/<int(max={LARGEST_INTEGER}):job_id>"
_ROUTES = (
    ("GET", "/me", me.show_me),
    ("GET", "/jobs", jobs.list_jobs),
    ("POST", "/jobs", jobs.submit_job),
    ("POST", "/jobs/cancel", jobs.cancel_jobs),
    ("POST", "/jobs/retry", jobs.retry_jobs),
    ("GET", _JOB, jobs.show_job),
    ("PATCH", _JOB, jobs.edit_job),
    ("DELETE", _JOB, jobs.delete_job),
    ("GET", f"{_JOB}/loss", jobs.foresee_deletion),
    ("POST", f"{_JOB}/cancel", jobs.cancel_job),
    ("POST", f"{_JOB}/retry", jobs.retry_job),
    ("POST", f"{_JOB}/pause", jobs.pause_job),
    ("POST", f"{_JOB}/resume", jobs.resume_job),
    ("POST", f"{_JOB}/clone", jobs.clone_job),
    ("GET", f"{_JOB}/metrics", metrics.list_metrics),
    ("GET", f"{_JOB}/log", jobs.show_log),
    ("GET", f"{_JOB}/events", jobs.list_events),
    ("GET", f"{_JOB}/items", jobs.list_items),
    ("GET", "/checkpoints", checkpoints.list_checkpoints),
    ("GET", "/checkpoints/<name>", checkpoints.show_checkpoint),
    ("PATCH", "/checkpoints/<name>", checkpoints.edit_checkpoint),
    ("DELETE", "/checkpoints/<name>", checkpoints.delete_checkpoint),
    ("GET", "/checkpoints/<name>/file", checkpoints.send_checkpoint),
    ("GET", "/checkpoints/<name>/loss", checkpoints.foresee_checkpoint_deletion),
    ("POST", "/uploads", uploads.upload_file),
    ("GET", "/aliases", aliases.list_aliases),
    ("GET", "/aliases/<name>", aliases.show_alias),
    ("PUT", "/aliases/<name>", aliases.move_alias),
    ("DELETE", "/aliases/<name>", aliases.remove_alias),
    ("GET", "/evaluations", evaluations.list_evaluations),
    ("GET", f"/evaluations/<int(max={LARGEST_INTEGER}):job_id>", evaluations.show_evaluation),
    ("GET", f"/evaluations/<int(max={LARGEST_INTEGER}):job_id>/confusion", evaluations.show_confusion),
    ("GET", "/comparisons", comparisons.compare_evaluations),
    ("GET", "/workers", workers.list_workers),
    ("GET", "/queues", queues.list_queues),
    ("POST", "/queues/<name>/pause", queues.pause_queue),
    ("POST", "/queues/<name>/resume", queues.resume_queue),
    ("GET", "/datasets", datasets.list_datasets),
    ("POST", "/datasets", datasets.register_dataset),
    ("GET", "/datasets/<name>", datasets.show_dataset),
    ("PATCH", "/datasets/<name>", datasets.rename_dataset),
    ("DELETE", "/datasets/<name>", datasets.remove_dataset),
    ("POST", "/datasets/<name>/refresh", datasets.refresh_dataset),
    ("POST", "/datasets/<name>/check", datasets.check_dataset),
    ("GET", "/folders", folders.list_folders),
)
for _method, _rule, _view in _ROUTES:
    blueprint.add_url_rule(_rule, view_func=_view, methods=[_method])
