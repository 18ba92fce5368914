"""`deeplab dataset check`."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.dataset.options import dataset_options
from worker.cli.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from deeplab.datasets.report import DatasetReport, SplitReport

_SHOWN = 10  # findings of a kind; --json has them all


@click.command()
@dataset_options
@click.option("--split", "splits", multiple=True, help="Only this one; repeatable.  [default: TRAIN, VAL and TEST]")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Processes.  [default: one per CPU]")
@json_option
def check(
    config_path: Path, overrides: tuple[str, ...], splits: tuple[str, ...], jobs: int | None, as_json: bool
) -> None:
    """Read every image and mask of a data set, and list what is wrong.

    Missing and unreadable files, masks of another size than their image, and values that are no class; then
    how often each class occurs. A test split without labels is left out. The exit code is 1 if anything is wrong.
    """
    from deeplab.config import load_config
    from deeplab.datasets.check import check_dataset
    from worker.cli.reporter import STARTS_OVER, report_progress

    config = load_config(config_path, overrides)
    with report_progress(STARTS_OVER) as reporter:
        report = check_dataset(config, reporter, splits=splits, jobs=jobs)
    if as_json:
        print_json(report.as_json())
    else:
        _print_report(report)
    if report.n_problems:
        raise SystemExit(1)


def _print_report(report: "DatasetReport") -> None:
    for split in report.splits:
        _print_findings(split)
    for split in report.splits:
        if split.n_read:
            click.echo(f"\n{split.split}: pixels by class")
            _print_histogram(report.class_names, split)


def _print_findings(split: "SplitReport") -> None:
    if split.skipped:
        click.echo(f"{split.split}: left out. {split.skipped}")
        return
    if split.error:
        click.echo(f"{split.split}: {split.error}")
        return
    n_problems = split.n_problems
    verdict = f"{n_problems} problem{'s'[: n_problems != 1]}" if n_problems else "nothing is wrong"
    click.echo(f"{split.split}: {split.n_read} of {split.n_ids} pairs read, {verdict}.")
    _print_list("missing", split.missing)
    _print_list("unreadable", split.unreadable)
    _print_list(
        "sizes differ",
        (
            f"{each.mask} is {_size(each.mask_size)}, {each.image} is {_size(each.image_size)}"
            for each in split.mismatches
        ),
    )
    _print_list(
        "labels that are no class",
        (
            f"{each.mask}: {', '.join(f'{value} ({n} pixels)' for value, n in each.values.items())}"
            for each in split.unknown_values
        ),
    )


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


def _size(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
