import os
from pathlib import Path
from typing import Any

import pytest

from deeplab.catalog import MODEL_NAMES
from deeplab.config import dotted_keys, load_config, parse_config
from deeplab.errors import ConfigError
from deeplab.formats import shortened
from tests.paths import CONFIGS

MINIMAL: dict[str, Any] = {"DATASET": {"N_CLASSES": 3}}
ODD_KEY: dict[Any, Any] = {**MINIMAL, 3: 4}


def message(mapping: Any, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(mapping, "x.yaml", overrides)
    text = str(caught.value)
    assert text.count("\n") == 0
    return text


def with_key(section: str, key: str, value: object) -> dict[str, Any]:
    return {**MINIMAL, section: {**MINIMAL.get(section, {}), key: value}}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_config_loads(path: Path) -> None:
    config = load_config(path)
    assert config.MODEL.NAME in MODEL_NAMES


def test_the_originals_values_arrive() -> None:
    config = load_config(CONFIGS / "voc12.yaml")

    assert config.DATASET.NAME == "vocaug"
    assert config.DATASET.SCALES == (0.5, 0.75, 1.0, 1.25, 1.5)
    assert config.MODEL.N_BLOCKS == (3, 4, 23, 3)
    assert config.MODEL.ATROUS_RATES == (6, 12, 18, 24)
    assert config.IMAGE.SIZE.BASE is None
    assert (config.IMAGE.MEAN.B, config.IMAGE.MEAN.G, config.IMAGE.MEAN.R) == (104.008, 116.669, 122.675)
    assert (config.SOLVER.LR, config.SOLVER.WEIGHT_DECAY, config.SOLVER.ITER_SIZE) == (2.5e-4, 5e-4, 2)
    assert config.SOLVER.FREEZE_BN


def test_empty_keys_and_sections_mean_defaults() -> None:
    config = parse_config({**MINIMAL, "SOLVER": None, "IMAGE": {"SIZE": {"TRAIN": None}}}, "x.yaml")
    assert (config.SOLVER.ITER_MAX, config.IMAGE.SIZE.TRAIN) == (20000, 321)


@pytest.mark.parametrize("mode", ["python", "json"])
def test_a_dump_is_read_again(mode: Any) -> None:
    config = parse_config(with_key("MODEL", "N_BLOCKS", [1, 1, 1, 1]), "x.yaml")
    assert parse_config(config.model_dump(mode=mode), "dump") == config


@pytest.mark.parametrize(
    ("value", "expected"),
    [("inverse", "inverse"), ("[1, 2.5, 0]", (1, 2.5, 0)), ("[1e-3, 1, 1]", (1e-3, 1, 1)), ("", None)],
)
def test_class_weights_are_a_rule_or_a_list(value: str, expected: object) -> None:
    config = parse_config(MINIMAL, "x.yaml", [f"SOLVER.CLASS_WEIGHTS={value}"])
    assert expected == config.SOLVER.CLASS_WEIGHTS
    for mode in ("python", "json"):
        assert parse_config(config.model_dump(mode=mode), "dump") == config


@pytest.mark.parametrize("text", ["1e-3", "1E-3", ".001", "1.e-3", "0.001"])
def test_numbers_that_yaml_reads_as_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"DATASET: {{N_CLASSES: 3}}\nSOLVER: {{LR: {text}, WEIGHT_DECAY: 5e-4}}\n")

    assert load_config(path).SOLVER.LR == 1e-3
    assert load_config(path, [f"CRF.BI_W={text}"]).CRF.BI_W == 1e-3


