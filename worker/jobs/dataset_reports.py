"""The reports that check jobs leave, as JSON: what `deeplab dataset check --json` says, of many findings the first."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from deeplab import remote
from deeplab.datasets.checking.report import DatasetReport, DatasetWarning, SizeMismatch, SplitReport, UnknownValues
from deeplab.errors import DeepLabError
from deeplab.files import printable, replace_file
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.tables import JobRow

MOST_FINDINGS = 1000  # of a kind and a split


class ReportError(DeepLabError):
    """A report cannot be read."""


@dataclass(frozen=True)
class StoredReport:
    """Where the report of a check job lies, and of what it is."""

    job_id: int
    path: Path
    finished_at: float
    version: str | None  # the digest of the dataset's version when the job was submitted
    has_preview: bool

    @property
    def preview(self) -> Path:
        """An image of the samples that a training sees, if there is one."""
        return self.path.with_name("preview.png")


def write_report(path: Path, report: DatasetReport) -> None:
    """Write a report; of each kind of finding at most MOST_FINDINGS are named. Raises OutputError if that fails."""
    content = {
        **replace(report, splits=[_shortened(split) for split in report.splits]).as_json(),
        "n_findings": {split.split: split.n_problems for split in report.splits},
    }
    with replace_file(path) as file:
        file.write(json.dumps(content).encode())


def find_newest(session: Session, names: list[str]) -> StoredReport | None:
    """The report of the newest check of all splits of a dataset, under any of its names; None if there is none."""
    query = select(JobRow.id, JobRow.result, JobRow.finished_at, JobRow.dataset_version).where(
        JobRow.kind == "check",
        JobRow.state == SUCCEEDED,
        JobRow.dataset.in_(names),
        JobRow.spec["split"].as_string().is_(None),
    )
    row = session.execute(query.order_by(JobRow.id.desc()).limit(1)).first()
    return (
        None
        if row is None
        else StoredReport(row[0], Path(row[1]["report"]), row[2], row[3], row[1].get("has_preview", False))
    )


def read_report(path: Path) -> tuple[DatasetReport, dict[str, int]]:
    """Read a report, and the number of problems by split.

    Raises:
        ReportError: if it is gone or damaged.
    """
    try:
        content = json.loads(remote.fetch(path).read_bytes())
        return _report_of(content), content["n_findings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{printable(path)}: the report cannot be read; check the dataset again.") from error


def _shortened(split: SplitReport) -> SplitReport:
    return replace(
        split,
        missing=split.missing[:MOST_FINDINGS],
        unreadable=split.unreadable[:MOST_FINDINGS],
        mismatches=split.mismatches[:MOST_FINDINGS],
        unknown_values=split.unknown_values[:MOST_FINDINGS],
    )


def _report_of(content: dict[str, Any]) -> DatasetReport:
    splits = [_split_of(each) for each in content["splits"]]
    return DatasetReport(content["labels"], splits, _warnings_of(content), content["passed_over"])


def _split_of(content: dict[str, Any]) -> SplitReport:
    fields = {name: value for name, value in content.items() if name in SplitReport.__dataclass_fields__}
    return SplitReport(
        **{
            **fields,
            "mismatches": [SizeMismatch(**each) for each in content["mismatches"]],
            "unknown_values": [_unknown_values_of(each) for each in content["strange"]],
            "warnings": _warnings_of(content),
        }
    )


def _unknown_values_of(content: dict[str, Any]) -> UnknownValues:
    values = {int(value): n_pixels for value, n_pixels in content["values"].items()}  # the keys of JSON are texts
    return UnknownValues(content["mask"], values)


def _warnings_of(content: dict[str, Any]) -> list[DatasetWarning]:
    return [DatasetWarning(**each) for each in content["warnings"]]
