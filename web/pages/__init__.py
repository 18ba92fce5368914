"""The pages of the dashboard, and their addresses."""

from flask import Blueprint

from web.pages import (
    checkpoint,
    checkpoints,
    datasets,
    disk,
    downloads,
    job,
    jobs,
    logs,
    new_job,
    onnx,
    results,
    tries,
    videos,
    viewer,
    weights,
    workers,
)
from web.pages.accounts import account, login, users
from web.pages.comparing import confusion, evaluations, images, trials
from web.pages.comparing import jobs as compared_jobs
from web.results.viewer.layers import NAMES as LAYERS
from worker.jobs.catalog import KINDS, LARGEST_INTEGER

blueprint = Blueprint("pages", __name__)

_JOB = f"/jobs/<int(max={LARGEST_INTEGER}):job_id>"
_KIND = f"/jobs/new/<any({', '.join(KINDS)}):kind>"
_TOKEN = f"<int(max={LARGEST_INTEGER}):token_id>"
_LAYER = f"<any({', '.join(LAYERS)}):layer>"
_ROUTES = (
    ("GET", "/", jobs.start),
    ("GET", "/jobs", jobs.list_jobs),
    ("POST", "/jobs/actions", jobs.act_on_jobs),
    ("GET", "/jobs/compare", compared_jobs.compare_jobs),
    ("GET", "/jobs/new", new_job.choose_kind),
    ("GET", _KIND, new_job.new_job),
    ("POST", _KIND, new_job.create_job),
    ("GET", "/pick", new_job.pick),
    ("GET", _JOB, job.show_job),
    ("POST", f"{_JOB}/edit", job.edit_job),
    ("GET", f"{_JOB}/log", logs.show_log),
    ("GET", f"{_JOB}/log.txt", logs.send_log),
    ("POST", f"{_JOB}/cancel", job.cancel_job),
    ("POST", f"{_JOB}/delete", job.delete_job),
    ("POST", f"{_JOB}/retry", job.retry_job),
    ("POST", f"{_JOB}/pause", job.pause_job),
    ("POST", f"{_JOB}/resume", job.resume_job),
    ("POST", f"{_JOB}/priority", job.prioritize_job),
    ("GET", f"{_JOB}/trials", trials.show_trials),
    ("POST", f"{_JOB}/retry-failed", job.retry_failed),
    ("GET", f"{_JOB}/results", results.list_results),
    ("GET", f"{_JOB}/results/<key>", viewer.show_image),
    ("GET", f"{_JOB}/tiles/<key>/{_LAYER}/<int:level>/<int:row>/<int:column>", viewer.tile),
    ("GET", f"{_JOB}/images/<key>", results.image),
    ("GET", f"{_JOB}/masks/<key>", results.mask),
    ("GET", f"{_JOB}/videos/<key>", videos.video),
    ("GET", f"{_JOB}/frames/<key>.csv", videos.frames),
    ("GET", f"{_JOB}/manifest.csv", results.manifest),
    ("GET", f"{_JOB}/export.zip", downloads.export_masks),
    ("GET", "/checkpoints", checkpoints.list_checkpoints),
    ("GET", "/weights/new", weights.new_weights),
    ("POST", "/weights/new", weights.add_weights),
    ("GET", "/checkpoints/<name>", checkpoint.show_checkpoint),
    ("POST", "/checkpoints/<name>/try", tries.try_checkpoint),
    ("GET", f"/tries/<int(max={LARGEST_INTEGER}):job_id>", tries.show_try),
    ("POST", "/checkpoints/<name>/onnx", onnx.export_onnx),
    ("GET", f"{_JOB}/model.onnx", onnx.send_onnx),
    ("GET", "/checkpoints/<name>/file", checkpoint.send_checkpoint),
    ("GET", "/checkpoints/<name>/config.yaml", checkpoint.send_checkpoint_config),
    ("POST", "/checkpoints/<name>/pin", checkpoint.pin_checkpoint),
    ("POST", "/checkpoints/<name>/alias", checkpoint.move_alias),
    ("POST", "/checkpoints/<name>/delete", checkpoint.delete_checkpoint),
    ("POST", "/aliases/<name>/remove", checkpoint.remove_alias),
    ("GET", "/evaluations", checkpoints.list_evaluations),
    ("GET", "/evaluations/compare", evaluations.compare_evaluations),
    ("GET", "/evaluations/compare.csv", evaluations.download_comparison),
    ("GET", "/evaluations/compare/images", images.compare_images),
    ("GET", f"/evaluations/<int(max={LARGEST_INTEGER}):job_id>/confusion", confusion.show_confusion),
    ("GET", "/datasets", datasets.list_datasets),
    ("POST", "/datasets", datasets.register_dataset),
    ("POST", "/datasets/<name>/check", datasets.check_dataset),
    ("GET", "/workers", workers.list_workers),
    ("POST", "/queues/<name>/pause", workers.pause_queue),
    ("POST", "/queues/<name>/resume", workers.resume_queue),
    ("GET", "/disk", disk.show_disk),
    ("POST", "/disk", disk.clean_up),
    ("GET", "/login", login.show_login),
    ("POST", "/login", login.sign_in),
    ("POST", "/logout", login.sign_out),
    ("GET", "/account", account.show_account),
    ("POST", "/account/password", account.change_password),
    ("POST", "/account/sessions", account.end_other_sessions),
    ("POST", "/account/tokens", account.create_token),
    ("POST", f"/account/tokens/{_TOKEN}/revoke", account.revoke_token),
    ("GET", "/users", users.list_users),
    ("POST", "/users", users.add_user),
    ("GET", "/users/<name>", users.show_user),
    ("POST", "/users/<name>", users.change_user),
    ("POST", f"/users/<name>/tokens/{_TOKEN}/revoke", users.revoke_user_token),
)
for _method, _rule, _view in _ROUTES:
    blueprint.add_url_rule(_rule, view_func=_view, methods=[_method])
