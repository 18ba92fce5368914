"""The share of each class in what was segmented."""

from collections.abc import Mapping, Sequence
from typing import Any

from worker.cli.output import print_table


def class_shares(pixels: Mapping[int, int], labels: Sequence[str]) -> list[dict[str, Any]]:
    """The index, name and share of each class that was found, for `--json` and `print_shares`.

    Args:
        pixels: how many each class has, by its index.
        labels: the names of all classes.
    """
    total = sum(pixels.values())
    return [{"index": index, "name": labels[index], "share": count / total} for index, count in sorted(pixels.items())]


def print_shares(shares: Sequence[Mapping[str, Any]]) -> None:
    """Print what `class_shares` returned as a table."""
    print_table(
        ("CLASS", "SHARE"), [(each["name"], f"{each['share']:.1%}") for each in shares], "No pixels were segmented."
    )
