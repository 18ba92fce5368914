"""`deeplab dataset check`."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deeplab.formats import plural
from deeplab.images.kinds import describe_passed_over
from worker.cli.dataset.options import dataset_options
from worker.cli.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from deeplab.datasets.report import DatasetReport, SizeMismatch, SplitReport

_SHOWN = 10  # problems of a kind; --json has them all


@click.command(epilog="Example: deeplab dataset check -c configs/voc12.yaml")
@dataset_options
@click.option(
    "--split",
    "splits",
    multiple=True,
    metavar="NAME",
    help="Check only this split; repeatable.  [default: the splits TRAIN, VAL and TEST of DATASET.SPLIT]",
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
    config_path: Path, overrides: tuple[str, ...], splits: tuple[str, ...], n_jobs: int | None, as_json: bool
) -> None:
    """Check every image and mask of a dataset.

    Lists missing and unreadable files, masks that differ from their image in size, and mask values that are not
    classes; then warns of what looks wrong but may be meant so, and counts the pixels of each class. Skips a test split
    without masks. The exit code is 1 if there is any problem; warnings do not count.
    """
    from deeplab.config import load_config
    from deeplab.datasets.check import check_dataset
    from worker.cli.reporter import STARTS_OVER, report_progress

    config = load_config(config_path, overrides)
    with report_progress(STARTS_OVER) as reporter:
        report = check_dataset(config, reporter, splits=splits, n_workers=n_jobs)
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
    _print_list("missing", split.missing)
    _print_list("unreadable", split.unreadable)
    _print_list(
        "sizes that differ",
        (
            f"{each.mask} is {_size(each.mask_size)}, {each.image} is {_size(each.image_size)}{_stored(each)}"
            for each in split.mismatches
        ),
    )
    _print_list(
        "values that are not classes",
        (
            f"{each.mask}: {', '.join(f'{value} ({n} pixels)' for value, n in each.values.items())}"
            for each in split.unknown_values
        ),
    )
    for warning in split.warnings:
        click.echo(f"  warning: {warning.sentence}")


def _print_list(heading: str, findings: Iterable[str]) -> None:
    findings = iter(findings)
    for number, finding in enumerate(islice(findings, _SHOWN)):
        if number == 0:
            click.echo(f"  {heading}:")
        click.echo(f"    {finding}")
    more = sum(1 for _ in findings)
    if more:
        click.echo(f"    and {more} more (--json lists all)")


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


def _stored(mismatch: "SizeMismatch") -> str:
    if mismatch.stored_size is None:
        return ""
    return f", turned by its EXIF orientation from {_size(mismatch.stored_size)}"


def _size(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
