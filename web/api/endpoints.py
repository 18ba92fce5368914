"""What the API has: each address with its view."""

from web.api import (
    aliases,
    checkpoints,
    comparisons,
    datasets,
    evaluations,
    experiments,
    folders,
    history,
    items,
    jobs,
    me,
    metrics,
    presets,
    queues,
    search,
    stream,
    submissions,
    uploads,
    workers,
)
from web.api.endpoint import Endpoint
from worker.jobs.catalog import LARGEST_INTEGER

_ID = f"<int(max={LARGEST_INTEGER}):"
_JOB = f"/jobs/{_ID}job_id>"
_CHECKPOINT = "/checkpoints/<name>"
_ALIAS = "/aliases/<name>"
_EXPERIMENT = f"/experiments/{_ID}experiment_id>"
_DATASET = "/datasets/<name>"
_UPLOAD = "/uploads/<upload_id>"
_EVALUATION = f"/evaluations/{_ID}job_id>"

ENDPOINTS = (
    Endpoint("GET", "/me", me.show_me),
    Endpoint("GET", "/jobs", jobs.list_jobs),
    Endpoint("POST", "/jobs", submissions.submit_job),
    Endpoint("POST", "/jobs/cancel", submissions.cancel_jobs),
    Endpoint("POST", "/jobs/retry", submissions.retry_jobs),
    Endpoint("GET", _JOB, jobs.show_job),
    Endpoint("PATCH", _JOB, jobs.edit_job),
    Endpoint("DELETE", _JOB, jobs.delete_job),
    Endpoint("GET", f"{_JOB}/loss", jobs.foresee_deletion),
    Endpoint("POST", f"{_JOB}/cancel", jobs.cancel_job),
    Endpoint("POST", f"{_JOB}/retry", submissions.retry_job),
    Endpoint("POST", f"{_JOB}/pause", jobs.pause_job),
    Endpoint("POST", f"{_JOB}/resume", jobs.resume_job),
    Endpoint("POST", f"{_JOB}/clone", submissions.clone_job),
    Endpoint("GET", f"{_JOB}/metrics", metrics.list_metrics),
    Endpoint("GET", f"{_JOB}/log", history.show_log),
    Endpoint("GET", f"{_JOB}/events", history.list_events),
    Endpoint("GET", f"{_JOB}/events/stream", stream.stream_job),
    Endpoint("GET", f"{_JOB}/items", items.list_items),
    Endpoint("GET", "/checkpoints", checkpoints.list_checkpoints),
    Endpoint("GET", _CHECKPOINT, checkpoints.show_checkpoint),
    Endpoint("PATCH", _CHECKPOINT, checkpoints.edit_checkpoint),
    Endpoint("DELETE", _CHECKPOINT, checkpoints.delete_checkpoint),
    Endpoint("GET", f"{_CHECKPOINT}/file", checkpoints.send_checkpoint),
    Endpoint("GET", f"{_CHECKPOINT}/loss", checkpoints.foresee_checkpoint_deletion),
    Endpoint("GET", "/aliases", aliases.list_aliases),
    Endpoint("GET", _ALIAS, aliases.show_alias),
    Endpoint("PUT", _ALIAS, aliases.move_alias),
    Endpoint("DELETE", _ALIAS, aliases.remove_alias),
    Endpoint("GET", "/evaluations", evaluations.list_evaluations),
    Endpoint("GET", _EVALUATION, evaluations.show_evaluation),
    Endpoint("GET", f"{_EVALUATION}/confusion", evaluations.show_confusion),
    Endpoint("GET", "/comparisons", comparisons.compare_evaluations),
    Endpoint("GET", "/experiments", experiments.list_experiments),
    Endpoint("GET", _EXPERIMENT, experiments.show_experiment),
    Endpoint("PATCH", _EXPERIMENT, experiments.edit_experiment),
    Endpoint("GET", "/presets", presets.list_presets),
    Endpoint("POST", "/presets", presets.save_preset),
    Endpoint("DELETE", "/presets/<name>", presets.remove_preset),
    Endpoint("GET", "/search", search.find),
    Endpoint("GET", "/workers", workers.list_workers),
    Endpoint("GET", "/queues", queues.list_queues),
    Endpoint("POST", "/queues/<name>/pause", queues.pause_queue),
    Endpoint("POST", "/queues/<name>/resume", queues.resume_queue),
    Endpoint("GET", "/datasets", datasets.list_datasets),
    Endpoint("POST", "/datasets", datasets.register_dataset),
    Endpoint("GET", _DATASET, datasets.show_dataset),
    Endpoint("PATCH", _DATASET, datasets.rename_dataset),
    Endpoint("DELETE", _DATASET, datasets.remove_dataset),
    Endpoint("POST", f"{_DATASET}/refresh", datasets.refresh_dataset),
    Endpoint("POST", f"{_DATASET}/check", submissions.check_dataset),
    Endpoint("GET", f"{_DATASET}/report", datasets.show_report),
    Endpoint("POST", "/uploads", uploads.begin_upload),
    Endpoint("PUT", _UPLOAD, uploads.send_part),
    Endpoint("POST", f"{_UPLOAD}/finish", uploads.finish_upload),
    Endpoint("DELETE", _UPLOAD, uploads.discard_upload),
    Endpoint("GET", "/folders", folders.list_folders),
)
