from flask.testing import FlaskClient

from tests.web.api.conftest import get
from tests.web.evaluated import images, record_evaluation
from tests.web.population import Population


def test_a_comparison_has_differences_and_intervals(client: FlaskClient, population: Population) -> None:
    base, better = (record_evaluation(population, images(20, right)) for right in (70, 80))
    found = get(client, "/comparisons", job=[base, better], base=base)
    assert found["jobs"] == [base, better]
    assert found["not_comparable"] == found["no_intervals"] == {}
    mean_iou = found["scores"][0]
    assert mean_iou["title"] == "Mean IoU"
    assert mean_iou["cells"][0]["change"] is None
    interval = mean_iou["cells"][1]["change"]["interval"]
    assert 0 < interval["low"] <= interval["value"] <= interval["high"]
    assert [line["title"] for line in found["classes"]] == ["ground", "disc", "bar"]
