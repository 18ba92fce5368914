"""`deeplab dataset check`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deeplab.formats import plural
from deeplab.images.kinds import describe_passed_over
from worker.cli.dataset.options import dataset_options, load_dataset
from worker.cli.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from deeplab.datasets.checking.report import DatasetReport, SplitReport

_SHOWN = 10  # problems of a kind; --json has them all


@click.command(epilog="Example: deeplab dataset check configs/voc12.yaml")
@dataset_options
@click.option(
    "--split",
    "splits",
    multiple=True,
    metavar="NAME",
    help="Check only this split; repeatable.  [default: TRAIN, VAL and TEST of DATASET.SPLIT; all of a registered"
    " dataset]",
)
@click.option(
    "-j",
    "--n-jobs",
    "--jobs",
    "n_jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Number of processes.  [default: one per CPU]",
)
@json_option
def check(
    dataset: str | None,
    config_path: Path | None,
    overrides: tuple[str, ...],
    splits: tuple[str, ...],
    n_jobs: int | None,
    as_json: bool,
) -> None:
    """Check every image and mask of a dataset.

    DATASET is a configuration file, or the name of a registered dataset.

    Lists missing and unreadable files, masks that differ from their image in size, and mask values that are not
    classes; then warns of what looks wrong but may be meant so, and counts the pixels of each class. Skips a test split
    without masks. The exit code is 1 if there is any problem; warnings do not count.
    """
    from deeplab.datasets.checking.check import check_dataset
    from worker.cli.reporter import STARTS_OVER, report_progress

    config, all_splits = load_dataset(dataset, config_path, overrides)
    with report_progress(STARTS_OVER) as reporter:
        report = check_dataset(config, reporter, splits=splits or all_splits, n_workers=n_jobs)
    if as_json:
        print_json(report.as_json())
    else:
        _print_report(report)
    if report.n_problems:
        raise SystemExit(1)


def _print_report(report: "DatasetReport") -> None:
    for split in report.splits:
        _print_findings(split)
    for folder, kinds in report.passed_over.items():
        click.echo(f"{folder}: {describe_passed_over(kinds)}.")
    for warning in report.warnings:
        click.echo(f"warning: {warning.sentence}")
    for split in report.splits:
        if split.n_read:
            click.echo(f"\n{split.split}: pixels by class")
            _print_histogram(report.class_names, split)


def _print_findings(split: "SplitReport") -> None:
    if split.skipped:
        click.echo(f"{split.split}: skipped. {split.skipped}")
        return
    if split.error:
        click.echo(f"{split.split}: {split.error}")
        return
    n_problems = split.n_problems
    verdict = plural(n_problems, "problem") if n_problems else "no problems"
    click.echo(f"{split.split}: read {split.n_read} of {plural(split.n_ids, 'pair')}, {verdict}.")
    for heading, sentences in split.findings.items():
        _print_list(heading, sentences)
    for warning in split.warnings:
        click.echo(f"  warning: {warning.sentence}")


def _print_list(heading: str, findings: Sequence[str]) -> None:
    if findings:
        click.echo(f"  {heading}:")
    for finding in findings[:_SHOWN]:
        click.echo(f"    {finding}")
    if len(findings) > _SHOWN:
        click.echo(f"    and {len(findings) - _SHOWN} more (--json lists all)")


def _print_histogram(class_names: Sequence[str], split: "SplitReport") -> None:
    total = sum(split.pixels) + split.ignored + sum(sum(each.values.values()) for each in split.unknown_values)
    rows: list[tuple[object, ...]] = [
        (index, name, split.pixels[index], _percent(split.pixels[index], total), split.images[index])
        for index, name in enumerate(class_names)
    ]
    rows.append(("", "(ignored)", split.ignored, _percent(split.ignored, total), ""))
    print_table(("CLASS", "NAME", "PIXELS", "%", "IMAGES"), rows, "")


def _percent(part: int, total: int) -> str:
    return f"{100 * part / total:.2f}" if total else "0.00"
