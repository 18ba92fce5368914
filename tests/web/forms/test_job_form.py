import pytest

from web.forms.job_form import _FIRST_FIELDS, as_request, as_values, build_form, read_form
from web.forms.options import Option, Options
from worker.jobs.catalog import KINDS
from worker.jobs.requests.specs import SPECS, parse_spec

OPTIONS = Options(
    lists={"dataset": [Option("", "none"), Option("shapes", "Shapes")], "checkpoint": [Option("2", "2 · small")]},
    suggestions={"split": ["train", "val"]},
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_shows_every_field_of_its_spec_once(kind: str) -> None:
    form = build_form(kind, OPTIONS, {}, {})
    assert sorted(field.name for field in form.first + form.more) == sorted(SPECS[kind].model_fields)
    assert set(_FIRST_FIELDS[kind]) <= set(SPECS[kind].model_fields)
    assert all(field.title and field.description for field in form.first + form.more)
    assert not form.shows_more


def test_types_become_widgets() -> None:
    form = build_form("segment", OPTIONS, {}, {})
    fields = {field.name: field for field in form.first + form.more}
    assert {name: field.widget for name, field in fields.items()} == {
        "checkpoint": "checkpoint",
        "input": "input",
        "output": "folder",
        "crf": "checkbox",
        "overlays": "checkbox",
        "confidence": "checkbox",
        "overrides": "lines",
        "dataset": "select",
        "device": "select",
        "config": "config",
        "batch_size": "number",
        "every": "number",
        "max_failed": "text",
        "only_failed_of": "text",
        "video_output": "select",
        "mode": "select",
        "window": "text",
        "scales": "text",
        "flip": "checkbox",
        "after": "text",
        "priority": "number",
        "not_before": "text",
    }
    assert [option.value for option in fields["mode"].options] == ["", "whole", "slide"]
    assert [option.value for option in fields["device"].options] == ["auto", "cpu", "cuda"]
    assert fields["batch_size"].limits == {"min": 1, "max": 256}
    assert (fields["batch_size"].value, fields["device"].value, fields["overlays"].value) == ("4", "auto", "")
    assert fields["checkpoint"].required
    assert not fields["output"].required


def test_entered_values_and_errors_stand_at_their_fields() -> None:
    form = build_form("train", OPTIONS, {"seed": "many"}, {"config": "is required.", "seed": "input is odd."})
    fields = {field.name: field for field in form.first + form.more}
    assert fields["config"].error == "Configuration is required."
    assert fields["seed"].error == "Input is odd."
    assert fields["seed"].value == "many"
    assert form.shows_more  # the seed is among the folded fields


def test_an_error_about_no_field_of_the_form_is_kept() -> None:
    assert build_form("crf", OPTIONS, {}, {"config": "is gone."}).error == "config is gone."


def test_an_empty_form_asks_for_the_defaults() -> None:
    request = as_request("segment", read_form("segment", {"checkpoint": "2", "input": "/data/x", "output": " "}))
    boxes = dict.fromkeys(("crf", "overlays", "confidence", "flip"), False)
    assert request == {"checkpoint": "2", "input": "/data/x", **boxes}
    assert parse_spec("segment", request).model_dump()["batch_size"] == 4


def test_boxes_and_lines_arrive() -> None:
    sent = {"checkpoint": "2", "overrides": "A.B=1\r\nC.D=2", "save_logits": "on"}
    spec = parse_spec("evaluate", as_request("evaluate", read_form("evaluate", sent)))
    assert spec.overrides == ("A.B=1", "C.D=2")
    assert spec.model_dump()["save_logits"] is True
    assert as_request("evaluate", read_form("evaluate", {"checkpoint": "2"}))["save_logits"] is False


def test_a_typed_weights_file_goes_before_the_list() -> None:
    assert read_form("evaluate", {"checkpoint": "2", "checkpoint_path": "/data/w.pth"})["checkpoint"] == "/data/w.pth"
    assert read_form("evaluate", {"checkpoint": "2", "checkpoint_path": " "})["checkpoint"] == "2"


def test_a_request_survives_the_way_through_the_form() -> None:
    spec = parse_spec(
        "evaluate", {"checkpoint": "7", "save_logits": False, "overrides": ["A=1", "B=2"], "split": "val"}
    )
    values = as_values("evaluate", spec.model_dump(mode="json"))
    assert parse_spec("evaluate", as_request("evaluate", values)) == spec