def test_overrides_are_yaml_and_leave_the_mapping_alone() -> None:
    mapping = with_key("SOLVER", "LR", 0.1)
    overrides = ["SOLVER.LR=1e-3", "DATASET.SCALES=[1, 2e0]", "MODEL.INIT_MODEL=", "EXP.ID=a=b"]

    config = parse_config(mapping, "x.yaml", overrides)

    assert config.SOLVER.LR == 1e-3
    assert config.DATASET.SCALES == (1.0, 2.0)
    assert config.MODEL.INIT_MODEL is None
    assert config.EXP.ID == "a=b"
    assert mapping["SOLVER"]["LR"] == 0.1


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (with_key("SOLVER", "LRR", 1), "x.yaml: SOLVER.LRR is not a known key; did you mean SOLVER.LR?"),
        (with_key("SOLVER", "lr", 1), "x.yaml: SOLVER.lr is not a known key; did you mean SOLVER.LR?"),
        (
            with_key("MODEL", "N_CLASSES", 1),
            "x.yaml: MODEL.N_CLASSES is not a known key; did you mean DATASET.N_CLASSES?",
        ),
        ({**MINIMAL, "SOLVR": {}}, "x.yaml: SOLVR is not a known key; did you mean SOLVER?"),
        ({**MINIMAL, "ZZ": {}}, "x.yaml: ZZ is not a known key."),
        (ODD_KEY, "x.yaml: [3] is not a known key."),
        ({"DATASET": {"N_CLASES": 2}}, "x.yaml: DATASET.N_CLASES is not a known key; did you mean DATASET.N_CLASSES?"),
        ({}, "x.yaml: DATASET.N_CLASSES is missing."),
        (None, "x.yaml: DATASET.N_CLASSES is missing."),
        ([1], "x.yaml: expected sections such as DATASET and SOLVER, got [1]."),
        ({"DATASET": 5}, "x.yaml: DATASET must be a section with keys of its own, got 5."),
        (with_key("SOLVER", "LR", "fast"), "x.yaml: SOLVER.LR must be a number, got 'fast'."),
        (with_key("SOLVER", "LR", float("nan")), "x.yaml: SOLVER.LR must be a number, got nan."),
        (with_key("SOLVER", "LR", 0), "x.yaml: SOLVER.LR must be greater than 0, got 0."),
        (with_key("SOLVER", "LR", True), "x.yaml: SOLVER.LR must be a number, got true."),
        (with_key("SOLVER", "MOMENTUM", 1.0), "x.yaml: SOLVER.MOMENTUM must be less than 1, got 1.0."),
        (with_key("SOLVER", "ITER_MAX", 2.5), "x.yaml: SOLVER.ITER_MAX must be a whole number, got 2.5."),
        (with_key("SOLVER", "ITER_MAX", "5"), "x.yaml: SOLVER.ITER_MAX must be a whole number, got '5'."),
        (with_key("SOLVER", "FREEZE_BN", "yes"), "x.yaml: SOLVER.FREEZE_BN must be true or false, got 'yes'."),
        (with_key("SOLVER", "OPTIMIZER", "adam"), "x.yaml: SOLVER.OPTIMIZER must be 'sgd' or 'adamw', got 'adam'."),
        (
            with_key("SOLVER", "BATCH_SIZE", 5),
            "x.yaml: SOLVER.BATCH_SIZE must be a section with keys of its own, got 5.",
        ),
        (with_key("EXP", "ID", 12), "x.yaml: EXP.ID must be text, got 12."),
        (with_key("IMAGE", "SIZE", {"TRAIN": 0}), "x.yaml: IMAGE.SIZE.TRAIN must be at least 1, got 0."),
        (with_key("MODEL", "N_BLOCKS", 3), "x.yaml: MODEL.N_BLOCKS must be a list, got 3."),
        (with_key("MODEL", "N_BLOCKS", [1, 2, "a", 3]), "x.yaml: MODEL.N_BLOCKS[2] must be a whole number, got 'a'."),
        (with_key("MODEL", "ATROUS_RATES", []), "x.yaml: MODEL.ATROUS_RATES must be not empty, got []."),
        (with_key("MODEL", "WIDTH", 6), "x.yaml: MODEL.WIDTH must be a multiple of 4, got 6."),
        ({"DATASET": {"N_CLASSES": 1}}, "x.yaml: DATASET.N_CLASSES must be at least 2, got 1."),
        ({"DATASET": {"N_CLASSES": 256}}, "x.yaml: DATASET.N_CLASSES must be at most 255, got 256."),
        (
            with_key("MODEL", "N_BLOCKS", [1, 2]),
            "x.yaml: MODEL.N_BLOCKS must list 4 numbers, for layer2 to layer5, got 2.",
        ),
        (
            {"DATASET": {"N_CLASSES": 3, "IGNORE_LABEL": 2}},
            "x.yaml: DATASET.IGNORE_LABEL 2 is also a class, because N_CLASSES is 3; in your masks, write 255 for"
            " pixels without a class and number the classes 0 to 2.",
        ),
        *[
            (
                with_key("SOLVER", "CLASS_WEIGHTS", value),
                "x.yaml: SOLVER.CLASS_WEIGHTS must be 'inverse', 'median_frequency' or a list of numbers, none negative"
                f" and not all zero, got {shortened(value)}.",
            )
            for value in ("inverted", [1, -1, 1], [0, 0, 0], [1, "a", 1], [], 3, [1, float("inf"), 1], [True, 1, 1])
        ],
        (
            with_key("SOLVER", "CLASS_WEIGHTS", [1, 2]),
            "x.yaml: SOLVER.CLASS_WEIGHTS must list N_CLASSES numbers, 3, got 2.",
        ),
        (with_key("SOLVER", "PATIENCE", 3), "x.yaml: SOLVER.PATIENCE counts validations; set EVAL_EVERY too."),
        (
            with_key("SOLVER", "WARMUP", 20000),
            "x.yaml: SOLVER.WARMUP must be less than ITER_MAX, 20000, got 20000.",
        ),
        (with_key("SOLVER", "OHEM", {"THRESHOLD": 0}), "x.yaml: SOLVER.OHEM.THRESHOLD must be greater than 0, got 0."),
        (with_key("IMAGE", "AUGMENT", {"HUE": 1}), "x.yaml: IMAGE.AUGMENT.HUE must be at most 0.5, got 1."),
        (
            with_key("DATASET", "LABELS", "a\0b"),
            r"x.yaml: DATASET.LABELS must be one line of plain text, got 'a\x00b'.",
        ),
        (with_key("EXP", "ID", "a\u202eb"), r"x.yaml: EXP.ID must be one line of plain text, got 'a\u202eb'."),
        (with_key("EXP", "ID", "x" * 201), f"x.yaml: EXP.ID must be of at most 200 characters, got '{'x' * 56}...."),
        (
            with_key("DATASET", "SCALES", [1] * 101),
            f"x.yaml: DATASET.SCALES must be a list of at most 100, got [{'1, ' * 18}1,....",
        ),
        (
            with_key("SOLVER", "ITER_MAX", 2**31),
            "x.yaml: SOLVER.ITER_MAX must be at most 1,000,000,000, got 2147483648.",
        ),
        (
            with_key("DATALOADER", "NUM_WORKERS", 100_000),
            "x.yaml: DATALOADER.NUM_WORKERS must be at most 128, got 100000.",
        ),
        (with_key("SOLVER", "LABEL_SMOOTHING", 1), "x.yaml: SOLVER.LABEL_SMOOTHING must be less than 1, got 1."),
    ],
)
def test_what_is_wrong_is_one_sentence_with_the_key(mapping: Any, expected: str) -> None:
    assert message(mapping) == expected


