"""Orders are offered only where a job knows the value."""

from web.results.orders import orders_for
from worker.jobs.results.answers import Summary
from worker.jobs.results.filters import SORTS, Filter

SEGMENTED = Summary(5, 0, 0, 0, 0, n_scored=0, n_confident=0, n_judged=0)
EVALUATED = Summary(5, 0, 0, 0, 0, n_scored=5, n_confident=5, n_judged=5)


def names(summary: Summary, wanted: Filter) -> set[str]:
    return {order.name for order in orders_for(summary, wanted, ["ground", "disc"])}


def test_what_a_job_lacks_is_not_offered() -> None:
    assert names(SEGMENTED, Filter()) == {"name", "-name", "seconds", "-seconds"}
    assert names(SEGMENTED, Filter(classes=(1,))) - names(SEGMENTED, Filter()) == {"share", "-share"}


def test_all_orders_can_be_chosen() -> None:
    assert names(EVALUATED, Filter(classes=(1,), cell=(0, 1))) == set(SORTS)


def test_titles_name_the_class() -> None:
    titles = [order.title for order in orders_for(EVALUATED, Filter(classes=(1,)), ["ground", "disc"])]
    assert "Lowest IoU of disc first" in titles
