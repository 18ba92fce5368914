from pathlib import Path

from deeplab.config import parse_config
from worker.cli.foreground.experiment import logits_dir, logs_dir, models_dir, scores_path


def test_files_lie_where_the_original_puts_them() -> None:
    config = parse_config(
        {"EXP": {"ID": "voc12"}, "DATASET": {"N_CLASSES": 21, "SPLIT": {"TRAIN": "train_aug"}}}, "test"
    )
    assert models_dir(config) == Path("data/models/voc12/deeplabv2_resnet101_msc/train_aug")
    assert logs_dir(config) == Path("data/logs/voc12")
    assert logits_dir(config, "val") == Path("data/features/voc12/deeplabv2_resnet101_msc/val/logit")
    assert scores_path(config, "val", crf=False) == Path("data/scores/voc12/deeplabv2_resnet101_msc/val/scores.json")
    assert scores_path(config, "val", crf=True).name == "scores_crf.json"
