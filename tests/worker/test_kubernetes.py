"""The manifests in docs/kubernetes fit Kubernetes' own schemas, and what they ask of our program exists."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.paths import ROOT
from tests.worker.test_compose import parse
from web import create_app
from worker.jobs.settings import Settings, load_settings

_MANIFESTS: list[dict[str, Any]] = [
    manifest
    for path in sorted((ROOT / "docs" / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text("utf-8"))
]


def name_of(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def pods() -> Iterator[dict[str, Any]]:
    return (each["spec"]["template"]["spec"] for each in _MANIFESTS if each["kind"] in {"Deployment", "Job"})


def commands_in(container: dict[str, Any]) -> Iterator[list[str]]:
    yield container["args"]
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        if command := container.get(name, {}).get("exec", {}).get("command"):
            assert command[0] == "deeplab"
            yield command[1:]


@pytest.mark.parametrize("manifest", _MANIFESTS, ids=name_of)
def test_a_manifest_fits_its_schema(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_a_manifest_that_does_not_fit_would_be_found() -> None:
    wrong = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringDate": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_commands_and_settings_are_ours() -> None:
    for pod in pods():
        for command in commands_in(pod["containers"][0]):
            parse(command)
    given = {key for each in _MANIFESTS for key in {**each.get("data", {}), **each.get("stringData", {})}}
    assert len(given) >= 6
    assert given <= {f"DEEPLAB_{field.upper()}" for field in Settings.model_fields}


def test_probes_ask_for_addresses_that_there_are(tmp_path: Path) -> None:
    rules = {rule.rule for rule in create_app(load_settings(home=tmp_path)).url_map.iter_rules()}
    containers = [pod["containers"][0] for pod in pods()]
    asked = [probe["httpGet"]["path"] for each in containers for probe in each.values() if "httpGet" in probe]
    assert sorted(set(asked)) == ["/healthz", "/readyz"]
    assert set(asked) <= rules


def test_what_a_pod_names_is_there() -> None:
    there = {name_of(each) for each in _MANIFESTS}
    for pod in pods():
        claims = [each["persistentVolumeClaim"]["claimName"] for each in pod["volumes"] if "emptyDir" not in each]
        sources = pod["containers"][0]["envFrom"]
        assert {f"PersistentVolumeClaim {claim}" for claim in claims} <= there
        assert {f"Secret {each['secretRef']['name']}" for each in sources if "secretRef" in each} <= there
        assert {f"ConfigMap {each['configMapRef']['name']}" for each in sources if "configMapRef" in each} <= there
        mounted = {each["name"] for each in pod["containers"][0]["volumeMounts"]}
        assert mounted == {each["name"] for each in pod["volumes"]}


def test_a_worker_has_longer_to_stop_than_its_jobs_have_to_save_a_checkpoint() -> None:
    (settings,) = [each["data"] for each in _MANIFESTS if each["kind"] == "ConfigMap"]
    workers = [pod for pod in pods() if pod["containers"][0]["name"] == "worker"]
    assert len(workers) == 2
    for pod in workers:
        assert pod["terminationGracePeriodSeconds"] > 2 * float(settings["DEEPLAB_STOP_SECONDS"]) + 30


def test_the_worker_for_gpus_asks_for_one() -> None:
    containers = [pod["containers"][0] for pod in pods()]
    limits = {each["args"][-1]: each["resources"]["limits"] for each in containers if each["name"] == "worker"}
    assert limits["gpu"]["nvidia.com/gpu"] == 1
    assert "nvidia.com/gpu" not in limits["cpu"]
