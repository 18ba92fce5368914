"""Check jobs."""

import logging
from pathlib import Path
from typing import Any

from deeplab.datasets.checking.check import check_dataset
from deeplab.errors import DatasetError, ImageError
from deeplab.reporter import SilentReporter
from worker.execution.kinds import JobContext
from worker.jobs import datasets, storage
from worker.jobs.database import open_session
from worker.jobs.dataset_reports import write_report
from worker.jobs.requests.specs import CheckSpec

_log = logging.getLogger(__name__)
_N_SAMPLES, _N_COLUMNS = 12, 4  # of the preview


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
        "has_preview": _draw_preview(context, path.with_name("preview.png")),
        "n_images": sum(split.n_read for split in report.splits),
        "n_problems": report.n_problems,
        "n_warnings": report.n_warnings,
    }


def _draw_preview(context: JobContext, path: Path) -> bool:
    """Draw the samples that a training sees; of a dataset in which nobody could train, there are none."""
    from deeplab.datasets.preview import write_preview  # it needs PyTorch, and the check does not

    try:
        write_preview(context.config, path, SilentReporter(), n_images=_N_SAMPLES, n_columns=_N_COLUMNS)
    except (DatasetError, ImageError) as error:
        _log.info("No preview: %s", error)
        return False
    return True
