from pathlib import Path

import pytest

from deeplab.config import load_config
from deeplab.datasets.class_names import save_class_names
from deeplab.presets import bytes_per_image
from tests.deeplab.drawing import draw_folder
from worker.jobs import datasets, presets, storage, submission, workers
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import survey
from worker.jobs.presets import PresetNameError, PresetNotFoundError
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings


@pytest.fixture
def street(store: Settings, tmp_path: Path) -> str:
    """A registered dataset of six images, 200 pixels high."""
    folder = draw_folder(tmp_path / "street", height=200, width=260)
    save_class_names(folder / "labels.txt", ["a", "b", "c"])
    with open_session(store) as session:
        datasets.register(session, "street", survey(folder))
    return "street"


@pytest.mark.parametrize("name", [each.name for each in presets.shipped()])
def test_a_shipped_preset_is_fitted_to_the_dataset(store: Settings, street: str, name: str) -> None:
    request = presets.expand(store, {"preset": name, "dataset": street, "overrides": "SOLVER.LR=0.5"}, None)
    job = submission.submit(store, parse_spec("train", request))
    config = job.config
    assert (config["DATASET"]["N_CLASSES"], config["IMAGE"]["SIZE"]["TRAIN"], config["SOLVER"]["LR"]) == (3, 193, 0.5)
    assert config["IMAGE"]["MEAN"]["R"] != 122.675


def test_batches_are_as_small_as_the_memory_asks_for(store: Settings, street: str) -> None:
    config = load_config(storage.configs_dir() / "presets" / "original-v2.yaml")
    with open_session(store) as session:
        workers.register(
            session, "a", "gpu", "GPU", gpus=1, memory_bytes=1_500_000_000 + 2 * bytes_per_image(config, 193)
        )
    overrides = presets.expand(store, {"preset": "original-v2", "dataset": street}, None)["overrides"]
    assert "SOLVER.BATCH_SIZE.TRAIN=2" in overrides
    assert "SOLVER.ITER_SIZE=5" in overrides  # 5 x 2 images an iteration, as before


def test_what_somebody_saves_is_theirs_and_not_of_a_dataset(store: Settings, street: str) -> None:
    config = str(storage.configs_dir() / "presets" / "fast-cpu.yaml")
    with open_session(store) as session:
        presets.save(session, "mine", config, ["SOLVER.LR=1e-3", "DATASET.N_CLASSES=9", "IMAGE.MEAN.R=1"], None)
        presets.save(session, "mine", config, ["SOLVER.LR=2e-3", "IMAGE.SIZE.TRAIN=97"], None)
        assert [each.name for each in presets.list_presets(session, None) if each.is_own] == ["mine"]
        with pytest.raises(PresetNotFoundError, match="expected one of fast-cpu, accurate-gpu, original-v2, mine"):
            presets.get(session, "other", None)
        for name in ("fast-cpu", "a b", ""):
            with pytest.raises(PresetNameError):
                presets.save(session, name, config, [], None)
    overrides = presets.expand(store, {"preset": "mine", "dataset": street}, None)["overrides"]
    assert overrides[-2:] == ["SOLVER.LR=2e-3", "IMAGE.SIZE.TRAIN=97"]
    assert not any(each.startswith("IMAGE.SIZE") for each in overrides[:-2])
    with open_session(store) as session:
        presets.remove(session, "mine", None)
        with pytest.raises(PresetNotFoundError):
            presets.remove(session, "mine", None)


def test_a_preset_that_does_not_fit_is_refused_beside_its_field(store: Settings) -> None:
    for request, field in (
        ({"preset": "slow"}, "preset"),
        ({"preset": 3}, "preset"),
        ({"preset": "fast-cpu", "config": "/a.yaml"}, "preset"),
        ({"preset": "fast-cpu", "dataset": "nowhere"}, "dataset"),
    ):
        with pytest.raises(SpecError) as caught:
            presets.expand(store, request, None)
        assert list(caught.value.fields) == [field]
    assert presets.expand(store, {"config": "/a.yaml"}, None) == {"config": "/a.yaml"}
