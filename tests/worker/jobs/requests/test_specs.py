from typing import Any

import pytest

from worker.jobs.catalog import KINDS
from worker.jobs.requests.spec_error import SpecError
from worker.jobs.requests.specs import SPECS, CrfSpec, SegmentSpec, TrainSpec, parse_spec


def test_every_kind_has_its_spec_and_queue() -> None:
    assert {kind: SPECS[kind].queue for kind in KINDS} == {
        "train": "gpu",
        "evaluate": "gpu",
        "crf": "cpu",
        "segment": "gpu",
        "check": "cpu",
        "import": "cpu",
        "register": "cpu",
        "onnx": "cpu",
        "try": "gpu",
    }


def test_a_crf_job_may_ask_for_a_gpu() -> None:
    assert CrfSpec(evaluate_job=1).chosen_queue() == "cpu"
    assert CrfSpec(evaluate_job=1, device="cuda").chosen_queue() == "gpu"


def test_every_field_says_what_it_is() -> None:
    for spec in SPECS.values():
        for name, field in spec.model_fields.items():
            assert field.title, f"{spec.kind}.{name}"
            assert field.description, f"{spec.kind}.{name}"


def test_a_form_s_strings_are_taken() -> None:
    spec = parse_spec(
        "train",
        {"config": " c.yaml ", "resume": "", "dataset": "", "seed": "3", "overrides": "A.B=1\r\n\r\n C.D=2 "},
    )
    assert spec == TrainSpec(config="c.yaml", resume=None, dataset=None, seed=3, overrides=("A.B=1", "C.D=2"))
    assert parse_spec("crf", {"evaluate_job": "4"}) == CrfSpec(evaluate_job=4)
    search = {"evaluate_job": "4", "grid": "BI_W=2,4\r\n\r\nITER_MAX=5", "sample": "30", "seed": "1"}
    assert parse_spec("crf", search) == CrfSpec(evaluate_job=4, grid=("BI_W=2,4", "ITER_MAX=5"), sample=30, seed=1)


def test_a_train_job_asks_for_one_gpu_unless_told_otherwise() -> None:
    assert TrainSpec(config="c").gpus == 1
    assert TrainSpec(config="c", device="cpu").gpus == 1
    assert TrainSpec(config="c", device="cuda", gpus=8).gpus == 8


def test_a_spec_survives_json() -> None:
    spec = SegmentSpec(checkpoint="3", input="in", overrides=("A.B=1",))
    assert parse_spec("segment", spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("kind", "fields", "wrong"),
    [
        (
            "draw",
            {},
            {"kind": "must be one of train, evaluate, crf, segment, check, import, register, onnx, try, got 'draw'."},
        ),
        ("train", {}, {"config": "is required."}),
        ("train", {"config": ""}, {"config": "is required."}),
        ("train", {"config": "c", "colour": "red"}, {"colour": "is not a field of this kind of job."}),
        ("train", {"config": "c", "seed": -1}, {"seed": "must be at least 0, got -1."}),
        ("train", {"config": "c", "device": "tpu"}, {"device": "must be one of auto, cpu, cuda, got 'tpu'."}),
        ("train", {"config": "c", "gpus": 0}, {"gpus": "must be at least 1, got 0."}),
        ("train", {"config": "c", "gpus": 65}, {"gpus": "must be at most 64, got 65."}),
        ("train", {"config": "c", "gpus": 2, "device": "cpu"}, {"gpus": "must be 1 with device cpu, got 2."}),
        ("evaluate", {"split": "val"}, {"checkpoint": "is required."}),
        (
            "crf",
            {"evaluate_job": 1, "grid": "BI_V=1"},
            {"grid": "'BI_V' is not a parameter of the CRF; did you mean BI_W?"},
        ),
        (
            "crf",
            {"evaluate_job": 1, "grid": ["BI_W="], "sample": 5},
            {"grid": "BI_W has an empty value; list numbers with commas between them, such as BI_W=2,4,8."},
        ),
        ("crf", {"evaluate_job": 1, "sample": "5"}, {"sample": "Only a grid search has a sample."}),
        (
            "crf",
            {"evaluate_job": 1, "grid": "BI_W=1", "sample": 0},
            {"sample": "must be at least 1, got 0."},
        ),
        ("segment", {}, {"checkpoint": "is required.", "input": "is required."}),
    ],
)
def test_every_wrong_field_is_named(kind: str, fields: dict[str, Any], wrong: dict[str, str]) -> None:
    with pytest.raises(SpecError) as error:
        parse_spec(kind, fields)
    assert error.value.fields == wrong


