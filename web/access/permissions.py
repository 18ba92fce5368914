"""Who may do what: each endpoint with the least role that it takes, and whose jobs somebody may change.

An endpoint that is not listed is refused.
"""

from deeplab.errors import DeepLabError
from web.context import Identity, current_identity
from worker.jobs.accounts.roles import ADMIN, OPERATOR, VIEWER, allows
from worker.jobs.datasets import Dataset
from worker.jobs.jobs import JobSummary

ANYONE = "anyone"  # who has not signed in, too

ACCESS = {
    "static": ANYONE,
    # What machines ask
    "probes.healthz": ANYONE,
    "probes.readyz": ANYONE,
    "probes.metrics": VIEWER,  # by a token: names of folders and numbers of jobs are nobody else's business
    # The JSON API
    "api.show_index": VIEWER,
    "api.show_openapi": VIEWER,
    "api.show_documentation": VIEWER,
    "api.show_me": VIEWER,
    "api.list_jobs": VIEWER,
    "api.submit_job": OPERATOR,
    "api.cancel_jobs": OPERATOR,
    "api.retry_jobs": OPERATOR,
    "api.show_job": VIEWER,
    "api.edit_job": OPERATOR,
    "api.cancel_job": OPERATOR,
    "api.foresee_deletion": OPERATOR,
    "api.delete_job": OPERATOR,
    "api.retry_job": OPERATOR,
    "api.pause_job": OPERATOR,
    "api.resume_job": OPERATOR,
    "api.clone_job": OPERATOR,
    "api.list_metrics": VIEWER,
    "api.show_log": VIEWER,
    "api.list_events": VIEWER,
    "api.stream_job": VIEWER,
    "api.list_items": VIEWER,
    "api.list_checkpoints": VIEWER,
    "api.show_checkpoint": VIEWER,
    "api.send_checkpoint": VIEWER,
    "api.edit_checkpoint": OPERATOR,
    "api.foresee_checkpoint_deletion": OPERATOR,
    "api.delete_checkpoint": OPERATOR,
    "api.list_aliases": VIEWER,
    "api.show_alias": VIEWER,
    "api.move_alias": OPERATOR,
    "api.remove_alias": OPERATOR,
    "api.list_evaluations": VIEWER,
    "api.show_evaluation": VIEWER,
    "api.show_confusion": VIEWER,
    "api.compare_evaluations": VIEWER,
    "api.list_experiments": VIEWER,
    "api.show_experiment": VIEWER,
    "api.edit_experiment": OPERATOR,
    "api.list_presets": VIEWER,
    "api.save_preset": OPERATOR,
    "api.remove_preset": OPERATOR,
    "api.find": VIEWER,
    "api.list_workers": VIEWER,
    "api.list_queues": VIEWER,
    "api.pause_queue": OPERATOR,
    "api.resume_queue": OPERATOR,
    "api.list_datasets": VIEWER,
    "api.register_dataset": OPERATOR,
    "api.show_dataset": VIEWER,
    "api.refresh_dataset": OPERATOR,
    "api.rename_dataset": OPERATOR,
    "api.remove_dataset": OPERATOR,
    "api.check_dataset": OPERATOR,
    "api.show_report": VIEWER,
    "api.begin_upload": OPERATOR,
    "api.send_part": OPERATOR,
    "api.finish_upload": OPERATOR,
    "api.discard_upload": OPERATOR,
    "api.list_folders": VIEWER,
    # The dashboard
    "pages.start": VIEWER,
    "pages.list_jobs": VIEWER,
    "pages.act_on_jobs": OPERATOR,
    "pages.choose_kind": VIEWER,
    "pages.new_job": VIEWER,
    "pages.create_job": OPERATOR,
    "pages.follow_training": OPERATOR,
    "pages.save_preset": OPERATOR,
    "pages.remove_preset": OPERATOR,
    "pages.begin": OPERATOR,
    "pages.choose_folders": OPERATOR,
    "pages.look_and_start": OPERATOR,
    "pages.pick": VIEWER,
    "pages.show_job": VIEWER,
    "pages.compare_jobs": VIEWER,
    "pages.edit_job": OPERATOR,
    "pages.show_log": VIEWER,
    "pages.send_log": VIEWER,
    "pages.cancel_job": OPERATOR,
    "pages.delete_job": OPERATOR,
    "pages.retry_job": OPERATOR,
    "pages.pause_job": OPERATOR,
    "pages.resume_job": OPERATOR,
    "pages.prioritize_job": OPERATOR,
    "pages.retry_failed": OPERATOR,
    "pages.show_trials": VIEWER,
    "pages.list_results": VIEWER,
    "pages.show_image": VIEWER,
    "pages.image": VIEWER,
    "pages.mask": VIEWER,
    "pages.tile": VIEWER,
    "pages.video": VIEWER,
    "pages.frames": VIEWER,
    "pages.manifest": VIEWER,
    "pages.export_masks": VIEWER,
    "pages.list_checkpoints": VIEWER,
    "pages.new_weights": OPERATOR,
    "pages.add_weights": OPERATOR,
    "pages.show_checkpoint": VIEWER,
    "pages.try_checkpoint": OPERATOR,
    "pages.show_try": VIEWER,
    "pages.export_onnx": OPERATOR,
    "pages.send_onnx": VIEWER,
    "pages.send_checkpoint": VIEWER,
    "pages.send_checkpoint_config": VIEWER,
    "pages.pin_checkpoint": OPERATOR,
    "pages.move_alias": OPERATOR,
    "pages.remove_alias": OPERATOR,
    "pages.delete_checkpoint": OPERATOR,
    "pages.list_evaluations": VIEWER,
    "pages.compare_evaluations": VIEWER,
    "pages.download_comparison": VIEWER,
    "pages.compare_images": VIEWER,
    "pages.show_confusion": VIEWER,
    "pages.list_datasets": VIEWER,
    "pages.register_dataset": OPERATOR,
    "pages.upload_dataset": OPERATOR,
    "pages.show_dataset": VIEWER,
    "pages.check_dataset": OPERATOR,
    "pages.refresh_dataset": OPERATOR,
    "pages.rename_dataset": OPERATOR,
    "pages.remove_dataset": OPERATOR,
    "pages.list_dataset_images": VIEWER,
    "pages.show_dataset_image": VIEWER,
    "pages.dataset_tile": VIEWER,
    "pages.dataset_image": VIEWER,
    "pages.dataset_truth": VIEWER,
    "pages.dataset_preview": VIEWER,
    "pages.list_experiments": VIEWER,
    "pages.show_experiment": VIEWER,
    "pages.edit_experiment": OPERATOR,
    "pages.find": VIEWER,
    "pages.list_workers": VIEWER,
    "pages.pause_queue": OPERATOR,
    "pages.resume_queue": OPERATOR,
    "pages.show_disk": OPERATOR,
    "pages.clean_up": ADMIN,
    # Signing in, and one's own account
    "pages.show_login": ANYONE,
    "pages.sign_in": ANYONE,
    "pages.sign_out": VIEWER,
    "pages.show_account": VIEWER,
    "pages.change_password": VIEWER,
    "pages.end_other_sessions": VIEWER,
    "pages.create_token": VIEWER,
    "pages.revoke_token": VIEWER,
    # The accounts of others
    "pages.list_users": ADMIN,
    "pages.add_user": ADMIN,
    "pages.show_user": ADMIN,
    "pages.change_user": ADMIN,
    "pages.revoke_user_token": ADMIN,
}