@pytest.mark.parametrize(
    ("section", "key", "value", "part"),
    [
        ("MODEL", "NAME", "DeepLabV9", "MODEL.NAME 'DeepLabV9' is not a known model; valid names: ResNet50, "),
        ("DATASET", "NAME", "cityscapes", "DATASET.NAME 'cityscapes' is not a known dataset; valid names: folder, "),
    ],
)
def test_unknown_names_are_refused_with_the_valid_ones(section: str, key: str, value: str, part: str) -> None:
    assert part in message(with_key(section, key, value))


def test_image_pooling_needs_two_images_to_train_batch_norm() -> None:
    overrides = ["MODEL.NAME=DeepLabV3_ResNet50", "SOLVER.FREEZE_BN=false", "SOLVER.BATCH_SIZE.TRAIN=1"]
    assert message(MINIMAL, *overrides).startswith("--set: SOLVER.BATCH_SIZE.TRAIN must be at least 2 for DeepLabV3")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("SOLVER.LRR=1", "--set: SOLVER.LRR is not a known key; did you mean SOLVER.LR?"),
        ("SOLVER.LR=fast", "--set: SOLVER.LR must be a number, got 'fast'."),
        ("SOLVER.LR.X=1", '--set: SOLVER.LR must be a number, got {"X": 1}.'),
        ("SOLVER.LR=[1", "--set 'SOLVER.LR=[1': line 1: expected ',' or ']', but got '<stream end>'."),
        ("SOLVER.LR", "--set 'SOLVER.LR': expected KEY=VALUE, such as SOLVER.LR=1e-3."),
        ("MODEL.NAME=x", "--set: MODEL.NAME 'x' is not a known model; valid names: "),
        ("=1", "--set '=1': expected KEY=VALUE, such as SOLVER.LR=1e-3."),
    ],
)
def test_wrong_overrides_are_refused(override: str, expected: str) -> None:
    assert message(MINIMAL, override).startswith(expected)


