"""The orders in which a gallery can show its images, as a person chooses them."""

from collections.abc import Sequence
from dataclasses import dataclass

from web.results.classes import name_of
from worker.jobs.results.answers import Summary
from worker.jobs.results.filters import Filter


@dataclass(frozen=True)
class Order:
    """One of the orders."""

    name: str  # as addresses have it
    title: str
    of_class: bool = False  # it needs one


_ALWAYS = (
    Order("name", "Name, from A to Z"),
    Order("-name", "Name, from Z to A"),
    Order("-seconds", "Slowest first"),
    Order("seconds", "Fastest first"),
)
_CONFIDENCE = (Order("confidence", "Least confident first"), Order("-confidence", "Most confident first"))
_SCORES = (
    Order("mean_iou", "Lowest mean IoU first"),
    Order("-mean_iou", "Highest mean IoU first"),
    Order("pixel_accuracy", "Lowest pixel accuracy first"),
    Order("-pixel_accuracy", "Highest pixel accuracy first"),
)
_QUALITY = (
    Order("label_quality", "Lowest label quality first"),
    Order("-label_quality", "Highest label quality first"),
)


def orders_for(summary: Summary, wanted: Filter, names: Sequence[str]) -> list[Order]:
    """List the orders that a job's images can be in: by what is known of them, and of the class that is asked for."""
    orders = [*_ALWAYS]
    if wanted.cell is not None:
        orders += [Order("-pixels", "Most pixels of this confusion first")]
    if wanted.main_class is not None:
        orders += _of_class(summary, name_of(wanted.main_class, names))
    orders += _SCORES if summary.n_scored else ()
    orders += _CONFIDENCE if summary.n_confident else ()
    orders += _QUALITY if summary.n_judged else ()
    return orders


def _of_class(summary: Summary, name: str) -> list[Order]:
    titles = {"-share": f"Largest share of {name} first", "share": f"Smallest share of {name} first"}
    if summary.n_scored:
        titles |= {"class_iou": f"Lowest IoU of {name} first", "-class_iou": f"Highest IoU of {name} first"}
    if summary.n_judged:
        titles |= {"class_label_quality": f"Lowest label quality of {name} first"}
    return [Order(order, title, of_class=True) for order, title in titles.items()]