class ForbiddenError(DeepLabError):
    """Whoever asks may not do this."""


def may(endpoint: str) -> bool:
    """Whether whoever asks may use an endpoint: pages show no button that would be refused."""
    least, identity = ACCESS.get(endpoint), current_identity()
    if least is None or least == ANYONE:
        return least is not None
    return identity is not None and allows(identity.role, least)


def may_change(job: JobSummary, identity: Identity | None) -> bool:
    """Whether somebody may cancel, hold or delete a job: their own, or as an admin anybody's."""
    if identity is None:
        return False
    return allows(identity.role, ADMIN) or (allows(identity.role, OPERATOR) and job.user == identity.name)


def may_change_dataset(dataset: Dataset, identity: Identity | None) -> bool:
    """Whether somebody may rename or remove a dataset: their own, or as an admin anybody's."""
    if identity is None:
        return False
    return allows(identity.role, ADMIN) or (allows(identity.role, OPERATOR) and dataset.user == identity.name)


def require_own_dataset(dataset: Dataset, identity: Identity, wish: str) -> None:
    """Refuse to let somebody change a dataset that `may_change_dataset` denies them; `wish` as for `require_own`.

    Raises:
        ForbiddenError: if it is somebody else's.
    """
    if not may_change_dataset(dataset, identity):
        whose = f"was registered by {dataset.user}" if dataset.user else "was registered on the command line"
        raise ForbiddenError(f"Dataset {dataset.name} {whose}; only an admin can {wish}.")


def require_own(job: JobSummary, identity: Identity, wish: str) -> None:
    """Refuse to let somebody change a job that `may_change` denies them.

    Args:
        job: that is to be changed.
        identity: who asks.
        wish: what for, as in "only an admin can cancel it".

    Raises:
        ForbiddenError: if it is somebody else's.
    """
    if not may_change(job, identity):
        whose = f"was submitted by {job.user}" if job.user else "was submitted on the command line"
        raise ForbiddenError(f"Job {job.id} {whose}; only an admin can {wish}.")