def test_an_error_beside_an_override_names_the_file() -> None:
    mapping = with_key("MODEL", "N_BLOCKS", [1])
    assert message(mapping, "MODEL.NAME=DeepLabV1_ResNet50").startswith("x.yaml: MODEL.N_BLOCKS must list 4 numbers")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"DATASET:\n  N_CLASSES: 3\n  N_CLASSES: 4\n", "line 3: N_CLASSES appears twice."),
        (b"DATASET:\n\tN_CLASSES: 3", "line 2: found character '\\t' that cannot start any token."),
        (b"? [1, 2]\n: 4\n", "line 1: found unhashable key."),
        (b"a: !!python/object/apply:os.system [ls]", "line 1: could not determine a constructor"),
        (b"a\x00b", "not valid YAML: "),
        (b"\xff\xff", "the config file cannot be read: "),
    ],
)
def test_files_that_are_not_plain_yaml(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: {reason}")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the config file does not exist"):
        load_config(tmp_path / "none.yaml")


def test_labels_are_looked_for_in_the_current_folder_and_then_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "configs" / "labels.txt"
    path = beside.with_name("c.yaml")
    path.parent.mkdir()
    path.write_text("DATASET: {N_CLASSES: 3, LABELS: ./labels.txt, ROOT: images}\n")
    (path.parent / "images").mkdir()
    monkeypatch.chdir(tmp_path)

    def labels(*overrides: str) -> str | None:
        return load_config(path.relative_to(tmp_path), overrides).DATASET.LABELS

    assert labels() == "./labels.txt"  # nowhere yet
    beside.touch()
    assert labels() == "configs/labels.txt"
    assert str(beside) == load_config(path).DATASET.LABELS
    assert labels("DATASET.LABELS=other.txt") == "other.txt"
    assert labels("DATASET.LABELS=") is None
    assert load_config(path).DATASET.ROOT == "images"  # other paths are left alone
    (tmp_path / "labels.txt").touch()
    assert labels() == "./labels.txt"  # as the original means it


@pytest.mark.parametrize("labels", ["/none/labels.txt", "x" * 300])
def test_a_missing_labels_file_is_left_to_its_reader(tmp_path: Path, labels: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f'DATASET: {{N_CLASSES: 3, LABELS: "{labels}"}}\n')
    assert labels == load_config(path).DATASET.LABELS


def test_dotted_keys_go_down_to_the_last_section() -> None:
    keys = list(dotted_keys())
    assert {"EXP.ID", "DATASET.SPLIT.TRAIN", "IMAGE.MEAN.R", "SOLVER.BATCH_SIZE.TEST", "CRF.BI_RGB_STD"} <= set(keys)
    assert len(keys) == len(set(keys))


def test_home_and_variables_in_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("DATA", "/big")
    path = tmp_path / "a.yaml"
    path.write_text("DATASET: {N_CLASSES: 2, ROOT: ~/street, LABELS: $DATA/l.txt}\nEXP: {OUTPUT_DIR: '~'}\n")
    config = load_config(path, ["MODEL.INIT_MODEL=${DATA}/w$$1~.pth", "DATASET.PALETTE=a~/$1"])
    assert (config.DATASET.ROOT, config.DATASET.LABELS) == ("/home/ann/street", "/big/l.txt")
    assert (config.EXP.OUTPUT_DIR, config.MODEL.INIT_MODEL) == ("/home/ann", "/big/w$1~.pth")
    assert config.DATASET.PALETTE == "a~/$1"
    with pytest.raises(ConfigError, match=r"DATASET\.ROOT is '\$NO_SUCH/x', but the variable NO_SUCH is not set"):
        load_config(path, ["DATASET.ROOT=$NO_SUCH/x"])
    assert load_config(path, expands=False).DATASET.ROOT == "~/street"


