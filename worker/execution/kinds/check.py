"""Check jobs."""

from typing import Any

from deeplab.datasets.checking.check import check_dataset
from worker.execution.kinds import JobContext
from worker.jobs import datasets, storage
from worker.jobs.database import open_session
from worker.jobs.dataset_reports import write_report
from worker.jobs.requests.specs import CheckSpec


def run(context: JobContext) -> dict[str, Any]:
    """Check a registered dataset and leave the report. Problems of the dataset are no failure of the job.

    Raises:
        DatasetNotFoundError: if the dataset is not registered any more.
    """
    spec = CheckSpec.model_validate(context.job.spec)
    with open_session(context.settings, reads_only=True) as session:
        dataset = datasets.get_by_name(session, spec.dataset)
    splits = [spec.split] if spec.split else list(dataset.splits)
    report = check_dataset(context.config, context.reporter, splits=splits)
    context.reporter.flush()
    path = storage.report_path(context.settings, context.job.id, context.job.fence)
    write_report(path, report)
    return {
        "report": str(path),
        "n_images": sum(split.n_read for split in report.splits),
        "n_problems": report.n_problems,
        "n_warnings": report.n_warnings,
    }
