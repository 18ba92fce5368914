"""The board and the alert rules in docs/monitoring ask for metrics that there are."""

import json
import re
from typing import Any

import yaml
from flask.testing import FlaskClient

from tests.paths import ROOT

FOLDER = ROOT / "docs" / "monitoring"
NAME = re.compile(r"\bdeeplab_[a-z_]+")


def known_metrics(client: FlaskClient) -> set[str]:
    """All names that are exposed, whether or not they have a value at the moment."""
    return set(re.findall(r"^# TYPE (\S+)", client.get("/metrics").text, re.MULTILINE))


def test_alerts_ask_for_metrics_that_there_are(client: FlaskClient) -> None:
    rules = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    asked = {name for rule in rules for name in NAME.findall(rule["expr"])}
    assert len(asked) >= 6
    assert asked - known_metrics(client) == set()
    for rule in rules:
        assert {"alert", "expr", "labels", "annotations"} <= set(rule)
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_the_board_asks_for_every_metric_there_is(client: FlaskClient) -> None:
    board: dict[str, Any] = json.loads((FOLDER / "grafana.json").read_text())
    asked = {name for panel in board["panels"] for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert asked == known_metrics(client)
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places)


def test_prometheus_is_told_of_the_rules() -> None:
    configuration = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    assert [(FOLDER / name).is_file() for name in configuration["rule_files"]] == [True]
