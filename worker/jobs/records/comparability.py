"""Whether the scores of two evaluations mean the same: they do not under other rules, or on other data."""

from collections.abc import Iterator, Mapping
from typing import Any

from worker.jobs.records.evaluations import Evaluation

# Part of a policy, but what it names is what people compare: how a model looks at an image is not how it is scored.
_COMPARED = "inference"


def find_obstacles(base: Evaluation, other: Evaluation) -> list[str]:
    """Say why two evaluations are not comparable, a sentence each; none if they are, as far as it is known."""
    return [*_other_data(base, other), *_other_classes(base, other), *_other_rules(base.policy, other.policy)]


def is_older(evaluation: Evaluation) -> bool:
    """Whether an older version made it, which did not record what decides about its comparability."""
    return evaluation.policy is None or evaluation.dataset_version is None


def _other_data(base: Evaluation, other: Evaluation) -> Iterator[str]:
    if base.dataset_version is not None and other.dataset_version is not None:
        if base.dataset_version != other.dataset_version:
            yield f"They are on different data: {_version(base)} and {_version(other)}."
    elif (base.dataset, base.split) != (other.dataset, other.split):
        yield f"They are on different data: {_split(base)} and {_split(other)}."


def _other_classes(base: Evaluation, other: Evaluation) -> Iterator[str]:
    names = [each.scores.get("labels") for each in (base, other)]
    if None not in names and names[0] != names[1]:
        yield "Their classes have different names."
    elif len(base.scores["class_iou"]) != len(other.scores["class_iou"]):
        yield f"They know {len(base.scores['class_iou'])} and {len(other.scores['class_iou'])} classes."


def _other_rules(base: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> Iterator[str]:
    if base is None or other is None:
        return
    for name in dict.fromkeys([*base, *other]):
        if name != _COMPARED and base.get(name) != other.get(name):
            title = name.replace("_", " ")
            yield f"They are scored by different rules: {title} is {base.get(name)} and {other.get(name)}."


def _version(evaluation: Evaluation) -> str:
    return f"{_split(evaluation)} (version {(evaluation.dataset_version or '')[:8]})"


def _split(evaluation: Evaluation) -> str:
    return f"{evaluation.dataset}, {evaluation.split}"
