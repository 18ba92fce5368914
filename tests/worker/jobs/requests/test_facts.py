from pathlib import Path

from tests.configs import write_config
from tests.deeplab.drawing import draw_folder
from tests.worker.store import FOREVER, add_checkpoint, submit
from worker.jobs import catalog, datasets, leases
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import survey
from worker.jobs.settings import Settings


def test_the_name_of_a_dataset_goes_on_to_whatever_is_made_of_a_training(store: Settings, tmp_path: Path) -> None:
    root = draw_folder(tmp_path / "street")
    (root / "labels.txt").write_text("0\tsky\n1\troad\n2\tcar\n")
    with open_session(store) as session:
        for name in ("camvid", "twin"):  # two names of one folder
            datasets.register(session, name, survey(root))
        config = str(write_config(store.home))
        trained = leases.claim(session, submit(session, store, dataset="twin", config=config).id, "a", FOREVER)
        assert trained is not None
        checkpoint = str(add_checkpoint(session, store, trained))
        evaluated = submit(session, store, "evaluate", checkpoint=checkpoint)
        elsewhere = submit(session, store, "evaluate", checkpoint=checkpoint, overrides="DATASET.ROOT=/data/other")
        named = submit(session, store, "evaluate", checkpoint=checkpoint, dataset="camvid")
        segmented = submit(session, store, "segment", checkpoint=checkpoint, input=str(root / "images"))
        claimed = leases.claim(session, evaluated.id, "a", FOREVER)
        assert claimed is not None
        leases.finish(session, evaluated.id, claimed.fence, catalog.SUCCEEDED, result={"logits": "/logits"})
        refined = submit(session, store, "crf", evaluate_job=evaluated.id)
    assert [job.dataset for job in (trained, evaluated, elsewhere, named, segmented, refined)] == [
        "twin",
        "twin",
        "/data/other",
        "camvid",
        None,
        "twin",
    ]
    assert [job.checkpoint for job in (trained, evaluated, segmented, refined)] == [None, checkpoint, checkpoint, None]
    assert (evaluated.evaluate_job, refined.evaluate_job) == (None, evaluated.id)
    assert refined.model == trained.model == "DeepLabV2_ResNet101_MSC"


def test_a_dataset_without_a_folder_goes_by_its_layout(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store, config=str(write_config(store.home, DATASET={"N_CLASSES": 3})))
        assert job.dataset == job.config["DATASET"]["NAME"]