def test_fields_of_inference_stand_for_configuration_keys() -> None:
    form = {"checkpoint": "3", "input": "in", "mode": "slide", "window": "257", "scales": "0.5, 1", "flip": "on"}
    spec = parse_spec("segment", form)
    assert spec.chosen_keys() == (
        "INFERENCE.MODE=slide",
        "INFERENCE.WINDOW=257",
        "INFERENCE.SCALES=[0.5, 1]",
        "INFERENCE.FLIP=true",
    )
    empty = parse_spec("evaluate", {"checkpoint": "3", "mode": "", "window": "", "scales": ""})
    assert empty.chosen_keys() == ()
    with pytest.raises(SpecError, match="scales: must be positive numbers with commas between them, got '1;2'"):
        parse_spec("segment", {**form, "scales": "1;2"})


@pytest.mark.parametrize(
    ("kind", "fields", "field", "sentence"),
    [
        ("train", {"config": "x" * 5000}, "config", "must have at most 4,095 characters, got 5,000."),
        ("train", {"config": "a\nb"}, "config", r"must be one line of plain text, got 'a\nb'."),
        ("train", {"config": "a\ud800"}, "config", "must be plain text."),
        ("train", {"config": ["x"] * 1000}, "config", 'must be text, got ["x", "x", "x"'),
        ("train", {"config": "c", "overrides": ["A=1"] * 101}, "overrides", "must have at most 100 values, got 101."),
        (
            "train",
            {"config": "c", "overrides": "A=1\n" * 90_000},
            "overrides",
            "must have at most 100 values, got 90,000.",
        ),
        (
            "train",
            {"config": "c", "overrides": ["x" * 4097]},
            "overrides",
            "must have at most 4,096 characters, got 4,097.",
        ),
        ("train", {"config": "c", "\ud800": 1}, "request", "must be plain text."),
        (
            "train",
            {"config": "c", **{f"a{each}": 1 for each in range(100)}},
            "kind",
            "train has no more than 100 fields",
        ),
        ("evaluate", {"checkpoint": "1", "split": "a\x1b[31m"}, "split", "must be one line of plain text, got"),
        ("evaluate", {"checkpoint": "1", "split": "val\u202e"}, "split", "must be one line of plain text, got"),
        ("evaluate", {"checkpoint": "1", "window": 10**9}, "window", "must be at most 32768"),
        ("evaluate", {"checkpoint": "1", "scales": "1," * 500}, "scales", "must have at most 200 characters"),
        ("segment", {"checkpoint": "1", "input": "i", "output": "a\r\nb"}, "output", "must be one line of plain text"),
        ("crf", {"evaluate_job": 1, "grid": [f"BI_W={'1,' * 2000}"]}, "grid", "2,001 combinations are too many"),
        ("crf", {"evaluate_job": 1, "grid": ["BI_W=2001-99-99"]}, "grid", "BI_W must be a number from 0 to 1,000,000"),
        (
            "x" * 1000,
            {},
            "kind",
            "must be one of train, evaluate, crf, segment, check, import, register, onnx, try, got 'x",
        ),
    ],
)
def test_a_request_is_bounded(kind: str, fields: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(kind, fields)
    assert caught.value.fields[field].startswith(sentence)
    assert len(str(caught.value)) < 300
