"""Import jobs."""

from pathlib import Path
from typing import Any

from deeplab import remote
from deeplab.datasets.importing.whole import Choices, import_export
from deeplab.mirrors import local_path
from worker.execution.kinds import JobContext
from worker.jobs import datasets, jobs, storage, uploads
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import survey
from worker.jobs.requests.specs import ImportSpec


def run(context: JobContext) -> dict[str, Any]:
    """Make a dataset of an export, register it, and delete what was uploaded.

    Raises:
        DeepLabError: if the name was taken meanwhile, the export is gone or not as its format requires, or no job could
            use the dataset.
    """
    spec = ImportSpec.model_validate(context.job.spec)
    with open_session(context.settings, reads_only=True) as session:
        datasets.require_free(session, spec.dataset)
    source = source_of(context, spec)
    target = storage.imported_dir(context.settings, context.job.id, context.job.fence) / spec.dataset
    choices = Choices(
        format=spec.format,
        ignores_unlabelled=spec.unlabelled == "ignore",
        val_share=spec.val_share,
        seed=spec.seed,
    )
    imported = import_export(source, target, context.reporter, choices)
    remote.send_tree(target)
    surveyed = survey(target)
    context.reporter.flush()
    with context.fenced() as session:
        user_id = jobs.user_id_of(session, context.job.id)
        registered = datasets.register(session, spec.dataset, surveyed, user_id, confined=context.job.roots is not None)
    if spec.upload is not None:
        uploads.discard(context.settings, spec.upload)
    return {
        "dataset": registered.name,
        "root": registered.root,
        "format": imported.format,
        "n_images": sum(registered.splits.values()),
        "splits": registered.splits,
        "notes": [*imported.written.notes, *surveyed.notes],
    }


def source_of(context: JobContext, spec: ImportSpec) -> Path:
    """Where the export lies. Raises UploadError if it was uploaded and is gone."""
    return local_path(spec.source) if spec.upload is None else uploads.find(context.settings, spec.upload)