@pytest.mark.parametrize(("text", "read_as"), [("010", 8), ("-017", -15), ("1:30", 90), ("1:30.5", 90.5)])
def test_numbers_that_yaml_reads_as_nobody_means_them_are_refused(tmp_path: Path, text: str, read_as: float) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"DATASET: {{N_CLASSES: 2}}\nSOLVER:\n  ITER_MAX: {text}\n")
    with pytest.raises(ConfigError, match=rf"a\.yaml: line 3: YAML reads {text} as {read_as}; write the number"):
        load_config(path)
    with pytest.raises(ConfigError, match=f"YAML reads {text} as {read_as}"):
        parse_config({"DATASET": {"N_CLASSES": 2}}, "test", [f"SOLVER.ITER_MAX={text}"])


def test_other_numbers_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("DATASET: {N_CLASSES: 0x10}\nSOLVER: {ITER_MAX: 1_000, LR: 0.5, MOMENTUM: 0, POLY_POWER: 00.5}\n")
    assert load_config(path).SOLVER.ITER_MAX == 1000


def test_an_ignored_class_says_what_to_do() -> None:
    with pytest.raises(
        ConfigError, match=r"IGNORE_LABEL 0 is also a class.*; in your masks, write 255 for pixels without"
    ):
        parse_config({"DATASET": {"N_CLASSES": 3, "IGNORE_LABEL": 0}}, "test")


@pytest.mark.parametrize(
    "override",
    [
        "SOLVER.LR=2001-99-99",
        f"SOLVER.LR={'9' * 4000}",
        f"SOLVER.LR=0x{'f' * 4000}",
        f"SOLVER.LR={'[' * 2000}",
        f"SOLVER.LR={'x' * 5000}",
        f"SOLVER.{'A.' * 900}B=1",
        "SOLVER.LR=[&a 1, *a]",
        "SOLVER.LR={<<: {a: 1}}",
        "SOLVER.LR=!!int ''",
        "SOLVER.LR=!!bool x",
        'EXP.ID="\\ud800"',
        'EXP.ID="a\\0b"',
    ],
)
def test_overrides_of_any_kind_are_one_short_sentence(override: str) -> None:
    sentence = message(MINIMAL, override)
    assert sentence.startswith("--set")
    assert len(sentence) < 250


def test_there_are_at_most_100_overrides() -> None:
    assert message(MINIMAL, *["EXP.ID=a"] * 101) == "--set: there are 101 overrides; the limit is 100."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("hunter2", "expected sections such as DATASET and SOLVER, got text."),
        ("[hunter2]", "expected sections such as DATASET and SOLVER, got a list."),
        ("password: hunter2", "a key is not known; keys are written in capitals, such as SOLVER.LR."),
        ("SOLVER: {LRR: hunter2}", "SOLVER.LRR is not a known key; did you mean SOLVER.LR?"),
        ("SOLVER: {LR: hunter2}", "SOLVER.LR must be a number, got text."),
        ("SOLVER: {LR: {hunter2: 1}}", "SOLVER.LR must be a number, got a section."),
        ("SOLVER: hunter2", "SOLVER must be a section with keys of its own, got text."),
        (
            "MODEL: {NAME: hunter2}",
            "MODEL.NAME text is not a known model; valid names: ResNet50",
        ),
        ("hunter2: 1\nhunter2: 1", "line 2: cannot be read as YAML."),
        ("x: !!bool hunter2", "not valid YAML."),
    ],
)
def test_a_discreet_sentence_repeats_nothing_of_a_file(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path, ["DATASET.N_CLASSES=3", "MODEL.WIDTH=64"] if content[0] in "SM" else ())
    assert caught.value.discreet.startswith(f"{path}: {sentence}")
    assert "hunter2" not in caught.value.discreet


def test_a_file_that_is_too_large_or_no_file(tmp_path: Path) -> None:
    large, pipe = tmp_path / "large.yaml", tmp_path / "pipe.yaml"
    large.write_bytes(b"#" * 1_000_001)
    os.mkfifo(pipe)
    for path, sentence in (
        (large, "has more than 1,000,000 bytes, the limit."),
        (pipe, "is not a regular file."),
        (tmp_path, "Is a directory."),
        (tmp_path / ("x" * 300), "File name too long."),
    ):
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert str(caught.value) == f"{path}: the config file cannot be read: {sentence}"
